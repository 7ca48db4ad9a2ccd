"""A group of very many operators becomes several sessions of about one size, cut where few values cross."""

from itertools import pairwise

import pytest
from onnx import TensorProto, helper

from dagc.ir.graph import Graph, Node
from dagc.ir.ops import RunModel
from dagc.passes.fuse_models import FuseModels
from dagc.passes.pass_ import Context, Remark
from dagc.passes.session_cuts import MOST_OPERATORS
from tests.passes.test_laws import assert_same_numbers
from tests.sample_graphs import ROW, WIDTH, Sample, Sketch

pytestmark = pytest.mark.ort


def wave(operators: int, shift: float) -> bytes:
    """A chain of sines of a row that is shifted first."""
    names = ["shifted", *(f"v{place}" for place in range(operators - 2)), "y"]
    nodes = [helper.make_node("Add", ["x", "shift"], ["shifted"])]
    nodes += [helper.make_node("Sin", [a], [b]) for a, b in pairwise(names)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", WIDTH]) for name in ("x", "y")]
    by = helper.make_tensor("shift", TensorProto.FLOAT, [], [shift])
    graph = helper.make_graph(nodes, "wave", ends[:1], ends[1:], [by])
    content: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    return content


def in_a_row(*sizes: int) -> Sample:
    s = Sketch("row")
    value = s.input("row", ROW)
    for place, size in enumerate(sizes):
        (value,) = s.model(f"wave{place}", wave(size, place), {"x": value}, f"y:v{place}")
    return s.sample(value)


def side_by_side(width: int, size: int) -> Sample:
    """Chains of two models that do not wait for each other, all first ones before all second ones."""
    s = Sketch("wide")
    row = s.input("row", ROW)
    halves = [s.model(f"first{place}", wave(size, place), {"x": row}, f"y:a{place}")[0] for place in range(width)]
    ends = [
        s.model(f"second{place}", wave(size, -place), {"x": half}, f"y:b{place}")[0]
        for place, half in enumerate(halves)
    ]
    return s.sample(*ends)


def fused(sample: Sample) -> tuple[Graph, list[Node], list[Remark]]:
    context = Context(sample.store)
    after = FuseModels().run(sample.graph, context)
    return after, [node for node in after.nodes if isinstance(node.op, RunModel)], context.remarks


def operators(sample: Sample, node: Node) -> int:
    assert isinstance(node.op, RunModel)
    return sample.store.signature(node.op.model).operators


def test_a_long_row_of_models_becomes_sessions_of_about_one_size_and_computes_the_same() -> None:
    sample = in_a_row(*range(380, 400))
    after, sessions, remarks = fused(sample)
    sizes = [operators(sample, node) for node in sessions]
    assert sum(sizes) == sum(range(380, 400)) and len(sizes) == 4
    assert max(sizes) - min(sizes) <= 400  # the size of a model
    (left,) = [remark.message for remark in remarks if not remark.applied]
    assert left.startswith("left wave0 + ") and left.endswith("in 4 sessions: one would be of too many operators")
    assert_same_numbers(sample, sample.graph, after)


def test_fusing_again_changes_nothing() -> None:
    sample = in_a_row(*[300] * 12)
    after, sessions, _ = fused(sample)
    assert len(sessions) == 2
    assert FuseModels().run(after, Context(sample.store)) is after


def test_it_is_cut_where_few_values_cross_and_not_where_many_do() -> None:
    sample = side_by_side(20, 130)
    after, sessions, _ = fused(sample)
    first, second = sessions
    assert operators(sample, first) > MOST_OPERATORS
    assert len(second.inputs) == 8
    assert_same_numbers(sample, sample.graph, after)


def test_a_large_model_takes_its_small_neighbours_with_it() -> None:
    sample = in_a_row(5, MOST_OPERATORS, 5)
    _, sessions, remarks = fused(sample)
    assert [operators(sample, node) for node in sessions] == [MOST_OPERATORS + 10]
    assert all(remark.applied for remark in remarks)
