"""Mermaid flowcharts: one statement a line, whatever a name holds."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagc.pictures.diagram import Diagram
from dagc.pictures.mermaid import mermaid, quoted
from dagc.pictures.picture import picture_of_both
from tests.pictures.diagrams import crops, diagrams, hostile_picture, panel_picture, picture_of
from tests.sample_graphs import SAMPLES, soft_vote, two_waits

TEXT = r'"[^"\n<>{}|;`%\\]*(?:(?:<br/>|[#]\d+;)[^"\n<>{}|;`%\\]*)*"'
ID = r"p\d+s\d+(?:n\d+)?"
STATEMENTS = re.compile(
    rf"""flowchart\ LR
    | \ +subgraph\ {ID}\[{TEXT}\]
    | \ +direction\ TB
    | \ +{ID}(?:\[{TEXT}\]|\(\[{TEXT}\]\)|\[\[{TEXT}\]\]):::\w+
    | \ +{ID}\ (?:-->|==>)(?:\|{TEXT}\|)?\ {ID}
    | \ +end
    | \ +classDef\ \w+\ [\w#:,\-\ ]+""",
    re.VERBOSE,
)


def broken(document: str) -> list[str]:
    return [line for line in document.splitlines() if not STATEMENTS.fullmatch(line)]


@pytest.mark.parametrize("make", SAMPLES, ids=lambda make: make.__name__)
def test_every_line_is_a_statement(make: Callable[[], object]) -> None:
    assert not broken(mermaid([picture_of(make())]))  # type: ignore[arg-type]


def test_no_name_is_read_as_syntax() -> None:
    document = mermaid([hostile_picture()])
    assert not broken(document)
    lines = [line.strip() for line in document.splitlines()]
    assert sum(line.startswith("subgraph ") for line in lines) == lines.count("end")


@settings(max_examples=40, deadline=None)
@given(diagrams())
def test_no_diagram_breaks_a_line(diagram: Diagram) -> None:
    assert not broken(mermaid([panel_picture(diagram)]))


@given(st.text())
def test_quoted_text_holds_nothing_that_ends_it(text: str) -> None:
    assert re.fullmatch(TEXT, f'"{quoted(text)}"')


def test_ordinary_names_are_left_readable() -> None:
    assert quoted("soft_vote [1:-1] graph.py:2-5 · f32[30]") == "soft_vote [1:-1] graph.py:2-5 · f32[30]"


@pytest.mark.parametrize("make", [soft_vote, two_waits], ids=lambda make: make.__name__)
def test_the_flowchart_is_as_reviewed(make: Callable[[], object], golden: Callable[[str, str], None]) -> None:
    golden(f"{make.__name__}.mmd", mermaid([picture_of(make())]))  # type: ignore[arg-type]


def test_regions_are_subgraphs(golden: Callable[[str, str], None]) -> None:
    golden("crops.mmd", mermaid([picture_of_both(crops(), crops(), "texts")]))
