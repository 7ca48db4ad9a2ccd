"""How `dagc` begins and ends: help, usage, exit codes, and no traceback whatever happens."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.running import ROOT, dagc

COMMANDS = ("init", "check", "plan", "build", "serve", "lock", "explain", "demo")
MISUSES = (
    [],
    ["bulid"],
    ["check"],
    ["check", "a.py", "b.py"],
    ["plan", "--fast", "a.py"],
    ["check", "a.py", "--format", "xml"],
    ["serve", "a.py", "--port", "70000"],
    ["demo", "--port", "some"],
    ["explain", "E0203", "W0501"],
)
HEAVY = (
    "numpy",
    "onnx",
    "onnxruntime",
    "pydantic",
    "jinja2",
    "dagc.frontend",
    "dagc.compile",
)


@pytest.mark.parametrize("words", MISUSES, ids=" ".join)
def test_a_command_line_that_cannot_be_understood_ends_with_2_and_says_how_it_is_used(
    tmp_path: Path, words: list[str]
) -> None:
    done = dagc(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "Usage: dagc" in done.stderr
    assert "E0900" not in done.stderr


@pytest.mark.ort
@pytest.mark.parametrize("command", ["check", "plan", "build", "serve --port 0", "lock"])
def test_a_mistake_of_the_user_ends_with_1_and_a_diagnostic(folder: Path, command: str) -> None:
    done = dagc(*command.split(), "wrong.py", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[E0203]: ")
    assert "wrong.py:17:12" in done.stderr


@pytest.mark.parametrize("command", ["check", "plan", "build", "serve --port 0", "lock"])
def test_a_missing_file_is_a_diagnostic_that_knows_the_right_name(folder: Path, command: str) -> None:
    done = dagc(*command.split(), "grahp.py", cwd=folder)
    assert done.returncode == 1
    assert done.stderr.startswith("error[E0100]: there is no file `grahp.py`\nhelp: did you mean `graph.py`?\n")


def test_a_fault_of_ours_ends_with_3_and_keeps_the_traceback_in_a_file(folder: Path, tmp_path: Path) -> None:
    sabotage = (
        "import dagc.frontend, sys\n"
        "def broken(*_, **__): raise KeyError('a bug of ours')\n"
        "dagc.frontend.check_file = broken\n"
        "from dagc.cli.main import main\n"
        "sys.argv = ['dagc', 'check', 'graph.py']\n"
        "main()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", sabotage], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stderr.startswith("error[E0900]: dagc failed, and it is not your graph's fault: KeyError\n")
    assert "Traceback" not in done.stderr
    (kept,) = tmp_path.glob("dagc-crash-*.txt")
    assert str(kept) in done.stderr
    assert "a bug of ours" in kept.read_text()


def test_the_help_names_every_command_and_the_help_of_each_shows_an_example(tmp_path: Path) -> None:
    overview = dagc("--help", cwd=tmp_path).stdout
    assert "Example: dagc " in overview
    for command in COMMANDS:
        assert f"\n  {command} " in overview
        done = dagc(*command.split(), "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert f"Example: dagc {command}" in done.stdout
    assert "..." not in overview.partition("Commands:")[2]


def test_the_help_loads_nothing_heavy(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "dagc", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "dagc.cli.main" in loaded
    assert not loaded & set(HEAVY)


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    assert dagc("--version", cwd=tmp_path).stdout == f"dagc {version('dagc')}\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_seen_enough_is_told_nothing(tmp_path: Path, unbuffered: str) -> None:
    script = f'"{sys.executable}" -m dagc explain | true; exit "${{PIPESTATUS[0]}}"'
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.ort
def test_a_picture_is_drawn_on_a_machine_that_is_not_set_to_utf_8(folder: Path) -> None:
    drawn = dagc("graph", "graph.py", cwd=folder)
    piped = dagc("graph", "graph.py", cwd=folder, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (piped.returncode, piped.stdout) == (0, drawn.stdout) and not piped.stdout.isascii()
    plain = dagc("graph", "graph.py", cwd=folder, PYTHONIOENCODING="ascii")
    assert plain.returncode == 0 and plain.stdout.isascii() and "| answer  |" in plain.stdout
    assert [*map(len, plain.stdout.splitlines())] == [*map(len, drawn.stdout.splitlines())]


@pytest.mark.ort
def test_json_for_programs_is_all_that_is_on_standard_output(folder: Path) -> None:
    wrong = dagc("check", "wrong.py", "--format", "json", cwd=folder)
    assert wrong.returncode == 1
    (found,) = json.loads(wrong.stdout)["diagnostics"]
    assert found["code"] == "E0203"
    right = dagc("check", "graph.py", "--format", "json", cwd=folder)
    assert json.loads(right.stdout) == {"diagnostics": [], "errors": 0, "warnings": 0}
    planned = dagc("plan", "graph.py", "--format", "json", cwd=folder)
    built = dagc("build", "graph.py", "--format", "json", cwd=folder)
    assert planned.stdout.encode() == (folder / "build" / "rate" / "plan.json").read_bytes()
    assert json.loads(built.stdout)["proofs"][0]["verdict"] == "equal"
    assert planned.returncode == built.returncode == 0
    assert "warning[W0501]" in planned.stderr and "warning[W0501]" in built.stderr
