import time
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dagc.ir.graph import Graph, NodeName
from dagc.ir.order import Contraction, is_convex, path_outside, sorted_graph
from tests.sample_graphs import ROW, SAMPLES, Sketch, around_a_step

A_STEP = around_a_step().graph


def names(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes]


def test_a_sorted_graph_is_left_as_it_is() -> None:
    for make in SAMPLES:
        graph = make().graph
        assert sorted_graph(graph) is graph


def test_sorting_moves_no_more_than_it_has_to() -> None:
    shuffled = replace(A_STEP, nodes=tuple(A_STEP.nodes[i] for i in (1, 0, 2, 3)))
    assert names(sorted_graph(shuffled)) == ["scaled", "clipped", "joined", "value"]


def test_a_group_that_a_path_leaves_and_enters_again_is_not_convex() -> None:
    assert path_outside(A_STEP, [NodeName("scaled"), NodeName("joined")]) == "clipped"
    assert not is_convex(A_STEP, [NodeName("scaled"), NodeName("value")])
    assert is_convex(A_STEP, [NodeName("scaled"), NodeName("clipped"), NodeName("joined")])
    assert is_convex(A_STEP, [NodeName("joined"), NodeName("value")])


@st.composite
def dags(draw: st.DrawFn) -> Graph:
    sketch = Sketch("random")
    values = [sketch.input("row", ROW)]
    for i in range(draw(st.integers(2, 12))):
        picked = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
        values.append(sketch.op("mean", *picked, out=f"v{i}"))
    return sketch.graph(values[-1])


@given(dags(), st.data())
def test_joined_groups_stay_convex_whatever_the_order_of_joining(graph: Graph, data: st.DataObject) -> None:
    contraction = Contraction(graph)
    pairs = [(a.name, b.name) for i, a in enumerate(graph.nodes) for b in graph.nodes[i + 1 :]]
    for a, b in data.draw(st.permutations(pairs)):
        together = {name for group in contraction.groups() for name in group if a in group or b in group}
        outside = contraction.between(a, b)
        if len(contraction.groups()) == len(graph.nodes):  # nothing joined yet
            assert outside == path_outside(graph, together)
        if outside is None:
            contraction.join(a, b)
        assert all(is_convex(graph, group) for group in contraction.groups())
    _assert_groups_have_an_order(graph, contraction)


def _assert_groups_have_an_order(graph: Graph, contraction: Contraction) -> None:
    for node in graph.nodes:
        assert contraction.above(node.name) & contraction.below(node.name) == 0


def test_joining_a_long_chain_takes_no_time() -> None:
    sketch = Sketch("long")
    value = sketch.input("row", ROW)
    for i in range(3000):
        value = sketch.op("neg", value, out=f"v{i}")
    graph = sketch.graph(value)
    began = time.process_time()
    contraction = Contraction(graph)
    for a, b in zip(graph.nodes, graph.nodes[1:], strict=False):
        assert contraction.between(a.name, b.name) is None
        contraction.join(a.name, b.name)
    assert [len(group) for group in contraction.groups()] == [3000]
    assert time.process_time() - began < 10
