"""Pictures for a terminal: never wider than 100 columns, strokes where they fit and a list where not."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, settings

from dagc.pictures.diagram import Diagram
from dagc.pictures.folding import folded
from dagc.pictures.lettering import columns
from dagc.pictures.picture import picture_of_both
from dagc.pictures.sizes import Bend
from dagc.pictures.text import text
from dagc.pictures.tracks import TangledError, tracks
from tests.pictures.diagrams import crops, diagrams, hostile_picture, linked, panel_picture, picture_of
from tests.pictures.test_folding import SHAPES, made
from tests.sample_graphs import (
    SAMPLES,
    around_a_step,
    barriers,
    chain,
    constants,
    every_expression,
    fan_out,
    hard_vote,
    pipeline,
    scalar_arithmetic,
    several_outputs,
    soft_vote,
    strings,
    two_waits,
    unused_outputs,
)  # fmt: skip

REVIEWED = (
    around_a_step, barriers, chain, constants, every_expression, fan_out, hard_vote, pipeline, scalar_arithmetic,
    several_outputs, soft_vote, strings, two_waits, unused_outputs,
)  # fmt: skip


@pytest.mark.parametrize("make", REVIEWED, ids=lambda make: make.__name__)
def test_the_picture_is_as_reviewed(make: Callable[[], object], golden: Callable[[str, str], None]) -> None:
    golden(f"{make.__name__}.txt", text([picture_of(make())]))  # type: ignore[arg-type]


@pytest.mark.parametrize("make", SAMPLES, ids=lambda make: make.__name__)
def test_every_sample_fits_a_terminal(make: Callable[[], object]) -> None:
    drawn = text([picture_of(make())])  # type: ignore[arg-type]
    assert max(map(columns, drawn.splitlines())) <= 100


def test_regions_are_frames(golden: Callable[[str, str], None]) -> None:
    golden("crops.txt", text([picture_of_both(crops(), crops(), "texts")]))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_large_graph_is_a_list(shape: str) -> None:
    lines = text([panel_picture(folded(made(300, shape)))]).splitlines()
    assert max(map(columns, lines)) <= 100
    assert len(lines) < 200


def test_a_box_that_several_read_is_told_once() -> None:
    wide = " ".join(f"in>a{i} a{i}>out" for i in range(12))
    lines = text([panel_picture(linked(wide, {"in": "input", "out": "output"}))]).splitlines()
    assert sum("(input)" in line for line in lines) == 1
    assert sum("in  f32[]  (see above)" in line for line in lines) == 11


@settings(max_examples=60, deadline=None)
@given(diagrams())
def test_no_line_is_wider_than_100_columns(diagram: Diagram) -> None:
    drawn = text([panel_picture(folded(diagram))])
    assert max(map(columns, drawn.splitlines())) <= 100


def test_no_name_reaches_the_terminal_as_a_command() -> None:
    drawn = text([hostile_picture()])
    assert {unicodedata.category(c) for c in drawn} & {"Cc", "Cf", "Cs"} <= {"Cc"}
    assert {c for c in drawn if unicodedata.category(c) == "Cc"} == {"\n"}


def test_wires_that_overlap_take_tracks_of_their_own() -> None:
    assert tracks([Bend(1, 0, 10), Bend(2, 5, 15)]) == {1: 0, 2: 1}
    assert tracks([Bend(1, 0, 4), Bend(2, 6, 9)]) == {1: 0, 2: 0}
    assert tracks([Bend(1, 3, 3)]) == {}


def test_a_wire_turns_below_the_one_that_starts_where_it_ends() -> None:
    assert tracks([Bend(1, 0, 10), Bend(2, 10, 20)]) == {1: 1, 2: 0}


def test_wires_that_change_places_cannot_be_told_apart() -> None:
    with pytest.raises(TangledError):
        tracks([Bend(1, 0, 10), Bend(2, 10, 0)])
