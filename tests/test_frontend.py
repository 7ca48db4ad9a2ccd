"""How every build begins: what a check leaves behind."""

import gc
from pathlib import Path

import pytest

from dagc.diagnostics import CompileError, Report
from dagc.frontend import check_file


def test_cycles_are_looked_for_again_after_a_check_that_fails(tmp_path: Path) -> None:
    file = tmp_path / "graph.py"
    file.write_text("import dagc\n\n\n@dagc.graph\ndef half(x):\n    return x\n", encoding="utf-8")
    assert gc.isenabled()
    with pytest.raises(CompileError):
        check_file(file, Report(str(tmp_path)))
    assert gc.isenabled()
