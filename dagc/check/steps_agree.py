"""Every step is given what its parameters declare (E0202)."""

from collections.abc import Iterator

from dagc.check.edges import Edge, edges, fault
from dagc.check.remedies import remedy
from dagc.diagnostics import Diagnostic
from dagc.ir.agree import disagreement
from dagc.ir.graph import Graph
from dagc.models.store import ModelStore


def steps_agree(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One E0202 for each argument a step's annotation refuses; tensors against tensors are E0203 and E0204."""
    for edge in edges(graph, store):
        if fault(edge) == "step":
            yield _diagnostic(edge)


def _diagnostic(edge: Edge) -> Diagnostic:
    reason = disagreement(edge.value.type, edge.wanted)
    plain = f"`{edge.value.type}` is not `{edge.wanted}`"
    return Diagnostic.at(
        "E0202",
        f"`{edge.taker}` takes `{edge.wanted}` as `{edge.name}`, not `{edge.value.type}`",
        edge.span,
        f"`{edge.name}` needs {edge.wanted}",
        others=edge.origin(f"is {edge.value.type}"),
        notes=() if reason is None or reason == plain else (reason,),
        help=remedy(edge.value, edge.wanted, f"the annotation of `{edge.name}`"),
    )
