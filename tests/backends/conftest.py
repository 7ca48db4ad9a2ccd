"""A service with everything in it: waiting steps, a fused session, two graphs, a tuple, constants."""

from collections.abc import Callable

import pytest

from dagc.diagnostics import Span
from dagc.ir.graph import Graph, Node, NodeName, Op, Value, ValueId
from dagc.ir.ops import AsTensor, CallStep, Constant, Field, Item, ModelKey, RunModel
from dagc.ir.types import DType, Record, RecordField, Scalar, Tensor, TupleOf, Type
from dagc.plan.make_plan import Compiled, make_plan
from dagc.plan.service_plan import Port, ServicePlan
from dagc.plan.sessions import ModelFacts

SOURCE = b'''"""Decide a card payment."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(30)]


class Payment(BaseModel):
    user_id: str = Field(max_length=64)
    amount: float = Field(gt=0)
    country: Literal["DE", "FR", "US"]


class Decision(BaseModel):
    allow: bool
    score: float


async def profile(user_id: str) -> int: ...
async def risk(payment: Payment) -> float: ...
def encode(payment: Payment, profile: int, risk: float) -> Row: ...
def decide(payment: Payment, score: float, limit: float) -> Decision: ...


@dagc.graph(version="1.2.0", deadline_s=0.2)
def fraud(payment: Payment) -> Decision:
    """Whether a card payment goes through."""


@dagc.graph
def classify(row: Row, age: float):
    """The class of a row and how likely it is."""
'''

REQUEST = {
    "title": "Payment",
    "type": "object",
    "required": ["user_id", "amount", "country"],
    "properties": {
        "user_id": {"type": "string", "maxLength": 64, "title": "User Id"},
        "amount": {"type": "number", "exclusiveMinimum": 0, "title": "Amount"},
        "country": {"$ref": "#/$defs/Country"},
    },
    "$defs": {"Country": {"enum": ["DE", "FR", "US"], "title": "Country", "type": "string"}},
}
RESPONSE = {
    "title": "Decision",
    "type": "object",
    "required": ["allow", "score"],
    "properties": {"allow": {"type": "boolean"}, "score": {"type": "number"}},
}
ROW = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
MODELS = {"a" * 64: b"fused model", "b" * 64: b"classifier"}

F32 = Tensor(DType.F32, ())
PAYMENT = Record("Payment", (RecordField("user_id", Scalar("str")), RecordField("amount", Scalar("float"))))
DECISION = Record("Decision", (RecordField("allow", Scalar("bool")), RecordField("score", Scalar("float"))))


def value(name: str, type_: Type) -> Value:
    return Value(ValueId(name), type_)


def node(name: str, op: Op, inputs: str, outputs: tuple[Value, ...], *lines: int) -> Node:
    spans = tuple(Span("graph.py", line, 5, line, 9) for line in lines)
    return Node(NodeName(name), op, tuple(ValueId(i) for i in inputs.split()), outputs, spans)


def step(name: str, parameters: str, *, is_async: bool = False) -> CallStep:
    names = tuple(parameters.split())
    return CallStep("graph", name, names, (Scalar("float"),) * len(names), is_async)


def fraud() -> Graph:
    """Two steps that wait together, a fused session, constants and a one-element tensor made a number."""
    return Graph(
        name="fraud",
        inputs=(value("payment", PAYMENT),),
        nodes=(
            node("user", Field("user_id"), "payment", (value("user_id", Scalar("str")),), 43),
            node(
                "profile",
                step("profile", "user_id", is_async=True),
                "user_id",
                (value("known", Scalar("int")),),
                43,
            ),
            node(
                "risk", step("risk", "payment", is_async=True), "payment", (value("danger", Scalar("float")),), 44
            ),
            node(
                "encode",
                step("encode", "payment profile risk"),
                "payment known danger",
                (value("row", Tensor(DType.F32, (30,))),),
                45,
            ),
            node(
                "scoring",
                RunModel(ModelKey("a" * 64), ("x",), ("mean",), ("scaler", "boosted", "neural", "mean")),
                "row",
                (value("score", F32),),
                *(46, 47, 48, 49),
            ),
            node("item", Item(), "score", (value("number", Scalar("float")),), 50),
            node("limit", Constant((0.5,), Scalar("float")), "", (value("limit", Scalar("float")),), 50),
            node(
                "decide",
                step("decide", "payment score limit"),
                "payment number limit",
                (value("decision", DECISION),),
                50,
            ),
        ),
        outputs=(ValueId("decision"),),
        returns=DECISION,
        span=Span("graph.py", 41, 1, 41, 20),
        version="1.2.0",
        deadline_s=0.2,
    )


def classify() -> Graph:
    """A model with two outputs, both returned, one as a number; a scalar packed by the session."""
    return Graph(
        name="classify",
        inputs=(value("row", Tensor(DType.F32, (3,))), value("age", Scalar("float"))),
        nodes=(
            node("packed", AsTensor(DType.F32, (1,)), "age", (value("packed", Tensor(DType.F32, (1,))),), 60),
            node(
                "classifier",
                RunModel(ModelKey("b" * 64), ("age", "x"), ("label", "probabilities"), ("classifier",)),
                "packed row",
                (value("label", Tensor(DType.I64, ())), value("probabilities", Tensor(DType.F32, (3,)))),
                60,
            ),
            node("number", Item(), "label", (value("number", Scalar("int")),), 61),
        ),
        outputs=(ValueId("number"), ValueId("probabilities")),
        returns=TupleOf((Scalar("int"), Tensor(DType.F32, (3,)))),
        span=Span("graph.py", 58, 1, 58, 30),
    )


FACTS = {
    ModelKey("a" * 64): ModelFacts(
        (Port(name="x", dtype="f32", dims=(30,)),), (Port(name="mean", dtype="f32", dims=()),), "a" * 64
    ),
    ModelKey("b" * 64): ModelFacts(
        (Port(name="x", dtype="f32", dims=(3,)), Port(name="age", dtype="f32", dims=(1,))),
        (Port(name="label", dtype="i64", dims=()), Port(name="probabilities", dtype="f32", dims=(3,))),
        "b" * 64,
        "operator `Scan` is not on the list of row-wise operators",
    ),
}


def whole_plan(
    remarks: tuple[str, ...] = ("merged `scaler`, `boosted`, `neural` and `mean` into one model",),
) -> ServicePlan:
    compiled = (
        Compiled(fraud(), "payment", REQUEST, RESPONSE, "Whether a card payment goes through."),
        Compiled(
            classify(),
            None,
            {"type": "object", "title": "classify", "properties": {"row": ROW, "age": {"type": "number"}}},
            {"type": "array", "prefixItems": [{"type": "integer"}, ROW]},
            "The class of a row and how likely it is.",
        ),
    )
    return make_plan(compiled, FACTS, {"graph.py": SOURCE}, dagc_version="0.1.0", remarks=remarks)


@pytest.fixture(scope="session")
def plan() -> ServicePlan:
    return whole_plan()


@pytest.fixture(scope="session")
def models() -> dict[str, bytes]:
    return dict(MODELS)


@pytest.fixture(scope="session")
def sources() -> dict[str, bytes]:
    return {"graph.py": SOURCE}


@pytest.fixture(scope="session")
def make() -> Callable[..., ServicePlan]:
    return whole_plan
