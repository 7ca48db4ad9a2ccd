"""Every step, model and expression leads to the answer (E0302)."""

from collections.abc import Iterator

from dagc.check.edges import callee
from dagc.diagnostics import Diagnostic
from dagc.ir.graph import Graph, Node
from dagc.ir.ops import AsTensor, CallStep, Collect, Constant, Field, Item, RunModel
from dagc.models.store import ModelStore


def results_used(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One E0302 for each call none of whose outputs is read or returned; of a dead chain, only its last link."""
    consumers = graph.consumers()
    for node in graph.nodes:
        if isinstance(node.op, Field | Item | AsTensor | Constant | Collect):
            continue
        if any(consumers[value.id] or value.id in graph.outputs for value in node.outputs):
            continue
        yield Diagnostic.at(
            "E0302",
            f"the result of `{callee(node)}` is never used",
            node.spans[0] if node.spans else graph.span,
            "never reaches the answer",
            notes=(f"`{graph.name}` would compute it for every request and throw it away",),
            help=_help(node),
        )


def _help(node: Node) -> str:
    if isinstance(node.op, CallStep):
        return f"return it, give it to another step, or remove the call of `{node.op.qualname}`"
    if isinstance(node.op, RunModel):
        return "return it, give it to a step, or remove the call of the model"
    return "return it, give it to a step, or remove the expression"
