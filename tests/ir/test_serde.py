from collections.abc import Callable
from dataclasses import replace

import pytest

from dagc.ir.ops import CallStep
from dagc.ir.serde import from_json, to_json
from dagc.ir.types import (
    Bytes,
    Choice,
    DType,
    ListOf,
    Opaque,
    Optional,
    Record,
    RecordField,
    Scalar,
    Tensor,
    TupleOf,
)
from dagc.ir.verify import IrError
from tests.sample_graphs import SAMPLES, Sample, pipeline


@pytest.mark.parametrize("make", SAMPLES)
def test_a_graph_comes_back_equal(make: Callable[[], Sample]) -> None:
    graph = make().graph
    text = to_json(graph)
    assert from_json(text) == graph
    assert to_json(from_json(text)) == text


def test_every_type_comes_back_equal_and_of_its_own_kind() -> None:
    fields = [
        Tensor(DType.F16, ("n", None, 3)), Tensor(DType.STR, None), Scalar("int"), Bytes(),
        Choice(("a", 1, True), "E"),
        Optional(ListOf(TupleOf((Scalar("str"), Opaque("Frame"))))),
    ]  # fmt: skip
    record = Record("R", tuple(RecordField(f"f{i}", type) for i, type in enumerate(fields)))
    graph = replace(pipeline().graph, returns=record)
    back = from_json(to_json(graph)).returns
    assert repr(back) == repr(record)


def test_one_and_true_and_one_point_zero_stay_different() -> None:
    graph = replace(pipeline().graph, returns=Choice((1, True)))
    assert repr(from_json(to_json(graph)).returns) == repr(Choice((1, True)))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"is": "Nonsense"}', '{"is": "Item"}', '{"is": "Graph"}', "1", '{"a": 1}']
)
def test_other_text_is_refused_as_no_graph(text: str) -> None:
    with pytest.raises(IrError):
        from_json(text)


def test_a_step_keeps_its_parameters_as_tuples() -> None:
    step = from_json(to_json(pipeline().graph)).nodes[-1].op
    assert isinstance(step, CallStep)
    assert step.parameters == ("score",)
