"""Graphs of steps, models and expressions answer as the same code written by hand."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pytest

from dagc.diagnostics import Span
from dagc.evaluate.evaluate import evaluate
from dagc.ir.graph import Graph, Node, NodeName, Op, Value, ValueId
from dagc.ir.ops import AsTensor, CallStep, Constant, Elementwise, Field, Index, Item, RunModel
from dagc.ir.types import DType, Record, RecordField, Scalar, Tensor, TupleOf, Type
from dagc.models.store import ModelStore
from tests.evaluate.tiny_models import columns, scaler, score

HERE = Span("graph.py", 1, 1, 1, 2)
ROW, ONE = Tensor(DType.F32, (3,)), Tensor(DType.F32, ())
FLOAT = Scalar("float")


def value(name: str, type: Type) -> Value:
    return Value(ValueId(name), type, HERE)


def node(name: str, op: Op, inputs: str, *outputs: Value) -> Node:
    return Node(NodeName(name), op, tuple(ValueId(i) for i in inputs.split()), outputs, (HERE,))


def graph(inputs: list[Value], nodes: list[Node], outputs: str, returns: Type) -> Graph:
    return Graph("g", tuple(inputs), tuple(nodes), tuple(ValueId(o) for o in outputs.split()), returns, HERE)


def step(name: str, parameters: str, *expects: Type, is_async: bool = False) -> CallStep:
    return CallStep("graph", name, tuple(parameters.split()), expects, is_async)


def steps(**functions: Callable[..., object]) -> dict[tuple[str, str], Callable[..., object]]:
    return {("graph", name): function for name, function in functions.items()}


@dataclass
class Payment:
    amount: float
    country: str


def test_a_chain_of_models_and_arithmetic_gives_the_numbers_of_numpy() -> None:
    store = ModelStore()
    scale = RunModel(store.add(scaler()), ("x",), ("scaled",), ("scaler",))
    total = RunModel(store.add(score()), ("x",), ("score",), ("score",))
    half = Constant((0.5,), FLOAT)
    g = graph(
        [value("x", ROW)],
        [
            node("scale", scale, "x", value("scaled", ROW)),
            node("half", half, "", value("h", FLOAT)),
            node("mul", Elementwise("mul"), "scaled h", value("m", ROW)),
            node("score", total, "m", value("s", ONE)),
        ],
        "s",
        ONE,
    )
    result = evaluate(g, {"x": np.float32([1, 2, 4])}, store=store, steps={})
    assert isinstance(result, np.ndarray) and result.dtype == np.float32 and result.shape == ()
    assert result == np.float32(7)


def test_record_fields_feed_a_model_of_columns_and_come_back_as_python_values() -> None:
    store = ModelStore()
    record = Record("Payment", (RecordField("amount", FLOAT), RecordField("country", Scalar("str"))))
    number, text = Tensor(DType.F32, (1,)), Tensor(DType.STR, (1,))
    run = RunModel(store.add(columns()), ("age", "country"), ("age_out", "country_out"), ("columns",))
    g = graph(
        [value("payment", record)],
        [
            node("amount", Field("amount"), "payment", value("amount", FLOAT)),
            node("country", Field("country"), "payment", value("country", Scalar("str"))),
            node("amount_t", AsTensor(DType.F32, (1,)), "amount", value("at", number)),
            node("country_t", AsTensor(DType.STR, (1,)), "country", value("ct", text)),
            node("run", run, "at ct", value("age", number), value("label", text)),
            node("item", Item(), "label", value("text", Scalar("str"))),
            node("first", Index((0,)), "age", value("first_age", ONE)),
        ],
        "text first_age",
        TupleOf((Scalar("str"), ONE)),
    )
    result = evaluate(g, {"payment": Payment(0.1, "DE")}, store=store, steps={})
    assert isinstance(result, tuple)
    assert result[0] == "DE" and type(result[0]) is str
    assert result[1] == np.float32(0.1)


def test_an_enum_member_counts_as_its_value() -> None:
    class Country(Enum):
        DE = "DE"

    g = graph(
        [value("c", Scalar("str"))],
        [
            node("de", Constant(("DE",), Scalar("str")), "", value("de", Scalar("str"))),
            node("eq", Elementwise("eq"), "c de", value("same", Scalar("bool"))),
        ],
        "same",
        Scalar("bool"),
    )
    assert evaluate(g, {"c": Country.DE}, store=ModelStore(), steps={}) is True


def test_a_tuple_typed_step_gives_its_members() -> None:
    g = graph(
        [value("x", FLOAT)],
        [
            node("split", step("split", "x", FLOAT), "x", value("a", FLOAT), value("b", FLOAT)),
            node("sub", Elementwise("sub"), "a b", value("d", FLOAT)),
        ],
        "d",
        FLOAT,
    )
    assert evaluate(g, {"x": 5.0}, store=ModelStore(), steps=steps(split=lambda x: (x, 2.0))) == 3.0


def test_a_tensor_constant_keeps_its_dtype_and_dims() -> None:
    constant = Constant((1, 2, 3, 4), Tensor(DType.I64, (2, 2)))
    g = graph([], [node("c", constant, "", value("c", constant.type))], "c", constant.type)
    result = evaluate(g, {}, store=ModelStore(), steps={})
    np.testing.assert_array_equal(result, np.array([[1, 2], [3, 4]], np.int64))


def waiting_graph() -> Graph:
    look_up = step("look_up", "x", FLOAT, is_async=True)
    return graph([value("x", FLOAT)], [node("look_up", look_up, "x", value("y", FLOAT))], "y", FLOAT)


def test_a_waiting_step_runs_once_and_is_replayed_from_what_is_known() -> None:
    calls: list[str] = []

    async def look_up(x: float) -> float:
        await asyncio.sleep(0)
        calls.append(threading.current_thread().name)
        return x + len(calls)

    known: dict[NodeName, object] = {}
    store = ModelStore()
    first = evaluate(waiting_graph(), {"x": 1.0}, store=store, steps=steps(look_up=look_up), known=known)
    again = evaluate(waiting_graph(), {"x": 1.0}, store=store, steps=steps(look_up=look_up), known=known)
    assert first == again == 2.0
    assert len(calls) == 1


def test_the_failure_of_a_waiting_step_is_replayed_too() -> None:
    calls: list[float] = []

    async def look_up(x: float) -> float:
        calls.append(x)
        raise LookupError("no such user")

    known: dict[NodeName, object] = {}
    for _ in range(2):
        with pytest.raises(LookupError, match="no such user"):
            evaluate(waiting_graph(), {"x": 1.0}, store=ModelStore(), steps=steps(look_up=look_up), known=known)
    assert calls == [1.0]


def test_a_step_that_waits_for_longer_than_it_may_fails_and_so_does_its_replay() -> None:
    calls: list[float] = []

    async def look_up(x: float) -> float:
        calls.append(x)
        await asyncio.sleep(3600)
        return x

    known: dict[NodeName, object] = {}
    for _ in range(2):
        with pytest.raises(TimeoutError):
            evaluate(
                waiting_graph(),
                {"x": 1.0},
                store=ModelStore(),
                steps=steps(look_up=look_up),
                known=known,
                longest_s=0.05,
            )
    assert calls == [1.0]


def test_waiting_steps_run_while_the_caller_is_inside_a_running_loop() -> None:
    async def look_up(x: float) -> float:
        await asyncio.sleep(0.001)
        return 2 * x

    async def main() -> object:
        return evaluate(waiting_graph(), {"x": 4.0}, store=ModelStore(), steps=steps(look_up=look_up))

    assert asyncio.run(main()) == 8.0


def test_an_array_of_another_dtype_is_refused_as_in_a_plain_call() -> None:
    store = ModelStore()
    scale = RunModel(store.add(scaler()), ("x",), ("scaled",), ("scaler",))
    g = graph([value("x", ROW)], [node("scale", scale, "x", value("scaled", ROW))], "scaled", ROW)
    with pytest.raises(TypeError, match=r"float64 was given where f32\[3\] is declared"):
        evaluate(g, {"x": np.zeros(3)}, store=store, steps={})
