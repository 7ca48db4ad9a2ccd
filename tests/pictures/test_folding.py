"""Large diagrams come within what a reader can take in, and lose nothing but detail on the way."""

import random
from collections import Counter
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagc.pictures.diagram import Box, Diagram, Edge, Group, Kind, links, ranked, within
from dagc.pictures.folding import Limits, folded
from dagc.pictures.from_graph import diagram
from tests.pictures.diagrams import diagrams
from tests.sample_graphs import SAMPLES, Sample, chain

LIMITS = Limits()
FEW = settings(max_examples=80, deadline=None)


def tally(drawn: Diagram) -> Counter[Kind]:
    return sum((box.tally for box in drawn.boxes), Counter())


def made(count: int, shape: str, *, framed: bool = False) -> Diagram:
    """A diagram of many boxes, of one shape, from an input to an answer."""
    rng = random.Random(count)
    kinds: tuple[Kind, ...] = ("model", "expression", "step")
    boxes = [Box("b0", "input", "row")]
    edges: list[Edge] = []
    for at in range(1, count - 1):
        boxes.append(Box(f"b{at}", rng.choice(kinds), f"box{at}", f"graph.py:{at}"))
        sources = {
            "chain": [at - 1],
            "wide": [0],
            "tree": [(at - 1) // 2],
            "near": [rng.randrange(max(0, at - 30), at) for _ in range(2)],
            "far": [rng.randrange(at) for _ in range(2)],
            "ladder": [at - 1, max(0, at - 2)],
            "fed": [at - 1, 0],
        }[shape]
        edges += [Edge(f"b{source}", f"b{at}", "f32[4]") for source in sources]
    read = {edge.source for edge in edges}
    edges += [Edge(box.id, "answer", "f32[4]") for box in boxes if box.id not in read]
    groups = (Group("service", "service", tuple(box.id for box in boxes[1:])),) if framed else ()
    return Diagram(shape, (*boxes, Box("answer", "output", "answer")), tuple(dict.fromkeys(edges)), groups)


SHAPES = ("chain", "wide", "tree", "near", "far", "ladder", "fed")


@pytest.mark.parametrize("make", SAMPLES, ids=lambda make: make.__name__)
def test_a_small_graph_is_shown_as_it_is(make: object) -> None:
    sample = make()  # type: ignore[operator]
    assert isinstance(sample, Sample)
    drawn = diagram(sample.graph)
    if make is not chain:
        assert folded(drawn) is drawn


def test_a_long_chain_keeps_its_beginning_and_its_end() -> None:
    titles = [box.title for box in folded(diagram(chain().graph)).boxes]
    assert titles[:4] == ["row", "scaler0", "2 expressions", "scaler3"]
    assert "chain of 31" in titles
    assert titles[-3:] == ["scaler48", "v48 * 0.25", "answer"]


def test_equal_neighbours_become_one_box_that_counts_them() -> None:
    boxes = [
        Box("in", "input", "row"),
        *(Box(f"h{i}", "model", f"head{i}") for i in range(64)),
        Box("m", "step", "m"),
    ]
    edges = [edge for i in range(64) for edge in (Edge("in", f"h{i}", "f32[4]"), Edge(f"h{i}", "m", "f32[]"))]
    drawn = folded(Diagram("heads", tuple(boxes), tuple(edges)))
    assert [box.title for box in drawn.boxes] == ["row", "64 × head*", "m"]
    assert drawn.boxes[1].kind == "model"
    assert drawn.edges == (Edge("in", "h0", "f32[4]"), Edge("h0", "m", "f32[]"))


def test_a_run_of_expressions_is_one_box() -> None:
    boxes = [Box("in", "input", "row"), *(Box(f"e{i}", "expression", f"x + {i}") for i in range(70))]
    edges = [Edge("in", "e0"), *(Edge(f"e{i}", f"e{i + 1}") for i in range(69))]
    drawn = folded(Diagram("sum", tuple(boxes), tuple(edges)))
    assert [box.title for box in drawn.boxes] == ["row", "70 expressions"]


def test_a_mixed_fold_says_what_it_holds() -> None:
    (fold,) = [box for box in folded(diagram(chain().graph)).boxes if box.kind == "mixed"]
    assert fold.lines[0] == "11 models, 20 expressions"


def test_a_few_inputs_stay_apart() -> None:
    inputs = [Box(f"i{i}", "input", f"input{i}") for i in range(5)]
    boxes = [*inputs, *(Box(f"m{i}", "model", f"model{i}") for i in range(100))]
    edges = [Edge(f"i{i % 5}", f"m{i}") for i in range(100)]
    drawn = folded(Diagram("inputs", tuple(boxes), tuple(edges)))
    assert [box.title for box in drawn.boxes if box.kind == "input"] == [f"input{i}" for i in range(5)]


@pytest.mark.parametrize("framed", [False, True], ids=["bare", "framed"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [61, 300, 2000])
def test_every_shape_comes_within_the_limits_and_keeps_its_tally(count: int, shape: str, framed: bool) -> None:
    drawn = made(count, shape, framed=framed)
    less = folded(drawn)
    assert len(less.boxes) <= LIMITS.boxes
    layers = Counter(ranked(links(less)).values())
    assert len(layers) <= LIMITS.deepest
    assert max(layers.values()) <= LIMITS.across or len(less.boxes) <= LIMITS.aim
    assert tally(less) == tally(drawn)


@FEW
@given(diagrams(120), st.integers(8, 40), st.integers(3, 8))
def test_no_fold_makes_a_circle_or_leads_out_of_a_frame_and_back(drawn: Diagram, boxes: int, across: int) -> None:
    less = folded(drawn, Limits(boxes=boxes, aim=boxes, across=across, deep=6, deepest=8))
    ranked(links(less))
    for near in within(less).values():
        ranked(near)  # raises on a circle
    assert tally(less) == tally(drawn)
    assert {edge.source for edge in less.edges} | {edge.target for edge in less.edges} <= {
        b.id for b in less.boxes
    }


@FEW
@given(diagrams(120))
def test_a_second_folding_finds_little_to_do(drawn: Diagram) -> None:
    once = folded(drawn)
    assert len(folded(once).boxes) <= len(once.boxes) <= LIMITS.boxes


@pytest.mark.parametrize("shape", SHAPES)
def test_ten_thousand_boxes_fold_in_seconds(shape: str) -> None:
    drawn = made(10_000, shape)
    began = process_time()
    folded(drawn)
    assert process_time() - began < 10  # 0.2 to 1.4 s when written; quadratic folding takes 30 s
