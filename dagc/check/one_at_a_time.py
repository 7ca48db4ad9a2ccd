"""What takes one of something is given one (E0178)."""

from collections.abc import Iterator

from dagc.check.edges import Edge, edges, fault
from dagc.diagnostics import Diagnostic
from dagc.ir.graph import Graph
from dagc.ir.types import ListOf, Tensor, Type
from dagc.models.store import ModelStore


def one_at_a_time(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One E0178 for each edge that brings a list, or a stack, of what its taker takes one of."""
    for edge in edges(graph, store):
        if fault(edge) == "several":
            yield Diagnostic.at(
                "E0178",
                f"`{edge.taker}` takes one `{edge.wanted}` as `{edge.name}`, and `{edge.value.type}` are several",
                edge.span,
                f"needs {edge.wanted}",
                others=edge.origin(f"is {edge.value.type}"),
                help=_help(edge),
            )


def _help(edge: Edge) -> str:
    taken = "item" if len(edge.consumer.inputs) == 1 else "item, ..."
    write = f"write `dagc.each({edge.written}, lambda item: {edge.taker}({taken}), max_items=64)`"
    if isinstance(edge.value.type, ListOf):
        return f"`{edge.taker}` takes one at a time: {write}, or choose one in a step"
    if _has_batch_axis(edge.value.type) and isinstance(edge.wanted, Tensor):
        example = f"{edge.wanted.dtype}({', '.join(map(repr, edge.wanted.dims or ()))})"
        return f"a type describes one example: leave the batch axis out, `{example}`; serving adds it"
    return f"`{edge.taker}` takes one at a time: let a step return a list of them and {write}"


def _has_batch_axis(given: Type) -> bool:
    """Whether it looks like a model's own type: one, or any number, of examples."""
    return isinstance(given, Tensor) and given.dims is not None and given.dims[:1] in ((1,), (None,))
