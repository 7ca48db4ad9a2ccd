"""Graph files as text, compiled with the small models of the pages beside them, and their services running."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagc.artifacts.write import write
from dagc.compile import Compilation, compile_file
from dagc.diagnostics import Report
from tests.dsl.user_files import MODELS
from tests.running import ROOT
from tests.runtime.front.conftest import Process

STEADY = ROOT / "tests" / "steady.py"
WARNINGS = frozenset({"W0340", "W0501", "W0805"})


def compiled(folder: Path, text: str, allowed: frozenset[str] = WARNINGS) -> Compilation:
    """The build of `text` as graph.py of an empty folder; only warnings that are `allowed` may be given."""
    (folder / "models").mkdir()
    for make in MODELS:
        (folder / "models" / f"{make.__name__}.onnx").write_bytes(make())
    (folder / "graph.py").write_text(text)
    report = Report(str(folder))
    made = compile_file(folder / "graph.py", report, lambda words: None)
    assert {found.code for found in report.diagnostics} <= allowed, report.diagnostics
    assert {proof.verdict for proof in made.proofs} == {"equal"}
    return made


@contextmanager
def running(compilation: Compilation, out: Path, *, nap_s: float = 0.0) -> Iterator[Process]:
    """The only service of a build, written to `out`, with one worker and steady turns; it is killed in the end.

    Its steps may sleep for NAP_S seconds; in the build's proof they sleep for none.
    """
    write(compilation.tree, out)
    (folder,) = (out / "services").iterdir()
    child = subprocess.Popen(
        [sys.executable, STEADY, "--port", "0", "--drain-s", "0"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={
            **os.environ,
            "ORT_DISABLE_TELEMETRY": "1",
            "DAGC_ACCESS_LOG": "off",
            "DAGC_WORKERS": "1",
            "NAP_S": str(nap_s),
        },
    )  # fmt: skip
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert " ready on http://127.0.0.1:" in line, child.communicate()
        yield Process(child, int(line.rpartition(":")[2]))
    finally:
        child.kill()
        child.communicate()
