from dataclasses import replace

import pytest

from dagc.ir.edit import replace_nodes
from dagc.ir.graph import Graph, Node, NodeName, Value, ValueId
from dagc.ir.ops import AsTensor, CallStep, Constant, Elementwise, Item, RunModel
from dagc.ir.types import DType, Scalar, Tensor, Unknown
from dagc.ir.verify import IrError, verify
from tests.sample_graphs import SAMPLES, Sample, pipeline, several_outputs, soft_vote


@pytest.mark.parametrize("make", SAMPLES)
def test_every_sample_graph_keeps_every_invariant(make: type[Sample]) -> None:
    verify(make().graph)


def with_node(graph: Graph, index: int, **changes: object) -> Graph:
    node = graph.nodes[index]
    return replace_nodes(graph, {node.name: (replace(node, **changes),)})  # type: ignore[arg-type]


GRAPH = pipeline().graph
SCALER = GRAPH.nodes[0].op
assert isinstance(SCALER, RunModel)
STEP = GRAPH.nodes[3].op
assert isinstance(STEP, CallStep)
VOTE = soft_vote().graph


@pytest.mark.parametrize(
    ("graph", "text"),
    [
        (with_node(GRAPH, 1, name=NodeName("scaled")), "two nodes are called `scaled`"),
        (
            with_node(GRAPH, 1, outputs=(Value(ValueId("scaled"), Tensor(DType.F32, ())),)),
            "value `scaled` is defined twice",
        ),
        (replace(GRAPH, nodes=GRAPH.nodes[::-1]), "`decision` reads `number` before it is defined"),
        (replace(GRAPH, outputs=(ValueId("nothing"),)), "output `nothing` is not defined"),
        (with_node(GRAPH, 0, spans=()), "`scaled` has no span"),
        (
            with_node(GRAPH, 0, op=replace(SCALER, feeds=("x", "z"))),
            "`scaled` has 1 inputs and 1 outputs, its operation has 2 and 1",
        ),
        (with_node(GRAPH, 0, op=replace(SCALER, parts=())), "model `scaled` names no parts"),
        (with_node(GRAPH, 3, op=replace(STEP, expects=())), "step `decision` has 1 parameters and 0 types"),
        (with_node(GRAPH, 2, op=AsTensor(DType.F32, ())), "`number` is typed float, its operation gives nothing"),
        (with_node(GRAPH, 3, op=Item()), "`decision` is typed bool, its operation gives nothing"),
        (
            with_node(GRAPH, 2, op=Constant((1,), Scalar("int")), inputs=()),
            "`number` is typed float, its operation gives int",
        ),
        (
            with_node(VOTE, 3, outputs=(Value(ValueId("mean"), Tensor(DType.F64, ())),)),
            "`mean` is typed f64[], its operation gives f32[]",
        ),
        (with_node(VOTE, 3, op=Elementwise("neg")), "`mean` is typed f32[], its operation gives nothing"),
    ],
)
def test_a_broken_invariant_is_named_with_its_node(graph: Graph, text: str) -> None:
    with pytest.raises(IrError, match=r"^graph `\w+`: ") as error:
        verify(graph)
    assert text in str(error.value)


def test_an_output_that_has_been_reported_as_unknown_is_accepted() -> None:
    node = VOTE.nodes[3]
    unknown = replace(node, op=Elementwise("neg"), outputs=(replace(node.outputs[0], type=Unknown()),))
    verify(replace_nodes(VOTE, {node.name: (unknown,)}))


def test_replacing_a_node_by_several_keeps_the_order() -> None:
    graph = several_outputs().graph
    first = graph.nodes[0]
    extra = Node(
        NodeName("one"), Constant((1,), Scalar("int")), (), (Value(ValueId("one"), Scalar("int")),), first.spans
    )
    after = replace_nodes(graph, {first.name: (extra, first)})
    assert [node.name for node in after.nodes][:2] == ["one", "scaled"]
    verify(after)
