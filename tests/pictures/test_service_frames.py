"""What other services run stands in frames of its own, in every form of a picture, and no frame makes a circle."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from dagc.pictures.diagram import Diagram, Group, ranked, within
from dagc.pictures.folding import folded
from dagc.pictures.nesting import laid_out
from dagc.pictures.service_frames import with_services
from dagc.pictures.svg_sizes import SvgSizes
from tests.pictures.diagrams import diagrams, linked

FRONT = (Group("front", "service front and others", ("b", "c", "d", "e")),)


def frames(edges: str, **service_of: str) -> dict[str, tuple[str, ...]]:
    drawn = with_services(linked(edges, {"a": "input", "z": "output"}, FRONT), service_of)
    return {group.title: group.members for group in drawn.groups if group.id != "front"}


def test_what_follows_each_other_in_a_service_is_in_one_frame() -> None:
    assert frames("a>b b>c c>d d>e e>z", c="far", d="far") == {"service far": ("c", "d")}


def test_two_services_have_a_frame_each() -> None:
    assert frames("a>b b>c b>d c>e d>e e>z", c="far", d="near") == {"service far": ("c",), "service near": ("d",)}


def test_a_frame_lies_in_that_of_the_front_where_its_boxes_were() -> None:
    drawn = with_services(linked("a>b b>c c>d d>e e>z", {"a": "input"}, FRONT), {"c": "far", "d": "far"})
    assert drawn.groups[0].members == ("b", drawn.groups[1].id, "e")


def test_services_that_call_each_other_there_and_back_have_none() -> None:
    assert frames("a>b a>c b>d c>e b>e d>c e>z", b="far", e="far", c="near", d="near") == {}


def test_a_way_to_and_fro_without_end_is_folded_and_not_framed() -> None:
    chain = [f"n{at}" for at in range(200)]
    drawn = linked(" ".join(f"{a}>{b}" for a, b in pairwise(chain)))
    placed = with_services(drawn, dict.fromkeys(chain[1::2], "far"))
    assert placed.groups == ()
    assert len(folded(placed).boxes) < 60


@settings(max_examples=40, deadline=None)
@given(diagrams(30), st.lists(st.sampled_from(["", "", "far", "near"]), min_size=32, max_size=32))
def test_any_cut_can_be_folded_and_laid_out(diagram: Diagram, services: list[str]) -> None:
    inner = [box.id for box in diagram.boxes if box.kind not in ("input", "output")]
    placed = {box: service for box, service in zip(inner, services, strict=False) if service}
    drawn = with_services(diagram, placed)
    for near in within(drawn).values():
        ranked(near)
    assert {box.id for box in drawn.boxes} == {box.id for box in diagram.boxes}
    assert laid_out(folded(drawn), SvgSizes()).width
