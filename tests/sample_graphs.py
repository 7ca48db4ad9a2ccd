"""Graphs that cover what passes meet: small, runnable, each with its models, steps and seeded arguments.

`Sketch` writes a graph as a user would, one node a line; `SAMPLES` holds makers, so every test has its own store.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dagc.diagnostics import Span
from dagc.ir.graph import Each, Graph, Node, NodeName, Op, Value, ValueId
from dagc.ir.infer import Mismatch, infer
from dagc.ir.ops import (
    ArgMax,
    AsTensor,
    CallStep,
    Cast,
    Concat,
    Constant,
    Elementwise,
    Expression,
    Field,
    Index,
    Item,
    Normalise,
    Reduce,
    RunModel,
    Slice,
    Softmax,
    Stack,
    TopK,
    Vote,
)
from dagc.ir.types import Choice, DType, ListOf, Record, RecordField, Scalar, Tensor, TupleOf, Type
from dagc.models.store import ModelStore

F32, I64, STR = DType.F32, DType.I64, DType.STR
WIDTH = 4
ROW = Tensor(F32, (WIDTH,))
ONE = Tensor(F32, ())
FLOAT, INT, BOOL, TEXT = Scalar("float"), Scalar("int"), Scalar("bool"), Scalar("str")
PAYMENT = Record(
    "Payment", (RecordField("amount", FLOAT), RecordField("count", INT), RecordField("country", TEXT))
)


@dataclass(frozen=True, slots=True)
class Payment:
    amount: float
    count: int
    country: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A graph with all it takes to run it."""

    graph: Graph
    store: ModelStore
    steps: Mapping[tuple[str, str], Callable[..., object]]
    arguments: tuple[Mapping[str, object], ...]


class Sketch:
    """Writes a graph node by node; line 1 is the graph, every node is one line further."""

    def __init__(
        self,
        name: str,
        store: ModelStore | None = None,
        steps: dict[tuple[str, str], Callable[..., object]] | None = None,
    ) -> None:
        self.name = name
        self.first_line = 1
        self.store = store or ModelStore()
        self.steps: dict[tuple[str, str], Callable[..., object]] = {} if steps is None else steps
        self.inputs: list[Value] = []
        self.nodes: list[Node] = []
        self.types: dict[ValueId, Type] = {}

    def input(self, name: str, type: Type) -> ValueId:
        return self._value(self.inputs, name, type).id

    def model(
        self, name: str, model: bytes, feeds: Mapping[str, ValueId], *outputs: str, barrier: str | None = None
    ) -> tuple[ValueId, ...]:
        """Run a model; `outputs` are pairs `fetch:value`."""
        key = self.store.add(model)
        signature = self.store.signature(key)
        fetches, ids = zip(*(text.split(":") for text in outputs), strict=True)
        ports = [signature.output(fetch) for fetch in fetches]
        values = [(id, signature.example(port)) for id, port in zip(ids, ports, strict=True) if port]
        return self.node(RunModel(key, tuple(feeds), fetches, (name,), barrier), tuple(feeds.values()), values)

    def step(self, function: Callable[..., object], given: Sequence[ValueId], out: str, type: Type) -> ValueId:
        code = function.__code__
        waits = bool(code.co_flags & 0x80)
        parameters = code.co_varnames[: code.co_argcount]
        self.steps["graph", function.__name__] = function
        expects = tuple(self.types[value] for value in given)
        op = CallStep("graph", function.__name__, parameters, expects, waits)
        return self.node(op, tuple(given), [(out, type)])[0]

    def express(self, op: Expression, *given: ValueId, out: str) -> ValueId:
        return self.express_all(op, *given, out=(out,))[0]

    def express_all(self, op: Expression, *given: ValueId, out: Sequence[str]) -> tuple[ValueId, ...]:
        types = infer(op, tuple(self.types[value] for value in given))
        assert not isinstance(types, Mismatch), types
        return self.node(op, given, list(zip(out, types, strict=True)))

    def op(self, kind: str, *given: ValueId, out: str) -> ValueId:
        return self.express(Elementwise(kind), *given, out=out)  # type: ignore[arg-type]

    def constant(self, out: str, type: Type, *values: float | str | bool) -> ValueId:
        return self.node(Constant(values, type), (), [(out, type)])[0]

    def field(self, record: ValueId, name: str) -> ValueId:
        type = self.types[record]
        assert isinstance(type, Record)
        member = type.field(name)
        assert member
        return self.node(Field(name), (record,), [(name, member.type)])[0]

    def tensor(self, scalar: ValueId, out: str, dtype: DType, *dims: int) -> ValueId:
        return self.node(AsTensor(dtype, dims), (scalar,), [(out, Tensor(dtype, dims))])[0]

    def item(self, tensor: ValueId, out: str, kind: Scalar) -> ValueId:
        return self.node(Item(), (tensor,), [(out, kind)])[0]

    def each(
        self,
        items: ValueId,
        item: str,
        body: Callable[["Sketch", ValueId], ValueId],
        out: str,
        captures: Sequence[ValueId] = (),
        max_items: int = 8,
    ) -> ValueId:
        """One `body` an item; it draws into a sketch of its own, in which captures keep their names."""
        listed = self.types[items]
        assert isinstance(listed, ListOf)
        inner = Sketch(f"each_{item}", self.store, self.steps)
        inner.first_line = self.first_line + len(self.nodes) + 1
        given = inner.input(item, listed.item)
        for captured in captures:
            inner.input(captured, self.types[captured])
        region = inner.graph(body(inner, given))
        (result,) = self.node(Each(region, max_items), (items, *captures), [(out, ListOf(region.returns))])
        return result

    def node(self, op: Op, given: tuple[ValueId, ...], outputs: Sequence[tuple[str, Type]]) -> tuple[ValueId, ...]:
        line = self.first_line + len(self.nodes) + 1
        span = Span("graph.py", line, 5, line, 20)
        made: list[Value] = []
        for id, type in outputs:
            self._value(made, id, type)
        self.nodes.append(Node(NodeName(made[0].id), op, given, tuple(made), (span,)))
        return tuple(value.id for value in made)

    def graph(self, *outputs: ValueId) -> Graph:
        types = tuple(self.types[output] for output in outputs)
        returns = types[0] if len(types) == 1 else TupleOf(types)
        return Graph(
            self.name,
            tuple(self.inputs),
            tuple(self.nodes),
            outputs,
            returns,
            Span("graph.py", self.first_line, 1, self.first_line, 10),
        )

    def sample(self, *outputs: ValueId) -> Sample:
        graph = self.graph(*outputs)
        return Sample(graph, self.store, self.steps, tuple(_arguments(graph, seed) for seed in range(4)))

    def _value(self, values: list[Value], id: str, type: Type) -> Value:
        value = Value(ValueId(id), type)
        self.types[value.id] = type
        values.append(value)
        return value


# Models: every one has the batch in axis 0


def scaler(seed: int = 0, opset: int = 17) -> bytes:
    """`x` f32[N, 4] -> `y` f32[N, 4]"""
    rng = np.random.default_rng(seed)
    weights = {"scale": rng.uniform(0.5, 2, WIDTH), "shift": rng.normal(size=WIDTH)}
    nodes = [
        helper.make_node("Mul", ["x", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["y"]),
    ]
    return _model(nodes, {"x": (F32, WIDTH)}, {"y": (F32, WIDTH)}, weights, opset)


def score(seed: int = 0, opset: int = 17) -> bytes:
    """`x` f32[N, 4] -> `score` f32[N]"""
    weights = {"w": np.random.default_rng(seed).normal(size=(WIDTH, 1)), "axes": np.array([1])}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"]),
        helper.make_node("Sigmoid", ["product"], ["column"]),
        helper.make_node("Squeeze", ["column", "axes"], ["score"]),
    ]
    return _model(nodes, {"x": (F32, WIDTH)}, {"score": (F32,)}, weights, opset)


def classifier(seed: int = 0) -> bytes:
    """`x` f32[N, 4] -> `label` i64[N], `probabilities` f32[N, 3]"""
    weights = {"w": np.random.default_rng(seed).normal(size=(WIDTH, 3))}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
    ]
    return _model(nodes, {"x": (F32, WIDTH)}, {"label": (I64,), "probabilities": (F32, 3)}, weights, 17)


def joiner() -> bytes:
    """`a`, `b` f32[N, 4] -> `c` f32[N, 4]"""
    return _model(
        [helper.make_node("Mul", ["a", "b"], ["c"])],
        {"a": (F32, WIDTH), "b": (F32, WIDTH)},
        {"c": (F32, WIDTH)},
        {},
        17,
    )


def column() -> bytes:
    """`amount` f32[N, 1] -> `risk` f32[N, 1]"""
    return _model(
        [helper.make_node("Tanh", ["amount"], ["risk"])], {"amount": (F32, 1)}, {"risk": (F32, 1)}, {}, 17
    )


def running_sum() -> bytes:
    """`x` f32[N, 4] -> `y` f32[N, 4], in which the rows of a batch would be added up"""
    nodes = [helper.make_node("CumSum", ["x", "axis"], ["y"])]
    return _model(nodes, {"x": (F32, WIDTH)}, {"y": (F32, WIDTH)}, {"axis": np.array(0)}, 17)


def picker() -> bytes:
    """`x` f32[N, 4] -> `y` f32[N, 4], of whose length a proof knows only that it is the same for all rows"""
    nodes = [helper.make_node("Compress", ["x", "kept"], ["y"], axis=1)]
    return _model(nodes, {"x": (F32, WIDTH)}, {"y": (F32, WIDTH)}, {"kept": np.full(WIDTH, True)}, 17)


def encoder(seed: int = 0, *, folded: bool = False) -> bytes:
    """`x` f32[N, 4] -> `y` f32[N, 4] in operators enough to be worth sharing runs of; `folded` counts on the 4"""
    names = ["x", *(f"h{i}" for i in range(29)), "y"]
    weights = {"shift": np.random.default_rng(seed).normal(size=WIDTH)}
    nodes = [
        helper.make_node("Add", [source, "shift"], [made])
        if place % 2
        else helper.make_node("Tanh", [source], [made])
        for place, (source, made) in enumerate(pairwise(names))
    ]
    if folded:
        nodes[0] = helper.make_node("Reshape", ["x", "rows"], ["h0"])
        weights["rows"] = np.array([-1, WIDTH])
    return _model(nodes, {"x": (F32, WIDTH)}, {"y": (F32, WIDTH)}, weights, 17)


def foldable() -> bytes:
    """`x` f32[N, 4] -> `y` f32[N, 4], with a product of weights that needs no request"""
    weights = {"a": np.full(WIDTH, 2.0), "b": np.full(WIDTH, 3.0)}
    nodes = [helper.make_node("Mul", ["a", "b"], ["ab"]), helper.make_node("Mul", ["x", "ab"], ["y"])]
    return _model(nodes, {"x": (F32, WIDTH)}, {"y": (F32, WIDTH)}, weights, 17)


def _model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, tuple[object, ...]],
    outputs: Mapping[str, tuple[object, ...]],
    weights: Mapping[str, np.ndarray],
    opset: int,
) -> bytes:
    def ports(types: Mapping[str, tuple[object, ...]]) -> list[onnx.ValueInfoProto]:
        kinds = {F32: TensorProto.FLOAT, I64: TensorProto.INT64}
        return [helper.make_tensor_value_info(n, kinds[t], ["N", *dims]) for n, (t, *dims) in types.items()]

    stored = [
        numpy_helper.from_array(array if array.dtype.kind in "ib" else array.astype(np.float32), name)
        for name, array in weights.items()
    ]
    graph = helper.make_graph(list(nodes), "model", ports(inputs), ports(outputs), stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


# Steps


def decide(score: float) -> bool:
    return bool(score > 0.5)


def clip(row: np.ndarray) -> np.ndarray:
    return np.clip(row, -1, 1)


async def profile(row: np.ndarray) -> np.ndarray:
    return row * np.float32(2)


async def record(row: np.ndarray) -> np.ndarray:
    return row + np.float32(1)


def audit(row: np.ndarray) -> bool:
    return True


# Graphs


def pipeline() -> Sample:
    s = Sketch("pipeline")
    row = s.input("row", ROW)
    (scaled,) = s.model("scaler", scaler(), {"x": row}, "y:scaled")
    (value,) = s.model("score", score(), {"x": scaled}, "score:value")
    number = s.item(value, "number", FLOAT)
    return s.sample(s.step(decide, [number], "decision", BOOL))


def fan_out() -> Sample:
    s = Sketch("fan_out")
    row = s.input("row", ROW)
    (scaled,) = s.model("scaler", scaler(), {"x": row}, "y:scaled")
    heads = [s.model(f"head{i}", score(i), {"x": scaled}, f"score:s{i}")[0] for i in range(3)]
    return s.sample(s.express(Stack(0), *heads, out="scores"), scaled)


def soft_vote() -> Sample:
    s = Sketch("soft_vote")
    row = s.input("row", ROW)
    scores = [
        s.model(name, score(i), {"x": row}, f"score:{name}") for i, name in enumerate(("trees", "net", "line"))
    ]
    return s.sample(s.op("mean", *(value for (value,) in scores), out="mean"))


def hard_vote() -> Sample:
    s = Sketch("hard_vote")
    row = s.input("row", ROW)
    labels = [
        s.model(f"c{i}", classifier(i), {"x": row}, f"label:label{i}", f"probabilities:p{i}") for i in range(3)
    ]
    return s.sample(s.express(Vote("lowest"), *(label for label, _ in labels), out="winner"))


def around_a_step() -> Sample:
    """`scaled` goes to `joiner` directly and through a Python step: the two models must not become one."""
    s = Sketch("around_a_step")
    row = s.input("row", ROW)
    (scaled,) = s.model("scaler", scaler(), {"x": row}, "y:scaled")
    clipped = s.step(clip, [scaled], "clipped", ROW)
    (joined,) = s.model("joiner", joiner(), {"a": scaled, "b": clipped}, "c:joined")
    return s.sample(s.model("score", score(), {"x": joined}, "score:value")[0])


def two_waits() -> Sample:
    """One model for `first` and `second` would make `record` wait for `profile`."""
    s = Sketch("two_waits")
    row = s.input("row", ROW)
    (first,) = s.model("first", scaler(1), {"x": row}, "y:first")
    recorded = s.step(record, [first], "recorded", ROW)
    fetched = s.step(profile, [row], "fetched", ROW)
    (second,) = s.model("second", joiner(), {"a": first, "b": fetched}, "c:second")
    return s.sample(second, recorded)


def strings() -> Sample:
    s = Sketch("strings")
    payment = s.input("payment", PAYMENT)
    country = s.field(payment, "country")
    home = s.constant("home", TEXT, "NL")
    same = s.op("eq", country, home, out="same")
    chosen = s.op("where", same, country, s.constant("abroad", TEXT, "abroad"), out="chosen")
    return s.sample(s.express(Vote("first"), chosen, country, home, out="winner"), same)


def several_outputs() -> Sample:
    s = Sketch("several_outputs")
    row = s.input("row", ROW)
    (scaled,) = s.model("scaler", scaler(), {"x": row}, "y:scaled")
    label, chances = s.model("classes", classifier(), {"x": scaled}, "label:label", "probabilities:chances")
    return s.sample(label, s.express(Reduce("max", 0), chances, out="best"), scaled)


def unused_outputs() -> Sample:
    s = Sketch("unused_outputs")
    row = s.input("row", ROW)
    clipped = s.step(clip, [row], "clipped", ROW)
    _, chances = s.model("classes", classifier(), {"x": clipped}, "label:label", "probabilities:chances")
    s.model("unread", scaler(3), {"x": row}, "y:unread")
    s.step(audit, [row], "audited", BOOL)
    return s.sample(chances)


def scalar_arithmetic() -> Sample:
    s = Sketch("scalar_arithmetic")
    payment = s.input("payment", PAYMENT)
    amount, count = s.field(payment, "amount"), s.field(payment, "count")
    each = s.op("div", amount, count, out="each")
    fee = s.op("add", s.op("mul", each, s.constant("rate", FLOAT, 0.03), out="part"), count, out="fee")
    risk = s.model("column", column(), {"amount": s.tensor(fee, "fee_column", F32, 1)}, "risk:risk")[0]
    large = s.op("gt", fee, s.constant("limit", INT, 20), out="large")
    return s.sample(s.op("where", large, risk, s.op("mul", risk, amount, out="scaled"), out="result"), large, fee)


def constants() -> Sample:
    s = Sketch("constants")
    row = s.input("row", ROW)
    weights = s.constant("weights", ROW, 0.1, 0.2, 0.3, 0.4)
    half = s.op("div", s.constant("one", INT, 1), s.constant("two", INT, 2), out="half")
    halved = s.op("mul", weights, half, out="halved")
    ranked, places = s.express_all(TopK(2), halved, out=("ranked", "places"))
    return s.sample(s.op("add", s.op("mul", row, halved, out="weighted"), half, out="result"), ranked, places)


def repeated() -> Sample:
    s = Sketch("repeated")
    row = s.input("row", ROW)
    (first,) = s.model("scaler", scaler(), {"x": row}, "y:first")
    (second,) = s.model("scaler", scaler(), {"x": row}, "y:second")
    clipped = [s.step(clip, [value], f"clipped_{value}", ROW) for value in (first, second)]
    return s.sample(s.op("add", *clipped, out="total"))


def every_expression() -> Sample:
    s = Sketch("every_expression")
    row = s.input("row", ROW)
    (scaled,) = s.model("scaler", scaler(), {"x": row}, "y:scaled")
    soft = s.express(Softmax(-1), scaled, out="soft")
    unit = s.express(Normalise(0), scaled, out="unit")
    joined = s.express(Concat(0), soft, unit, out="joined")
    top, places = s.express_all(TopK(3), joined, out=("top", "places"))
    part = s.express(Index((Slice(1, -1),)), joined, out="part")
    first = s.express(Index((0,)), joined, out="first")
    wide = s.express(Cast(DType.F64), part, out="wide")
    total = s.express(Reduce("sum", None), wide, out="total")
    best = s.express(ArgMax(0), joined, out="best")
    positive = s.op("and", s.op("gt", first, total, out="more"), s.op("ge", best, best, out="always"), out="both")
    clipped = s.op(
        "where", positive, s.op("exp", first, out="power"), s.op("abs", first, out="size"), out="picked"
    )
    return s.sample(top, places, total, clipped, s.op("mean", clipped, first, out="middle"))


def barriers() -> Sample:
    s = Sketch("barriers")
    row = s.input("row", ROW)
    (scaled,) = s.model("scaler", scaler(), {"x": row}, "y:scaled")
    (alone,) = s.model("shadow", scaler(1), {"x": scaled}, "y:alone", barrier="it is asked for alone")
    return s.sample(s.model("score", score(), {"x": alone}, "score:value")[0])


def opsets() -> Sample:
    s = Sketch("opsets")
    row = s.input("row", ROW)
    (scaled,) = s.model("scaler", scaler(opset=15), {"x": row}, "y:scaled")
    return s.sample(
        s.op("mul", s.model("score", score(opset=18), {"x": scaled}, "score:value")[0], row, out="result")
    )


def ready_together() -> Sample:
    """Two models with nothing in common, both ready when the request comes."""
    s = Sketch("ready_together")
    left, right = s.input("left", ROW), s.input("right", ROW)
    (scaled,) = s.model("scaler", scaler(), {"x": left}, "y:scaled")
    (value,) = s.model("score", score(), {"x": right}, "score:value")
    return s.sample(scaled, value)


def shared_runs() -> Sample:
    """Models that requests share runs of before, between and beside two that are run for each request."""
    s = Sketch("shared_runs")
    row = s.input("row", ROW)
    (words,) = s.model("words", running_sum(), {"x": row}, "y:words")
    (left,) = s.model("left", encoder(0), {"x": words}, "y:left")
    (right,) = s.model("right", encoder(1), {"x": row}, "y:right")
    (scaled,) = s.model("scaler", scaler(), {"x": words}, "y:scaled")
    (spread,) = s.model("spread", running_sum(), {"x": s.op("mean", left, right, out="mean")}, "y:spread")
    return s.sample(s.op("add", spread, scaled, out="sum"))


def for_items() -> Sample:
    """Models and arithmetic in a region fuse with each other and not with those around it."""
    s = Sketch("for_items")
    rows, amount = s.input("rows", ListOf(ROW)), s.input("amount", FLOAT)
    twice = s.op("mul", amount, s.constant("two", INT, 2), out="twice")
    spare = s.op("add", amount, amount, out="spare")

    def body(b: Sketch, row: ValueId) -> ValueId:
        (scaled,) = b.model("scaler", scaler(), {"x": row}, "y:scaled")
        (again,) = b.model("scaler", scaler(), {"x": row}, "y:again")
        (value,) = b.model("score", score(), {"x": b.op("add", scaled, again, out="sum")}, "score:value")
        b.op("mul", value, spare, out="unread")
        return b.op("mul", value, twice, out="result")

    scores = s.each(rows, "row", body, "scores", [twice, spare])
    return s.sample(scores, s.model("score", score(1), {"x": s.input("last", ROW)}, "score:other")[0])


def items_in_items() -> Sample:
    """A region in a region, steps that wait in it, and a value that becomes one with another outside."""
    s = Sketch("items_in_items")
    pages, row = s.input("pages", ListOf(ListOf(ROW))), s.input("row", ROW)
    (first,) = s.model("scaler", scaler(), {"x": row}, "y:first")
    (second,) = s.model("scaler", scaler(), {"x": row}, "y:second")

    def of_page(b: Sketch, page: ValueId) -> ValueId:
        def of_line(c: Sketch, line: ValueId) -> ValueId:
            fetched = c.step(profile, [line], "fetched", ROW)
            joined = c.op("add", c.op("add", first, second, out="both"), fetched, out="joined")
            (value,) = c.model("score", score(), {"x": joined}, "score:value")
            return c.step(decide, [c.item(value, "number", FLOAT)], "decision", BOOL)

        return b.each(page, "line", of_line, "decisions", [first, second])

    decisions = s.each(pages, "page", of_page, "all_decisions", [first, second])
    return s.sample(decisions)


def unread_items() -> Sample:
    """A region whose results nobody reads goes, unless it calls a step."""
    s = Sketch("unread_items")
    rows = s.input("rows", ListOf(ROW))
    s.each(rows, "row", lambda b, row: b.model("scaler", scaler(), {"x": row}, "y:scaled")[0], "unread")
    s.each(rows, "line", lambda b, line: b.step(audit, [line], "audited", BOOL), "told")
    return s.sample(s.each(rows, "item", lambda b, item: item, "same"))


def chain(length: int = 50) -> Sample:
    s = Sketch("chain")
    value = s.input("row", ROW)
    third = s.constant("third", FLOAT, 0.25)
    for i in range(length):
        match i % 3:
            case 0:
                (value,) = s.model(f"scaler{i}", scaler(i), {"x": value}, f"y:v{i}")
            case 1:
                value = s.op("mul", value, third, out=f"v{i}")
            case _:
                value = s.express(Softmax(0), value, out=f"v{i}")
    return s.sample(value)


SAMPLES: tuple[Callable[[], Sample], ...] = (
    pipeline,
    fan_out,
    soft_vote,
    hard_vote,
    around_a_step,
    two_waits,
    strings,
    several_outputs,
    unused_outputs,
    scalar_arithmetic,
    constants,
    repeated,
    every_expression,
    barriers,
    opsets,
    ready_together,
    shared_runs,
    for_items,
    items_in_items,
    unread_items,
    chain,
)


def _arguments(graph: Graph, seed: int) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    return {value.id: _drawn(value.type, rng) for value in graph.inputs}


def _drawn(type: Type, rng: np.random.Generator) -> object:
    if isinstance(type, ListOf):
        return [_drawn(type.item, rng) for _ in range(int(rng.integers(4)))]
    if type == FLOAT:
        return float(rng.normal())
    if isinstance(type, Tensor):
        return rng.normal(size=type.dims).astype(np.float32)
    if isinstance(type, Choice):
        return type.values[int(rng.integers(len(type.values)))]
    if type == TEXT:
        return f"user {int(rng.integers(100))}"
    countries = ("NL", "BE", "a long way off")
    return Payment(float(rng.uniform(1, 1000)), int(rng.integers(1, 9)), countries[int(rng.integers(3))])
