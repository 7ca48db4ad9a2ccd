"""Progress is a line on a terminal, with counts, and nothing elsewhere; the compiler itself only tells."""

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from dagc.compile import compile_file
from dagc.diagnostics import Report
from dagc.diagnostics.progress import counted, doing, heard_by
from tests.running import DAGC, ROOT, dagc

pytestmark = pytest.mark.ort


def on_a_terminal(folder: Path, *words: str) -> tuple[str, str]:
    """What a command writes to a terminal of 120 columns on standard error, and to standard output."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [*DAGC, *words], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=theirs, text=True
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the terminal is gone with its last writer
                break
        assert process.stdout is not None
        printed = process.stdout.read()
    os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode(), printed


def test_a_terminal_sees_what_is_done_and_how_much_of_it(folder: Path) -> None:
    shown, printed = on_a_terminal(folder, "build", "graph.py")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "proving the fused form of `rate` equal" in plain
    assert re.search(r"\b64/64\b", plain)
    assert "wrote   build/rate" in printed


def test_elsewhere_there_is_no_progress(folder: Path) -> None:
    done = dagc("build", "graph.py", cwd=folder)
    assert "proving" not in done.stderr + done.stdout


def test_the_compiler_counts_what_takes_time(folder: Path) -> None:
    told: list[tuple[str, int, int]] = []

    def listen(words: str, done: int = 0, of: int = 0) -> None:
        told.append((words, done, of))

    with heard_by(listen):
        compile_file(folder / "graph.py", Report(), doing)
    words = {entry[0] for entry in told}
    assert {"tracing and checking", "fusing and optimising `rate`", "rendering"} <= words
    counts = [(done, of) for text, done, of in told if text.startswith("proving the fused form of")]
    assert counts == [(done, 64) for done in range(65)]


def test_nobody_has_to_listen() -> None:
    doing("something", 1, 2)
    assert list(counted("abc", "letters")) == ["a", "b", "c"]
