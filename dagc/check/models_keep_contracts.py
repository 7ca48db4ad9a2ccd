"""Every model has the outputs its declared contract says (E0410)."""

from collections.abc import Iterator

from dagc.check.edges import callee
from dagc.diagnostics import Diagnostic
from dagc.ir.agree import disagreement
from dagc.ir.graph import Graph, Node, Value
from dagc.ir.ops import RunModel
from dagc.ir.types import Tensor
from dagc.models.store import ModelStore


def models_keep_contracts(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One E0410 for each output declared otherwise (`dagc.onnx(..., returns=...)`) than the model gives.

    What it gives follows from what it is fed (`f32[W//8]` for a width of 320 is `f32[40]`). A declaration may fix
    what that leaves open; that is checked when the model runs.
    """
    types = graph.types()
    for node in graph.nodes:
        if not isinstance(node.op, RunModel):
            continue
        given = {name: types[value] for name, value in zip(node.op.feeds, node.inputs, strict=True)}
        answers = store.signature(node.op.model).answers({n: t for n, t in given.items() if isinstance(t, Tensor)})
        for name, value in zip(node.op.fetches, node.outputs, strict=True):
            actual = answers.get(name)
            reason = None if actual is None else disagreement(actual, value.type)
            if actual is not None and reason is not None:
                yield _diagnostic(node, value, name, actual, reason)


def _diagnostic(node: Node, value: Value, name: str, actual: Tensor, reason: str) -> Diagnostic:
    return Diagnostic.at(
        "E0410",
        f"output `{name}` of `{callee(node)}` is declared `{value.type}`, but the model gives `{actual}`",
        node.spans[0] if node.spans else value.span,
        f"gives {actual}",
        notes=(reason,),
        help=f"declare `{name}` as {actual} in `returns=`, or export the model again",
    )
