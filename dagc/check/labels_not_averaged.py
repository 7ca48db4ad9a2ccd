"""No class label is averaged (E0185): between class 1 and class 3 there is no class 2."""

import math
from collections.abc import Iterator, Mapping

from dagc.check.edges import origin
from dagc.diagnostics import Diagnostic
from dagc.ir.graph import Graph, Node, Value, ValueId
from dagc.ir.ops import ArgMax, Constant, Elementwise, Reduce, RunModel, Vote
from dagc.ir.promotion import INTEGERS
from dagc.ir.regions import regions
from dagc.ir.types import Tensor
from dagc.models.store import ModelStore

_Made = Mapping[ValueId, tuple[Node, Value]]
"""What makes each value of a graph or region, or of what stands around it."""


def labels_not_averaged(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One E0185 for each average of what `argmax`, `vote` or a model's integer output gives.

    An average is `mean`, and a sum of values times weights that sum to 1. For a whole graph, its regions included.
    """
    yield from _averaged(graph, {})


def _averaged(graph: Graph, around: _Made) -> Iterator[Diagnostic]:
    made = {**around, **{value.id: (node, value) for node in graph.nodes for value in node.outputs}}
    for node in graph.nodes:
        labels = [value for source in _averages(node, made) if (value := _label(made.get(source))) is not None]
        if labels:
            yield _told(node, labels)
        for region in regions(node.op):
            yield from _averaged(region, made)


def _told(node: Node, labels: list[Value]) -> Diagnostic:
    span = node.spans[0] if node.spans else None
    others = [label for value in labels for label in origin(value, span, "is a class label")]
    return Diagnostic.at(
        "E0185",
        f"`{labels[0].id}` is a class label, and this averages it",
        span,
        "averaged here",
        others=tuple(dict.fromkeys(others)),
        help='take the most frequent, `dagc.vote(a, b, c)`; if it is a number, `dagc.cast(x, "f32")` first',
    )


def _averages(node: Node, made: _Made) -> tuple[ValueId, ...]:
    """The values that a node gives the average of, if it does."""
    match node.op:
        case Elementwise(kind="mean") | Reduce(kind="mean"):
            return node.inputs
        case Elementwise(kind="add"):
            products = _products(node, made)
            total = math.fsum(weight for weight, _ in products or ())
            return tuple(value for _, value in products or ()) if math.isclose(total, 1.0, abs_tol=1e-6) else ()
        case _:
            return ()


def _products(node: Node, made: _Made) -> list[tuple[float, ValueId]] | None:
    """The weights and values of a sum of products with constants; `None` for anything else."""
    match node.op:
        case Elementwise(kind="add"):
            sides = [_products(made[source][0], made) if source in made else None for source in node.inputs]
            return None if None in sides else [product for side in sides for product in side or ()]
        case Elementwise(kind="mul"):
            weights = [_weight(made.get(source)) for source in node.inputs]
            pairs = zip(weights, reversed(node.inputs), strict=True)
            found = [(weight, value) for weight, value in pairs if weight is not None]
            return found if len(found) == 1 else None
        case _:
            return None


def _weight(made: tuple[Node, Value] | None) -> float | None:
    match made:
        case (Node(op=Constant(values=(float() as weight,))), _):
            return weight
        case _:
            return None


def _label(made: tuple[Node, Value] | None) -> Value | None:
    if made is None:
        return None
    node, value = made
    if isinstance(node.op, ArgMax | Vote):
        return value
    whole = isinstance(value.type, Tensor) and value.type.dtype in INTEGERS
    return value if isinstance(node.op, RunModel) and whole else None
