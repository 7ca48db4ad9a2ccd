"""A rendered service started as a user starts it: it answers over HTTP, and steps that wait overlap."""

import json
import time
import urllib.request
from hashlib import sha256

import pytest
from onnx import TensorProto, helper

from dagc.artifacts.write import write
from dagc.backends.service import render_service
from dagc.diagnostics import Span
from dagc.ir.graph import Graph, Node, NodeName, Value, ValueId
from dagc.ir.ops import CallStep, Constant, Field, Item, ModelKey, RunModel
from dagc.ir.types import DType, Record, Scalar, Tensor, TupleOf
from dagc.plan.make_plan import Compiled, make_plan
from dagc.plan.service_plan import Port
from dagc.plan.sessions import ModelFacts
from tests.running import serving

pytestmark = [pytest.mark.ort, pytest.mark.port]

FLOAT, ROW = Scalar("float"), Tensor(DType.F32, (2,))

SOURCE = b"""
import asyncio

import numpy as np
from pydantic import BaseModel


class Payment(BaseModel):
    amount: float


async def slow(amount: float) -> float:
    await asyncio.sleep(2.0)
    return amount


async def slower(amount: float) -> float:
    await asyncio.sleep(2.2)
    return amount


def encode(one: float, other: float, factor: float) -> np.ndarray:
    return np.array([one, other], np.float32) * np.float32(factor)


def waiting(payment: Payment) -> float: ...


def quick(one: float, other: float) -> tuple[float, str]: ...
"""


def model() -> bytes:
    """f32[N,2] -> f32[N]: the sum of a row."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])
    total = helper.make_tensor_value_info("total", TensorProto.FLOAT, ["N"])
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    node = helper.make_node("ReduceSum", ["x", "axes"], ["total"], keepdims=0)
    graph = helper.make_graph([node], "sum", [x], [total], [axes])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


MODEL = model()
KEY = ModelKey(sha256(MODEL).hexdigest())


def node(op, inputs: str, made: str, type_) -> Node:
    sources = tuple(ValueId(source) for source in inputs.split())
    return Node(NodeName(made), op, sources, (Value(ValueId(made), type_),), (Span("graph.py", 9),))


def step(name: str, parameters: str, *, waits: bool = False) -> CallStep:
    names = tuple(parameters.split())
    return CallStep("graph", name, names, (FLOAT,) * len(names), waits)


def tail(left: str, right: str) -> tuple[Node, ...]:
    return (
        node(Constant((2.0,), FLOAT), "", "two", FLOAT),
        node(step("encode", "one other factor"), f"{left} {right} two", "row", ROW),
        node(RunModel(KEY, ("x",), ("total",), ("sum",)), "row", "total", Tensor(DType.F32, ())),
        node(Item(), "total", "number", FLOAT),
    )


def waiting() -> Graph:
    nodes = (
        node(Field("amount"), "payment", "amount", FLOAT),
        node(step("slow", "amount", waits=True), "amount", "a", FLOAT),
        node(step("slower", "amount", waits=True), "amount", "b", FLOAT),
        *tail("a", "b"),
    )
    payment = Value(ValueId("payment"), Record("Payment", ()))
    return Graph("waiting", (payment,), nodes, (ValueId("number"),), FLOAT, Span("graph.py", 30), deadline_s=30.0)


def quick() -> Graph:
    inputs = (Value(ValueId("one"), FLOAT), Value(ValueId("other"), FLOAT))
    text = node(Constant(('it\'s "so"',), Scalar("str")), "", "text", Scalar("str"))
    returns = TupleOf((FLOAT, Scalar("str")))
    outputs = (ValueId("number"), ValueId("text"))
    return Graph("quick", inputs, (*tail("one", "other"), text), outputs, returns, Span("graph.py", 33))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "build"
    facts = ModelFacts((Port(name="x", dtype="f32", dims=(2,)),), (Port(name="total", dtype="f32", dims=()),), KEY)
    compiled = [
        Compiled(waiting(), "payment", {"type": "object"}, {"type": "number"}),
        Compiled(quick(), None, {"type": "object"}, {"type": "array"}),
    ]
    plan = make_plan(compiled, {KEY: facts}, {"graph.py": SOURCE}, dagc_version="0.1.0")
    write(render_service(plan, {KEY: MODEL}, {"graph.py": SOURCE}), out)
    with serving(out / "services" / "graph") as address:
        yield address


def ask(address: str, route: str, body: object) -> object:
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{address}/v1/{route}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_a_graph_without_waits_answers_through_its_session(address):
    assert ask(address, "quick", {"one": 1.5, "other": 2}) == [7.0, 'it\'s "so"']


def test_waits_that_need_not_each_other_cost_the_longest_one(address):
    start = time.monotonic()
    assert ask(address, "waiting", {"amount": 2}) == 8.0
    assert 2.2 <= time.monotonic() - start < 4.2
