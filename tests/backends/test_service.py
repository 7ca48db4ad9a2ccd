"""The tree of a build: complete, the same under every hash seed, and parseable whatever a user wrote."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dagc.artifacts.lock import make_lock
from dagc.artifacts.pinned import Pinned
from dagc.backends.service import render_service, settings
from dagc.diagnostics import CompileError
from dagc.plan.outside import Resource
from dagc.plan.service_plan import ServicePlan

HASHES = ("sha256:" + "0" * 64, "sha256:" + "1" * 64)

DIGEST = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("samples", sys.argv[1])
samples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(samples)
from dagc.backends.service import render_service
print(render_service(samples.whole_plan(), samples.MODELS, {"graph.py": samples.SOURCE}).digest())
"""


def test_the_tree_holds_what_a_service_needs_and_the_users_files_unchanged(plan, models, sources):
    files = render_service(plan, models, sources).files
    service = "services/graph"
    for name in ("main.py", "service.json", "openapi.json", "requirements.txt", "graph.py", "dagc/tensors.py"):
        assert f"{service}/{name}" in files
    assert files[f"{service}/graph.py"] == sources["graph.py"]
    assert files[f"{service}/models/classifier.onnx"] == b"classifier"
    assert any(path.startswith(f"{service}/dagc_runtime/") for path in files)
    assert not any("/shim/" in path or "__pycache__" in path for path in files)


def test_an_embedded_store_goes_only_to_the_service_whose_steps_read_it(plan, models, sources):
    store = Resource(
        setting="STORE_URL", kind="sql", module="graph", name="s", default="sqlite:///a.db", lines=("graph.py:1",)
    )
    asking = plan.services[0].model_copy(update={"resources": (store,)})
    other = plan.services[0].model_copy(update={"name": "other", "resources": ()})
    both = plan.model_copy(update={"services": (asking, other)})
    files = render_service(both, models, {**sources, "a.db": b"rows"}).files
    assert f"services/{asking.name}/a.db" in files and "services/other/graph.py" in files
    assert "services/other/a.db" not in files


def test_plan_json_is_the_plan(plan, models, sources):
    tree = render_service(plan, models, sources)
    assert ServicePlan.model_validate_json(tree.files["plan.json"]) == plan


def test_service_json_holds_the_numbers_and_no_stages(plan):
    found = json.loads(settings(plan.services[0], "0.1.0"))
    assert list(found) == ["service", "dagc_version", "endpoints", "sessions", "steps"]
    assert set(found["endpoints"][0]) == {
        "name",
        "version",
        "route",
        "body",
        "parameters",
        "waits",
        "limits",
        "takes_bytes",
        "inference",
    }
    assert set(found["sessions"][0]) == {"name", "model", "sha256", "feeds", "fetches", "max_batch", "one_by_one"}


def test_requirements_come_from_the_lock_with_hashes(plan, models, sources):
    pins = (
        Pinned(name="numpy", version="2.0", marker="python_full_version < '3.12'", hashes=HASHES),
        Pinned(name="onnxruntime", version="1.22", hashes=HASHES[:1]),
    )
    tree = render_service(plan, models, sources, lock=make_lock({}, pins, dagc_version="0.1.0"))
    assert tree.files["services/graph/requirements.txt"].decode() == (
        f"numpy==2.0 ; python_full_version < '3.12' \\\n    --hash={HASHES[0]} \\\n    --hash={HASHES[1]}\n"
        f"onnxruntime==1.22 \\\n    --hash={HASHES[0]}\n"
    )
    assert b'"onnxruntime"' in tree.files["dagc.lock"]


def test_without_a_lock_requirements_say_that_they_are_not_pinned(plan, models, sources):
    tree = render_service(plan, models, sources)
    text = tree.files["services/graph/requirements.txt"].decode()
    assert text.startswith("# Not pinned") and "\nonnxruntime\n" in text and "dagc.lock" not in tree.files


@pytest.mark.parametrize("path", ["main.py", "dagc.py", "dagc/x.py", "dagc_runtime.py"])
def test_a_users_file_with_the_name_of_a_generated_one_is_refused(plan, models, sources, path):
    with pytest.raises(CompileError, match="E0602"):
        render_service(plan, models, {**sources, path: b""})


def test_two_processes_with_different_hash_seeds_make_the_same_bytes(tmp_path):
    found = set()
    for seed in ("0", "1", "4242"):
        folder = tmp_path / seed
        folder.mkdir()
        command = [sys.executable, "-c", DIGEST, str(Path(__file__).with_name("conftest.py"))]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1


def test_no_file_names_this_machine(plan, models, sources):
    here = str(Path(__file__).parents[2]).encode()
    tree = render_service(plan, models, sources)
    assert not [
        path for path, content in tree.files.items() if here in content or os.uname().nodename.encode() in content
    ]
