"""Conditions that a service computes in Python: comparisons of request values that only a choice reads.

Comparing two Python numbers costs less than asking a session to, and means the same as in the plain call.
"""

from dagc.ir.graph import Choosing, Graph, Node, NodeName, ValueId
from dagc.ir.ops import Elementwise, ElementwiseKind, Expression, Item
from dagc.ir.regions import own_inputs
from dagc.ir.types import Choice, Scalar

_KINDS: frozenset[ElementwiseKind] = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not"})


def conditions(graph: Graph) -> frozenset[NodeName]:
    """The comparisons, and what joins them, that stay Python.

    One that needs a model's result is not among them: it becomes part of the model.
    """
    types, producers, readers = graph.types(), graph.producers(), graph.consumers()
    scalars = {value for value, type in types.items() if isinstance(type, Scalar | Choice)}
    found: set[NodeName] = set()
    for node in graph.nodes:
        if _is_test(node) and scalars.issuperset(node.inputs) and scalars.issuperset(v.id for v in node.outputs):
            sources = (producers.get(value) for value in node.inputs)
            if all(source is None or source.name in found or not _is_computed(source) for source in sources):
                found.add(node.name)
    for node in reversed(graph.nodes):
        value = node.outputs[0].id
        if node.name in found and not all(_is_chosen_by(value, r, found) for r in readers[value]):
            found.discard(node.name)
        if value in graph.outputs or not readers[value]:
            found.discard(node.name)
    return frozenset(found)


def _is_test(node: Node) -> bool:
    return isinstance(node.op, Elementwise) and node.op.kind in _KINDS


def _is_computed(node: Node) -> bool:
    """Whether a model makes the value, or will when expressions have become models."""
    return isinstance(node.op, Item | Expression)


def _is_chosen_by(value: ValueId, reader: Node, found: set[NodeName]) -> bool:
    if reader.name in found:
        return True
    own = own_inputs(reader.op)
    return isinstance(reader.op, Choosing) and value in reader.inputs[:own] and value not in reader.inputs[own:]
