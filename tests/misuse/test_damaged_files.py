"""Files that no editor would write: other encodings, NUL bytes, and a right graph with pieces lost or doubled."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagc.diagnostics import CompileError, Report
from dagc.diagnostics.pages import codes
from dagc.frontend import check_file
from tests.dsl.user_files import HEADER

GRAPH = """
@dagc.graph(version="1.2.0", deadline_s=0.5)
def rate(payment: Payment, rows: list[Row]) -> tuple[Decision, list[Score]]:
    row = scaler(encode(payment))
    risk = dagc.mean(score(row), classifier(row).probabilities[0])
    each = dagc.each(rows, lambda item: score(scaler(item)), max_items=4)
    return decide(payment, dagc.where(payment.new, risk, risk * 0.5)), each
"""
RIGHT = HEADER + GRAPH
PIECES = re.findall(r"\w+|[^\w\s]|\s+", GRAPH)


def report_of(folder: Path, content: bytes) -> Report:
    (folder / "graph.py").write_bytes(content)
    report = Report()
    try:
        check_file(folder / "graph.py", report)
    except CompileError as error:
        return error.report
    return report


def test_the_whole_file_is_right(folder: Path) -> None:
    assert not report_of(folder, RIGHT.encode()).diagnostics


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"x = 1\nname = '\xff\xfe'\n", 2),
        (RIGHT.encode("utf-16"), 1),
        (b"x = 1\nname = 'a\0b'\n", 2),
        ("# -*- coding: latin-1 -*-\nname = 'größe'\n\n)\n".encode("latin-1"), 4),
        (b"# -*- coding: nonsense -*-\nx = 1\n", 1),
        (b"x = 1\r\ny = = 2\r\n", 2),
        (b"\xef\xbb\xbfx = 1\ny = = 2\n", 2),
    ],
)
def test_a_file_that_is_not_python_text_is_e0103_at_its_line(folder: Path, content: bytes, line: int) -> None:
    (found,) = report_of(folder, content).errors
    assert (found.code, found.span and found.span.line) == ("E0103", line)


def test_a_file_of_nothing_and_one_of_comments_define_no_graph(folder: Path) -> None:
    for content in (b"", b"\n\n", b"# a graph will be here\n", b'"""Soon."""'):
        assert [found.code for found in report_of(folder, content).errors] == ["E0102"]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.lists(st.integers(0, len(PIECES) - 1), min_size=1, max_size=3),
    how=st.sampled_from(["lost", "doubled", "replaced"]),
    by=st.sampled_from(PIECES),
)
def test_a_damaged_graph_is_right_or_told_with_a_code(folder: Path, at: list[int], how: str, by: str) -> None:
    pieces = list(PIECES)
    for place in at:
        pieces[place] = {"lost": "", "doubled": pieces[place] * 2, "replaced": by}[how]
    report = report_of(folder, (HEADER + "".join(pieces)).encode())
    assert {found.code for found in report.diagnostics} <= set(codes())
    assert all(found.span is not None or found.code == "E0102" for found in report.errors)
