"""The language under `mypy --strict` and pyright: only the marked lines of the sample are refused."""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

SAMPLE = Path(__file__).with_name("sample.py")
ROOT = SAMPLE.parent.parent.parent
BEGUN = ROOT / "templates" / "init" / "graph.py"
"""What `dagc init` writes: nothing of it is refused."""


def refused() -> dict[int, set[str]]:
    """The lines marked `# refused:` with mypy's codes."""
    lines = enumerate(SAMPLE.read_text(encoding="utf-8").splitlines(), start=1)
    marked = ((number, re.search(r"# refused: (.*)$", line)) for number, line in lines)
    return {number: set(mark[1].split(", ")) for number, mark in marked if mark}


def test_mypy_refuses_exactly_the_marked_lines() -> None:
    # In the repository's own cache, where `make types` has left everything but the sample.
    command = [sys.executable, "-m", "mypy", "--strict", "--output", "json", str(SAMPLE), str(BEGUN)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    found: defaultdict[int, set[str]] = defaultdict(set)
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message["severity"] == "error":
            assert SAMPLE.samefile(ROOT / message["file"]), message
            found[message["line"]].add(message["code"])
    assert dict(found) == refused()


def test_pyright_refuses_exactly_the_marked_lines() -> None:
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    command += [str(SAMPLE), str(BEGUN)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or not done.stdout.lstrip().startswith("{"):
        pytest.skip(f"pyright cannot run here (it fetches itself once): {done.stderr[-300:]}")
    messages = json.loads(done.stdout)["generalDiagnostics"]
    errors = [message for message in messages if message["severity"] == "error"]
    assert {message["file"] for message in errors} == {str(SAMPLE)}
    found = {message["range"]["start"]["line"] + 1 for message in errors}
    assert found == set(refused())
