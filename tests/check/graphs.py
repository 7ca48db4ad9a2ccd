"""Graphs built straight from the IR, with a different line of `graph.py` for every value and node."""

from dataclasses import dataclass, field

from dagc.check.rules import check
from dagc.diagnostics import Diagnostic, Report, Span
from dagc.ir.graph import Graph, Node, NodeName, Op, Value, ValueId
from dagc.ir.infer import infer
from dagc.ir.mismatch import Mismatch
from dagc.ir.ops import AsTensor, CallStep, Constant, Expression, Field, RunModel
from dagc.ir.types import DType, Record, RecordField, Scalar, Tensor, Type, Unknown
from dagc.models.store import ModelStore

INT, FLOAT, STR, BOOL = Scalar("int"), Scalar("float"), Scalar("str"), Scalar("bool")
PAYMENT = Record("Payment", (RecordField("amount", FLOAT), RecordField("country", STR)))


def f32(*dims: int | str | None) -> Tensor:
    return Tensor(DType.F32, dims)


@dataclass
class Building:
    """A graph in the making; every method that adds a node returns the names of its outputs."""

    store: ModelStore = field(default_factory=ModelStore)
    inputs: list[Value] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    line: int = 9

    def input(self, name: str, type: Type) -> str:
        self.inputs.append(Value(ValueId(name), type, self.next_span()))
        return name

    def model(self, name: str, model: bytes, *given: str, types: tuple[Type, ...] | None = None) -> list[str]:
        key = self.store.add(model)
        signature = self.store.signature(key)
        outputs = types or tuple(signature.example(port) for port in signature.outputs)
        feeds, fetches = (tuple(p.name for p in ports) for ports in (signature.inputs, signature.outputs))
        return self.node(name, RunModel(key, feeds, fetches, (name,)), given, outputs)

    def step(self, name: str, expects: dict[str, Type], returns: Type, *given: str) -> str:
        op = CallStep("graph", name, tuple(expects), tuple(expects.values()))
        return self.node(name, op, given, (returns,))[0]

    def expression(self, op: Expression, *given: str) -> str:
        types = infer(op, tuple(self.value(name).type for name in given))
        return self.node("expression", op, given, (Unknown(),) if isinstance(types, Mismatch) else types)[0]

    def field(self, record: str, name: str, type: Type) -> str:
        return self.node(name, Field(name), (record,), (type,))[0]

    def constant(self, value: int | float | str | bool, type: Scalar) -> str:
        return self.node("constant", Constant((value,), type), (), (type,))[0]

    def as_tensor(self, scalar: str, dtype: DType, *dims: int) -> str:
        return self.node("tensor", AsTensor(dtype, dims), (scalar,), (Tensor(dtype, dims),))[0]

    def node(self, name: str, op: Op, given: tuple[str, ...], types: tuple[Type, ...]) -> list[str]:
        span = self.next_span()
        unique = f"{name}_{len(self.nodes)}"
        values = tuple(Value(ValueId(f"{unique}_{i}"), type, span) for i, type in enumerate(types))
        self.nodes.append(Node(NodeName(unique), op, tuple(map(ValueId, given)), values, (span,)))
        return [value.id for value in values]

    def value(self, name: str) -> Value:
        known = [*self.inputs, *(value for node in self.nodes for value in node.outputs)]
        return next(value for value in known if value.id == name)

    def graph(self, *outputs: str, returns: Type | None = None, name: str = "fraud") -> Graph:
        declared = returns or self.value(outputs[0]).type
        span = Span("graph.py", 1, 1, 1, 30)
        return Graph(name, tuple(self.inputs), tuple(self.nodes), tuple(map(ValueId, outputs)), declared, span)

    def found(self, *outputs: str, returns: Type | None = None, name: str = "fraud") -> list[Diagnostic]:
        """What `check` says about the graph."""
        report = Report()
        check(self.graph(*outputs, returns=returns, name=name), self.store, report)
        return list(report.diagnostics)

    def next_span(self) -> Span:
        self.line += 1
        return Span("graph.py", self.line, 11, self.line, 24)


def codes(diagnostics: list[Diagnostic]) -> list[str]:
    return [diagnostic.code for diagnostic in diagnostics]
