"""Every wrong graph of `wrong/` is told at its line with its code, alone and beside others, never as a traceback.

A case is what follows the header of `tests/dsl/user_files.py` in a `graph.py`; `#: E0203` stands at the end of a
line that has to be told, codes that belong to no line stand in brackets behind the title.
"""

import ast
import re
import sys
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagc.diagnostics import CompileError, Diagnostic, Report
from dagc.diagnostics.pages import codes
from dagc.diagnostics.text import render
from dagc.frontend import check_file
from tests.dsl.user_files import HEADER

Told = set[tuple[int, str]]
"""Lines, counted from the end of the header, and the codes told there; line 0 stands for no line."""

WRONG = Path(__file__).parent / "wrong"
ABOVE = HEADER.count("\n")


@dataclass(frozen=True)
class Case:
    """A title, the text of a graph and what has to be told of it."""

    file: str
    title: str
    text: str

    @property
    def expected(self) -> Told:
        loose = {(0, code) for code in re.findall(r"\b[EW]0\d{3}\b", self.title)}
        marked = ((n, line.partition("#: ")[2]) for n, line in enumerate(self.text.splitlines(), 1))
        return loose | {(n, code) for n, mark in marked for code in mark.split()}

    @property
    def names(self) -> set[str]:
        """What the case defines at its top level."""
        found = set()
        for node in ast.parse(self.text).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign):
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        return found

    def renamed(self, number: int) -> str:
        """The text with every name it defines made different from those of other cases."""
        pattern = re.compile(rf"(?<![\w.\"/'])({'|'.join(map(re.escape, self.names)) or '(?!)'})\b(?!=)")
        return pattern.sub(rf"\1_{number}", self.text)


def cases(file: Path) -> list[Case]:
    parts = re.split(r"^=== ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [Case(file.stem, *part.split("\n", 1)) for part in parts]


CASES = [case for file in sorted(WRONG.glob("*.txt")) for case in cases(file)]
HEADER_NAMES = {"score", "scaler", "classifier", "encode", "decide", "Payment", "Decision", "Row", "Score"}


def told(folder: Path, text: str) -> tuple[Told, Report]:
    """What is told of a graph file, and the whole report; the file's own text is the one with marks."""
    (folder / "graph.py").write_text(HEADER + text, encoding="utf-8")
    report = Report()
    try:
        check_file(folder / "graph.py", report)
    except CompileError as error:
        report = error.report
    return {(_line(found), found.code) for found in report.diagnostics}, report


def _line(found: Diagnostic) -> int:
    return found.span.line - ABOVE if found.span else 0


@pytest.fixture(autouse=True)
def nobody_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that asks at import is answered by nobody."""
    monkeypatch.setattr(sys, "stdin", StringIO())
    monkeypatch.setattr(sys, "argv", ["dagc"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.title}")
def test_a_wrong_graph_is_told_with_its_code_at_its_line(folder: Path, case: Case) -> None:
    found, report = told(folder, case.text)
    assert found == case.expected, report.diagnostics
    assert {code for _, code in found} <= set(codes())
    shown = render(report, cwd=folder, color=False)
    assert "Traceback" not in shown and "E0900" not in shown
    assert not any("\n" in d.message or d.message[0].isupper() for d in report.diagnostics)


def test_there_are_more_than_150_and_five_mistakes_are_five_errors() -> None:
    assert len(CASES) > 250
    assert all(len(case.expected) == 5 for case in CASES if case.file == "five")
    titles = [case.title for case in CASES]
    assert len(set(titles)) == len(titles)


def _independent(case: Case) -> bool:
    """Whether a case can stand beside others: importing it ends, and what it defines is its own."""
    return case.file not in ("imports", "five") and not case.names & HEADER_NAMES


BESIDE = [case for case in CASES if _independent(case)]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(BESIDE), min_size=2, max_size=5, unique=True))
def test_wrong_graphs_in_one_file_are_each_told_as_if_alone(folder: Path, chosen: list[Case]) -> None:
    text, expected = "", set()
    for number, case in enumerate(chosen):
        above = text.count("\n")
        text += case.renamed(number) + "\n\n"
        expected |= {(line + above, code) for line, code in case.expected}
    found, report = told(folder, text)
    assert found == expected, (text, report.diagnostics)
