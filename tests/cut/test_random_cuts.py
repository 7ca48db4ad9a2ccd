"""Laws over cuts nobody thought of: every model and step of a random graph is placed at random."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagc.ir.graph import Graph, Node
from dagc.ir.ops import CallPart, CallStep, RunModel
from dagc.ir.order import sorted_graph
from dagc.ir.placement import Placement
from dagc.ir.regions import every_node
from dagc.ir.verify import verify
from dagc.passes.pipeline import run
from dagc.plan.cut import Cut, cut
from tests.passes.test_laws import assert_same_numbers
from tests.passes.test_random_graphs import samples
from tests.sample_graphs import Sample

PLACES = (None, Placement("compute", 2.0), Placement("rules", 0.5))


@st.composite
def placed(draw: st.DrawFn) -> Sample:
    """A random graph whose models and steps are on two services and on the graph's own."""
    sample = draw(samples())

    def put(node: Node) -> Node:
        is_work = isinstance(node.op, RunModel | CallStep)
        return replace(node, placement=draw(st.sampled_from(PLACES))) if is_work else node

    return replace(sample, graph=replace(sample.graph, nodes=tuple(map(put, sample.graph.nodes))))


def together_again(found: Cut) -> Graph:
    """The front with the nodes of each part where it asks for them; the values have kept their names."""
    parts = {part.name: part.graph.nodes for part in found.parts}
    nodes = [
        inner
        for node in found.front.nodes
        for inner in (parts[node.op.part] if isinstance(node.op, CallPart) else (node,))
    ]
    return sorted_graph(replace(found.front, nodes=tuple(nodes)))


def work(nodes: Sequence[Node]) -> Counter[str]:
    """How often each step and model stands there."""
    names = [
        node.op.qualname if isinstance(node.op, CallStep) else getattr(node.op, "parts", "") for node in nodes
    ]
    return Counter(str(name) for name in names if name)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(placed())
def test_any_cut_has_every_node_in_one_service_calls_that_end_and_the_same_answers(sample: Sample) -> None:
    optimised = run(sample.graph, sample.store).graph
    found = cut(optimised)
    verify(found.front)  # sorted: nothing is asked for what it needs to be asked
    for part in found.parts:
        verify(part.graph)
        assert not any(isinstance(node.op, CallPart) for node in every_node(part.graph))  # parts ask nobody
    asked = [node.op.part for node in found.front.nodes if isinstance(node.op, CallPart)]
    assert sorted(asked) == sorted(part.name for part in found.parts)
    assert not any(
        n.placement for graph in (found.front, *(p.graph for p in found.parts)) for n in every_node(graph)
    )
    for name in {node.placement for node in optimised.nodes if node.placement}:
        there = [node for part in found.parts if part.placement == name for node in part.graph.nodes]
        assert work(there) == work([node for node in optimised.nodes if node.placement == name])
    whole = together_again(found)
    verify(whole)
    assert work(whole.nodes) == work(optimised.nodes)
    assert_same_numbers(sample, sample.graph, whole)
