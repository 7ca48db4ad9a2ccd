"""`dagc init`: what it writes is tested, checked, built and served as a newcomer would, and harms nothing."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.running import ROOT, dagc, near, serving

FILES = {
    "graph.py", "test_graph.py", "make_model.py", "models/late.onnx", "requests/express.json", ".gitignore",
}  # fmt: skip


def written(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.ort
@pytest.mark.port
def test_the_project_is_tested_checked_built_and_served_as_it_was_written(tmp_path: Path) -> None:
    done = dagc("init", "parcels", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    home = tmp_path / "parcels"
    assert written(home) == FILES
    commands = [line.split("  ")[1] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert commands == ["dagc check graph.py", "dagc serve graph.py --reload", "python -m pytest"]

    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=home, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (tested.returncode, "2 passed" in tested.stdout) == (0, True), tested.stdout
    checked = dagc("check", "graph.py", cwd=home)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stderr
    built = dagc("build", "graph.py", cwd=home)
    assert built.returncode == 0, built.stderr
    assert "(1 with stored answers)" in built.stdout and "2 sessions -> 1" in built.stdout

    stored = json.loads((home / "requests" / "express.json").read_text())
    with serving(home / "build" / "on_time" / "services" / "on_time") as address:
        answer = httpx.post(f"{address}/v1/on_time", json=stored["request"])
        refused = httpx.post(f"{address}/v1/on_time", json={**stored["request"], "weight_kg": 0})
    assert answer.status_code == 200 and near(answer.json(), stored["response"], 1e-5)
    assert refused.status_code == 422


@pytest.mark.parametrize("name", ["graph.py", "models/late.onnx"])
def test_what_is_there_already_is_told_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    mine = tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    done = dagc("init", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error[E0522]: `{name}` exists already, and nothing is overwritten\nhelp: ")
    assert written(tmp_path) == {name} and mine.read_text() == "mine"


def test_a_repository_keeps_its_own_gitignore_and_its_other_files(tmp_path: Path) -> None:
    for name in (".gitignore", "README.md"):
        (tmp_path / name).write_text("mine")
    done = dagc("init", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "left .gitignore as it is" in done.stdout
    assert written(tmp_path) == FILES | {"README.md"}
    assert (tmp_path / ".gitignore").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_a_diagnostic(tmp_path: Path) -> None:
    (tmp_path / "parcels").write_text("a file")
    done = dagc("init", "parcels", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error[E0508]: `parcels/graph.py` cannot be written: ")


def test_the_model_is_the_one_that_make_model_writes(tmp_path: Path) -> None:
    project = ROOT / "templates" / "init"
    (tmp_path / "make_model.py").write_bytes((project / "make_model.py").read_bytes())
    runpy.run_path(str(tmp_path / "make_model.py"), run_name="__main__")
    model = Path("models") / "late.onnx"
    assert (tmp_path / model).read_bytes() == (project / model).read_bytes()
