"""The edges of a graph that somebody declared a type for: what flows, who made it, who takes it and as what.

`fault` puts each edge into exactly one class, so that one mistake is reported by exactly one rule.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dagc.diagnostics import Label, Span
from dagc.ir.agree import disagreement
from dagc.ir.arms import combinator
from dagc.ir.graph import Choosing, Each, Graph, Node, Standing, Value
from dagc.ir.ops import CallStep, Field, RunModel
from dagc.ir.promotion import FLOATS, NUMBERS, scalar_kind
from dagc.ir.types import Choice, DType, ListOf, Scalar, ScalarKind, Tensor, Type, Unknown
from dagc.models.store import ModelStore

Fault = Literal["dtype", "shape", "step", "several"]

_FEEDS: dict[ScalarKind, tuple[DType, ...]] = {
    "float": FLOATS,
    "int": NUMBERS,
    "bool": (DType.BOOL,),
    "str": (DType.STR,),
}


@dataclass(frozen=True, slots=True)
class Edge:
    """`value`, made by `producer` (`None`: a graph input), is given to `consumer` as `name`, declared `wanted`."""

    value: Value
    producer: Node | None
    consumer: Node
    name: str
    wanted: Type

    @property
    def span(self) -> Span | None:
        """Where the value is given away."""
        return self.consumer.spans[0] if self.consumer.spans else None

    @property
    def taker(self) -> str:
        """What takes the value, as the user calls it."""
        return callee(self.consumer)

    @property
    def written(self) -> str:
        """The value as the user may write it: `page.crops` for a member, else its name."""
        if self.producer is not None and isinstance(self.producer.op, Field):
            return f"{self.producer.inputs[0]}.{self.producer.op.name}"
        return self.value.id

    @property
    def ends(self) -> str:
        """`encode -> boosted`."""
        source = self.value.id if self.producer is None else callee(self.producer)
        return f"{source} -> {self.taker}"

    def origin(self, text: str) -> tuple[Label, ...]:
        """A label where the value comes from, unless that is the place of the call itself."""
        return origin(self.value, self.span, text)


def edges(graph: Graph, store: ModelStore) -> Iterator[Edge]:
    """Every input of a model or step, in order. A feed the model does not have was reported by the trace."""
    producers, values = graph.producers(), {value.id: value for value in graph.values()}
    for node in graph.nodes:
        for source, (name, wanted) in zip(node.inputs, _wanted(node, store), strict=False):
            yield Edge(values[source], producers.get(source), node, name, wanted)


def fault(edge: Edge) -> Fault | None:
    """What is wrong with an edge: its dtype (E0204) or shape (E0203), a step's type (E0202), how many (E0178)."""
    given, wanted = edge.value.type, edge.wanted
    if isinstance(given, Unknown) or isinstance(wanted, Unknown):
        return None
    if isinstance(edge.consumer.op, RunModel):
        found = _model_fault(given, wanted)
    elif disagreement(given, wanted) is None:
        found = None
    else:
        found = _tensor_fault(given, wanted) or "step"
    return "several" if found is not None and _holds_several(given, wanted) else found


def callee(node: Node) -> str:
    """The user's name for what a node runs."""
    match node.op:
        case CallStep(qualname=qualname):
            return qualname
        case RunModel(parts=(only,)):
            return only
        case Each():
            return "dagc.each"
        case op if isinstance(op, Choosing | Standing):
            return combinator(op)
        case _:
            return node.name


def origin(value: Value, use: Span | None, text: str) -> tuple[Label, ...]:
    """A label at the value's own place, unless it has none or it is the place of its use."""
    if value.span is None or value.span == use:
        return ()
    return (Label(value.span, text),)


def _wanted(node: Node, store: ModelStore) -> Iterator[tuple[str, Type]]:
    match node.op:
        case CallStep(parameters=parameters, expects=expects):
            yield from zip(parameters, expects, strict=True)
        case RunModel(model=model, feeds=feeds):
            signature = store.signature(model)
            for feed in feeds:
                port = signature.input(feed)
                yield feed, Unknown() if port is None else signature.example(port)


def _holds_several(given: Type, wanted: Type) -> bool:
    """Whether a list, or a tensor with one more axis in front, holds what is wanted more than once."""
    match given, wanted:
        case ListOf(item=item), _:
            return disagreement(item, wanted) is None
        case Tensor(dtype=dtype, dims=(_, *rest)), Tensor(dtype=same, dims=dims) if dtype is same and dims:
            return disagreement(Tensor(dtype, tuple(rest)), wanted) is None
    return False


def _model_fault(given: Type, wanted: Type) -> Fault | None:
    if isinstance(given, Tensor):
        return _tensor_fault(given, wanted)
    kind = _kind(given)
    if kind is None or not isinstance(wanted, Tensor) or wanted.dtype not in _FEEDS[kind]:
        return "dtype"
    # a Python value of the right kind would have become a tensor, if only the input held one element
    return "shape"


def _tensor_fault(given: Type, wanted: Type) -> Fault | None:
    if not isinstance(given, Tensor) or not isinstance(wanted, Tensor):
        return None
    if given.dtype is not wanted.dtype:
        return "dtype"
    return "shape" if disagreement(given, wanted) is not None else None


def _kind(type: Type) -> ScalarKind | None:
    if isinstance(type, Scalar):
        return type.kind
    kinds = {scalar_kind(value) for value in type.values} if isinstance(type, Choice) else set()
    return kinds.pop() if len(kinds) == 1 else None
