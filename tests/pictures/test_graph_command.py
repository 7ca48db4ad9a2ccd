"""`dagc graph` as a user runs it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent.parent
TABULAR = ROOT / "graphs" / "tabular" / "graph.py"
BROKEN = ROOT / "graphs" / "tabular" / "broken" / "renamed_column.py"


def dagc(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dagc", "graph", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")


@pytest.mark.parametrize(
    ("form", "name"), [("text", "tabular.txt"), ("svg", "tabular.svg"), ("mermaid", "tabular.mmd")]
)
def test_the_reference_graph_is_drawn_as_reviewed(
    form: str, name: str, golden: Callable[[str, str], None]
) -> None:
    run = dagc(TABULAR, "--format", form)
    assert run.returncode == 0, run.stderr
    golden(name, run.stdout)


def test_text_is_the_default_and_a_stage_can_be_chosen() -> None:
    before, after = dagc(TABULAR, "--stage", "before").stdout, dagc(TABULAR, "--stage", "after").stdout
    assert "before: as written" in before
    assert "after" not in before
    assert "one session" in after
    assert "before" not in after


def test_the_ending_of_the_file_says_the_form(tmp_path: Path) -> None:
    out = tmp_path / "picture.svg"
    run = dagc(TABULAR, "-o", out)
    assert (run.returncode, run.stdout) == (0, f"wrote {out}\n")
    assert ElementTree.parse(out).getroot().tag.endswith("svg")


def test_a_mistake_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    run = dagc(BROKEN, "-o", tmp_path / "picture.svg")
    assert run.returncode == 1
    assert "error[E0206]" in run.stderr
    assert not list(tmp_path.iterdir())


def test_the_graph_itself_is_never_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "graph.py"
    source.write_bytes(TABULAR.read_bytes())
    run = dagc(source, "-o", source)
    assert run.returncode == 2
    assert source.read_bytes() == TABULAR.read_bytes()


def test_a_file_that_cannot_be_written_is_a_diagnostic(tmp_path: Path) -> None:
    run = dagc(TABULAR, "--stage", "before", "-o", tmp_path / "missing" / "picture.svg")
    assert run.returncode == 1
    assert "error[E0508]" in run.stderr
