"""Every tensor has the shape its taker declares (E0203)."""

from collections.abc import Iterator

from dagc.check.edges import Edge, edges, fault
from dagc.diagnostics import Diagnostic
from dagc.ir.agree import disagreement
from dagc.ir.graph import Graph
from dagc.ir.ops import CallStep, RunModel
from dagc.ir.types import Tensor
from dagc.models.store import ModelStore


def shapes_agree(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One E0203 for each edge on which two known sizes, or two known numbers of axes, differ."""
    for edge in edges(graph, store):
        if fault(edge) == "shape":
            yield _diagnostic(edge, store)


def _diagnostic(edge: Edge, store: ModelStore) -> Diagnostic:
    verb = "is" if edge.producer is None else "produces"
    return Diagnostic.at(
        "E0203",
        f"shapes do not agree on `{edge.ends}`",
        edge.span,
        f"needs {edge.wanted}",
        others=edge.origin(f"{verb} {edge.value.type}"),
        notes=tuple(_notes(edge, store)),
        help=_help(edge),
    )


def _notes(edge: Edge, store: ModelStore) -> Iterator[str]:
    if not isinstance(edge.value.type, Tensor):
        yield f"`{edge.value.type}` fits a model's input only where that holds one element"
    elif (reason := disagreement(edge.value.type, edge.wanted)) is not None:
        yield reason
    if not isinstance(edge.consumer.op, RunModel):
        yield f"`{edge.taker}` declares `{edge.name}` so"
        return
    port = store.signature(edge.consumer.op.model).input(edge.name)
    if port is not None:
        yield f"fixed by input `{edge.name}` of `{edge.taker}`, which is {port.type}; axis 0 there is the batch"


def _help(edge: Edge) -> str:
    if edge.producer is None:
        return f"declare `{edge.value.id}` as {edge.wanted}, or compute that from it in a step"
    if isinstance(edge.producer.op, CallStep):
        first = f"make `{edge.producer.op.qualname}` return {edge.wanted}"
    else:
        first = f"put a step or an expression between them that makes {edge.wanted}"
    if isinstance(edge.consumer.op, RunModel):
        return f"{first}, or export `{edge.taker}` with dynamic axes"
    return f"{first}, or declare `{edge.name}` as {edge.value.type}"
