"""No class label is averaged (E0185): between class 1 and class 3 there is no class 2."""

from collections.abc import Iterator

from dagc.check.edges import origin
from dagc.diagnostics import Diagnostic
from dagc.ir.graph import Graph, Node, Value
from dagc.ir.ops import ArgMax, Elementwise, Reduce, RunModel, Vote
from dagc.ir.promotion import INTEGERS
from dagc.ir.types import Tensor
from dagc.models.store import ModelStore


def labels_not_averaged(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One E0185 for each average of what `argmax`, `vote` or a model's integer output gives."""
    made = {value.id: (node, value) for node in graph.nodes for value in node.outputs}
    for node in graph.nodes:
        if not _averages(node):
            continue
        labels = [value for source in node.inputs if (value := _label(made.get(source))) is not None]
        if not labels:
            continue
        span = node.spans[0] if node.spans else None
        others = [label for value in labels for label in origin(value, span, "is a class label")]
        yield Diagnostic.at(
            "E0185",
            f"`{labels[0].id}` is a class label, and this averages it",
            span,
            "averaged here",
            others=tuple(dict.fromkeys(others)),
            help='take the most frequent, `dagc.vote(a, b, c)`; if it is a number, `dagc.cast(x, "f32")` first',
        )


def _averages(node: Node) -> bool:
    match node.op:
        case Elementwise(kind=kind) | Reduce(kind=kind):
            return kind == "mean"
        case _:
            return False


def _label(made: tuple[Node, Value] | None) -> Value | None:
    if made is None:
        return None
    node, value = made
    if isinstance(node.op, ArgMax | Vote):
        return value
    whole = isinstance(value.type, Tensor) and value.type.dtype in INTEGERS
    return value if isinstance(node.op, RunModel) and whole else None
