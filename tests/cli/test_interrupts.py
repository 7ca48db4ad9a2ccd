"""Ctrl-C, whenever it comes: exit code 130, the user's own line if one is running, and the old build as it was."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

pytestmark = pytest.mark.ort

ROOT = Path(__file__).parent.parent.parent
IMPORT = "import time\ntime.sleep(600)  # at import\n"
BODY = """
import time

import dagc


@dagc.graph(deadline_s=1)
def slow(number: float) -> float:
    time.sleep(600)  # in the body
    return number
"""
STEP = """
import time

import dagc


@dagc.step
def halved(number: float) -> float:
    time.sleep(600)  # in the step
    return number / 2


@dagc.graph(deadline_s=1)
def slow(number: float) -> float:
    return halved(number)
"""
QUICK = "open('begun', 'w').close()\n" + STEP.replace("    time.sleep(600)  # in the step\n", "")


def begun(folder: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "dagc", *words], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        # What a shell begins in the background ignores it, and so would this.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def interrupted(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.parametrize(
    ("text", "line"), [(IMPORT, "# at import"), (BODY, "# in the body"), (STEP, "# in the step")]
)
def test_a_line_that_never_ends_is_named_while_it_runs_and_when_it_is_stopped(
    tmp_path: Path, text: str, line: str
) -> None:
    (tmp_path / "graph.py").write_text(text)
    number = next(place for place, found in enumerate(text.splitlines(), 1) if line in found)
    process = begun(tmp_path, "build", "graph.py", "-o", "out")
    assert process.stderr is not None
    assert process.stderr.readline() == f"after 5 s `graph.py` is running line {number}; Ctrl-C stops it\n"
    code, errors = interrupted(process)
    assert code == 130
    assert errors.startswith("error[E0137]: interrupted while `graph.py` was running\n")
    assert f"graph.py:{number}:" in errors and line in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.2, 0.3, 0.5, 0.8])
def test_an_interrupted_build_leaves_the_earlier_one_or_a_whole_new_one(tmp_path: Path, after_s: float) -> None:
    (tmp_path / "graph.py").write_text(QUICK)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "plan.json").write_text('{"dagc_version": "0", "services": []}')
    process = begun(tmp_path, "build", "graph.py", "-o", "out")
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    time.sleep(after_s)
    code, errors = interrupted(process)
    assert "Traceback" not in errors
    assert code in (0, 130, -signal.SIGINT)  # the last while Python itself was ending; a shell shows it as 130
    old = (tmp_path / "out" / "plan.json").read_text() == '{"dagc_version": "0", "services": []}'
    assert old or (tmp_path / "out" / "services").is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["begun", "graph.py", "out"]
