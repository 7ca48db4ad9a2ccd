"""A named size is one size (E0208): within one call, and for the names a request brings within the whole graph."""

from collections.abc import Iterator
from dataclasses import dataclass

from dagc.check.edges import Edge, edges, fault
from dagc.diagnostics import Diagnostic, Label
from dagc.ir.graph import Graph, NodeName, ValueId
from dagc.ir.ops import Field
from dagc.ir.types import Tensor
from dagc.models.store import ModelStore


@dataclass(frozen=True, slots=True)
class _Binding:
    """`name` must be `size` because of this edge. Names of a model or step count within one call (`scope`)."""

    scope: NodeName | None
    name: str
    size: int
    edge: Edge


def dims_consistent(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One E0208 for each edge that gives a named size another value than an earlier edge."""
    from_request = _request_values(graph)
    bound: dict[tuple[NodeName | None, str], _Binding] = {}
    for edge in edges(graph, store):
        if fault(edge) is not None:
            continue
        for binding in _bindings(edge, from_request):
            first = bound.setdefault((binding.scope, binding.name), binding)
            if first.size != binding.size:
                yield _diagnostic(first, binding)


def _bindings(edge: Edge, from_request: frozenset[ValueId]) -> Iterator[_Binding]:
    given, wanted = edge.value.type, edge.wanted
    if not isinstance(given, Tensor) or not isinstance(wanted, Tensor):
        return
    for here, there in zip(given.dims or (), wanted.dims or (), strict=False):
        if isinstance(there, str) and isinstance(here, int):
            yield _Binding(edge.consumer.name, there, here, edge)
        if isinstance(here, str) and isinstance(there, int) and edge.value.id in from_request:
            yield _Binding(None, here, there, edge)


def _request_values(graph: Graph) -> frozenset[ValueId]:
    """The graph's inputs and their fields: their names of sizes mean one request, not one call."""
    found = {value.id for value in graph.inputs}
    for node in graph.nodes:
        if isinstance(node.op, Field) and node.inputs[0] in found:
            found.update(value.id for value in node.outputs)
    return frozenset(found)


def _diagnostic(first: _Binding, second: _Binding) -> Diagnostic:
    return Diagnostic.at(
        "E0208",
        f"size `{second.name}` would have to be {first.size} and {second.size} at once",
        second.edge.span,
        f"`{second.edge.name}` makes it {second.size}",
        others=_first_label(first, second),
        notes=(f"`{first.edge.name}` of `{first.edge.taker}` makes it {first.size}",),
        help="give the two sizes different names, or make them equal",
    )


def _first_label(first: _Binding, second: _Binding) -> tuple[Label, ...]:
    span = first.edge.span
    return () if span is None or span == second.edge.span else (Label(span, f"makes it {first.size}"),)
