"""Every size is known at build time (W0209): an unknown one is said, never assumed to match."""

from collections.abc import Iterator

from dagc.check.edges import Edge, edges, fault
from dagc.diagnostics import Diagnostic
from dagc.ir.agree import unproven
from dagc.ir.graph import Graph
from dagc.ir.ops import RunModel
from dagc.models.store import ModelStore


def shapes_proven(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One W0209 for each edge that agrees only if a size turns out right at run time."""
    for edge in edges(graph, store):
        reason = unproven(edge.value.type, edge.wanted) if fault(edge) is None else None
        if reason is not None:
            yield _diagnostic(edge, reason)


def _diagnostic(edge: Edge, reason: str) -> Diagnostic:
    verb = "is" if edge.producer is None else "produces"
    model = isinstance(edge.consumer.op, RunModel)
    later = "it is checked when the model runs" if model else "the step has to expect other sizes"
    return Diagnostic.at(
        "W0209",
        f"the shape on `{edge.ends}` cannot be proven at build; {later}",
        edge.span,
        f"needs {edge.wanted}",
        others=edge.origin(f"{verb} {edge.value.type}"),
        notes=(reason,),
        help=_help(edge),
    )


def _help(edge: Edge) -> str:
    if edge.producer is not None and isinstance(edge.producer.op, RunModel):
        return f"state what the model gives: `dagc.onnx(..., returns=...)` with {edge.wanted}"
    return f"declare the fixed size where the value is made: {edge.wanted}"
