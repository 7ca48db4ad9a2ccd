"""The numbers and texts a graph decides by: requests beside them take arms that requests drawn at large miss."""

import math
from collections.abc import Iterator

from dagc.ir.graph import Graph, Switch
from dagc.ir.ops import Constant, Elementwise
from dagc.ir.regions import every_node, walk

_COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})

Threshold = int | float | str


def thresholds(graph: Graph) -> tuple[Threshold, ...]:
    """What values are compared with, and the cases of switches, each once, in the order of the graph."""
    found = (*_compared(graph), *_cases(graph))
    return tuple(dict.fromkeys(value for value in found if _is_beside_others(value)))


def _is_beside_others(value: Threshold) -> bool:
    return isinstance(value, str) or (not isinstance(value, bool) and math.isfinite(value))


def _compared(graph: Graph) -> Iterator[Threshold]:
    for region in walk(graph):
        producers = region.producers()
        for node in region.nodes:
            if not isinstance(node.op, Elementwise) or node.op.kind not in _COMPARISONS:
                continue
            for value in node.inputs:
                producer = producers.get(value)
                if producer is not None and isinstance(producer.op, Constant):
                    yield from producer.op.values


def _cases(graph: Graph) -> Iterator[Threshold]:
    for node in every_node(graph):
        if isinstance(node.op, Switch):
            yield from (held for case in node.op.cases for held in case)
