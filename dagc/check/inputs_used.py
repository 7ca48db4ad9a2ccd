"""Every parameter of a graph is used (E0301)."""

from collections.abc import Iterator

from dagc.diagnostics import Diagnostic
from dagc.ir.graph import Graph
from dagc.models.store import ModelStore


def inputs_used(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One E0301 for each parameter nothing reads; a record of which one field is read counts as used."""
    consumers = graph.consumers()
    for value in graph.inputs:
        if not consumers[value.id] and value.id not in graph.outputs:
            yield Diagnostic.at(
                "E0301",
                f"parameter `{value.id}` of `{graph.name}` is never used",
                value.span or graph.span,
                "never used",
                notes=("every caller of the service would have to send it",),
                help=f"remove `{value.id}`, or give it to a step or a model",
            )
