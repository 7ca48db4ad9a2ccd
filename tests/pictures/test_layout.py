"""Laws of the layout, for pixels and for terminal cells: nothing overlaps and nothing leaves its frame."""

from collections.abc import Iterator
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagc.pictures.cells import CellSizes
from dagc.pictures.coordinates import spread
from dagc.pictures.diagram import Diagram, Group
from dagc.pictures.folding import folded
from dagc.pictures.layout import Area, Layout
from dagc.pictures.nesting import laid_out
from dagc.pictures.sizes import Sizes
from dagc.pictures.svg_sizes import SvgSizes
from dagc.pictures.tracks import TangledError
from tests.pictures.diagrams import diagrams, linked
from tests.pictures.test_folding import SHAPES, made

SIZES = st.sampled_from([SvgSizes(), CellSizes()])


def overlap(a: Area, b: Area) -> bool:
    near = 0.01
    return a.x + near < b.right and b.x + near < a.right and a.y + near < b.bottom and b.y + near < a.bottom


def holds(outer: Area, inner: Area) -> bool:
    near = 0.01
    return (
        outer.x <= inner.x + near
        and outer.y <= inner.y + near
        and inner.right <= outer.right + near
        and inner.bottom <= outer.bottom + near
    )


def drawn(diagram: Diagram, sizes: Sizes) -> Layout:
    try:
        return laid_out(diagram, sizes)
    except TangledError:  # the terminal then shows a list
        return Layout()


def inside(diagram: Diagram) -> dict[str, set[str]]:
    """All boxes of each group, those in inner groups too."""
    groups = {group.id: group for group in diagram.groups}

    def members(group: Group) -> Iterator[str]:
        for member in group.members:
            yield from members(groups[member]) if member in groups else (member,)

    return {group.id: set(members(group)) for group in diagram.groups}


def no_two_boxes_or_labels_overlap(layout: Layout) -> None:
    for (_, a), (_, b) in combinations([*layout.boxes, *layout.labels], 2):
        assert not overlap(a, b)


def frames_hold_their_members_and_nothing_else(layout: Layout, diagram: Diagram) -> None:
    members = inside(diagram)
    for frame in layout.frames:
        for box, area in layout.boxes:
            if box.id in members[frame.group.id]:
                assert holds(frame.area, area)
            else:
                assert not overlap(frame.area, area)


def everything_is_inside_the_picture(layout: Layout) -> None:
    whole = Area(0, 0, layout.width, layout.height)
    for area in [area for _, area in (*layout.boxes, *layout.labels)] + [frame.area for frame in layout.frames]:
        assert holds(whole, area)


def no_wire_passes_through_a_box_or_a_label(layout: Layout) -> None:
    areas = [area for _, area in (*layout.boxes, *layout.labels)]
    for upright in layout.uprights:
        line = Area(upright.x - 0.1, upright.y, 0.2, upright.bottom - upright.y)
        assert not any(overlap(line, area) for area in areas)
    for gap in layout.gaps:
        for bend in gap.bends:
            left, right = sorted((bend.upper_x, bend.lower_x))
            way = Area(left - 0.1, gap.y, right - left + 0.2, gap.bottom - gap.y)
            assert not any(overlap(way, area) for area in areas)


def no_wire_crosses_the_title_of_a_frame(layout: Layout, sizes: Sizes) -> None:
    for frame in layout.frames:
        title = Area(frame.title_x, frame.area.y, sizes.title(frame.group.title), sizes.spacing.head)
        assert holds(Area(frame.area.x, frame.area.y, frame.area.width, frame.area.height), title)
        for upright in layout.uprights:
            line = Area(upright.x - 0.1, upright.y, 0.2, upright.bottom - upright.y)
            assert not overlap(line, title)


def every_edge_ends_at_its_box_with_an_arrow(layout: Layout, diagram: Diagram) -> None:
    areas = {box.id: area for box, area in layout.boxes}
    tips = [(round(u.bottom, 1), u.x) for u in layout.uprights if u.is_tip]
    for target in {edge.target for edge in diagram.edges} & areas.keys():
        area = areas[target]
        wires = {(edge.source, edge.label) for edge in diagram.edges if edge.target == target}
        landed = [x for y, x in tips if y == round(area.y, 1) and area.x <= x <= area.right]
        assert len(landed) == len(set(landed)) == len(wires)


@settings(max_examples=80, deadline=None)
@given(diagrams(), SIZES)
def test_every_law_holds_of_any_diagram_and_a_second_layout_is_equal(diagram: Diagram, sizes: Sizes) -> None:
    less = folded(diagram)
    layout = drawn(less, sizes)
    no_two_boxes_or_labels_overlap(layout)
    frames_hold_their_members_and_nothing_else(layout, less)
    everything_is_inside_the_picture(layout)
    no_wire_passes_through_a_box_or_a_label(layout)
    no_wire_crosses_the_title_of_a_frame(layout, sizes)
    every_edge_ends_at_its_box_with_an_arrow(layout, less)
    assert drawn(less, sizes) == layout


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [3, 10, 50, 300, 3000])
def test_the_size_is_bounded(count: int, shape: str) -> None:
    layout = laid_out(folded(made(count, shape, framed=True)), SvgSizes())
    assert layout.width <= 4000
    assert layout.height <= 4500


def test_a_chain_is_a_straight_line() -> None:
    layout = laid_out(linked("a>b b>c c>d", {"a": "input", "d": "output"}), SvgSizes())
    assert len({round(area.middle, 1) for _, area in layout.boxes}) == 1
    assert all(bend.upper_x == bend.lower_x for gap in layout.gaps for bend in gap.bends)


def test_a_fork_stands_in_the_middle_of_its_prongs() -> None:
    layout = laid_out(linked("a>b a>c a>d", {"a": "input"}), SvgSizes())
    middles = {box.id: area.middle for box, area in layout.boxes}
    assert middles["a"] == pytest.approx(middles["c"], abs=1)
    assert middles["c"] - middles["b"] == pytest.approx(middles["d"] - middles["c"], abs=1)


def test_a_graph_that_can_be_drawn_without_crossings_is() -> None:
    layout = laid_out(linked("r>a r>b r>c a>x b>y c>z a>z2", {"r": "input"}), SvgSizes())
    for gap in layout.gaps:
        bends = sorted((bend.upper_x, bend.lower_x) for bend in gap.bends)
        assert [lower for _, lower in bends] == sorted(lower for _, lower in bends)


def test_boxes_that_want_one_place_share_it_evenly() -> None:
    assert spread([0, 0, 0], [10, 10]) == [-10, 0, 10]
    assert spread([0, 100], [10]) == [0, 100]
    assert spread([0, 0], [10], bounds=(20, 60)) == [20, 30]


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20), st.data())
def test_spread_places_keep_their_distance(wanted: list[float], data: st.DataObject) -> None:
    gaps = [data.draw(st.floats(0, 50)) for _ in wanted[1:]]
    places = spread(wanted, gaps)
    assert all(b - a >= gap - 1e-6 for a, b, gap in zip(places, places[1:], gaps, strict=False))
