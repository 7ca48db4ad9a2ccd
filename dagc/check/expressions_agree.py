"""Every expression accepts its operands (E0203, E0204, E0205, E0207, by `ir.infer`)."""

from collections.abc import Iterator, Sequence
from typing import get_args

from dagc.check.edges import origin
from dagc.diagnostics import Diagnostic, Span
from dagc.ir.graph import Graph, Node, Value
from dagc.ir.infer import infer
from dagc.ir.mismatch import Mismatch
from dagc.ir.ops import Expression
from dagc.models.store import ModelStore


def expressions_agree(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One diagnostic for each expression `ir.infer` refuses, with a label where each operand comes from."""
    values = {value.id: value for value in graph.values()}
    for node in graph.nodes:
        found = _mismatch(node, [values[source] for source in node.inputs])
        if found is not None:
            yield found


def _mismatch(node: Node, operands: Sequence[Value]) -> Diagnostic | None:
    if not isinstance(node.op, get_args(Expression)):
        return None
    found = infer(node.op, tuple(value.type for value in operands))
    if not isinstance(found, Mismatch):
        return None
    span: Span | None = node.spans[0] if node.spans else None
    labels = [label for value in operands for label in origin(value, span, f"`{value.id}` is {value.type}")]
    return Diagnostic.at(
        found.code, found.message, span, "here", others=tuple(dict.fromkeys(labels)), help=found.help
    )
