"""A built tree runs where only its requirements are installed: no dagc, no onnx, nothing of the compiler."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report
from dagc.evaluate.requests import stored_requests
from tests.running import ROOT, near, serving

pytestmark = [pytest.mark.ort, pytest.mark.port]

TABULAR = ROOT / "graphs" / "tabular"
# Without `site` no installed package is seen, nor the link to this repository; PYTHONPATH is all there is.
BARE = "-S"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "build"
    write(compile_file(TABULAR / "graph.py", Report(), lambda _words: None).tree, out)
    return out / "services" / "tabular"


@pytest.fixture(scope="module")
def environment(service: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment whose Python finds exactly what `requirements.txt` installs."""
    installed = tmp_path_factory.mktemp("installed")
    wanted = re.findall(r"^([\w.-]+)", (service / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    for name in dict.fromkeys(each for requirement in wanted for each in with_dependencies(requirement)):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or () if file.parts[0] != ".."} - {"__pycache__"}:
            if not (installed / top).exists():
                (installed / top).symlink_to(str(found.locate_file(top)))
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}


def with_dependencies(name: str, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of a distribution and of all it needs here."""
    yield name
    for line in distribution(name).requires or ():
        needed = Requirement(line)
        if needed.name not in seen and (needed.marker is None or needed.marker.evaluate({"extra": ""})):
            yield from with_dependencies(needed.name, (*seen, name))


def python(environment: dict[str, str], cwd: Path, code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, BARE, "-c", code]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["dagc", "onnx", "typer", "jinja2"])
def test_nothing_of_the_compiler_is_installed_there(
    environment: dict[str, str], tmp_path: Path, module: str
) -> None:
    done = python(environment, tmp_path, f"import {module}")
    assert f"ModuleNotFoundError: No module named '{module}'" in done.stderr


def test_what_the_users_file_imports_as_dagc_is_the_shim_of_the_tree(
    environment: dict[str, str], service: Path
) -> None:
    done = python(environment, service, "import graph; print(graph.dagc.__file__)")
    assert done.stdout.strip() == str(service / "dagc" / "__init__.py"), done.stderr


def test_the_service_answers_there_as_stored(environment: dict[str, str], service: Path) -> None:
    named = [each for each in stored_requests(TABULAR) if each.name.endswith(".json")]
    assert len(named) >= 3
    with serving(service, BARE, environment=environment) as address, httpx.Client(base_url=address) as client:
        for each in named:
            answer = client.post("/v1/tabular", json=each.stored.request)
            assert answer.status_code == 200, answer.text
            assert near(answer.json(), each.stored.response, each.stored.tolerance or 0), each.name


def test_a_service_loads_only_the_rooms_that_it_uses_and_nothing_for_its_first_request(
    environment: dict[str, str], service: Path
) -> None:
    code = """
import asyncio, json, pathlib, sys
import main
from dagc_runtime import on_demand

async def ask(body):
    answered = asyncio.get_running_loop().create_future()
    main.service.endpoints["/v1/tabular"].accept(body, asyncio.get_running_loop().time() + 60, answered.set_result)
    return (await answered).status

main.service.warm_up()
before = set(sys.modules)
body = dict(carat=0.7, depth=61.8, table=57, x=5.7, y=5.7, z=3.5, cut="Ideal", color="D", clarity="IF")
status = asyncio.run(ask(json.dumps(body).encode()))
rooms = sorted(set(on_demand._HOMES.values()))
loaded = [room for room in rooms if f"dagc_runtime.{room}" in sys.modules]
print(json.dumps([status, loaded, "numpy.random" in sys.modules, sorted(set(sys.modules) - before)]))
"""
    done = python(environment, service, code)
    assert done.stdout, done.stderr
    status, loaded, random, late = json.loads(done.stdout)
    assert status == 200, done.stderr
    assert loaded == []
    assert not random
    assert late == []
