"""Which nodes never answered by themselves: a mistake that a fallback hides in every test and every answer.

A resource that cannot be reached is none: a build needs no network.
"""

from collections.abc import Iterator, Mapping

from dagc.evaluate.verdict import StoodIn
from dagc.ir.graph import Graph, Node, NodeName
from dagc.ir.ops import CallStep
from dagc.ir.regions import every_node

_AWAY = frozenset({"OSError", "ResourceUnavailable", "ResourceTimeout"})
"""By name, since a service's resources are other classes than the language's; TimeoutError is an OSError."""


def stood_in(graph: Graph, tried: Mapping[NodeName, Exception | None]) -> tuple[StoodIn, ...]:
    """The nodes of `graph` that failed in every case, at the user's lines, with how they first failed."""
    return tuple(_found(graph, tried))


def _found(graph: Graph, tried: Mapping[NodeName, Exception | None]) -> Iterator[StoodIn]:
    for node in every_node(graph):
        error = tried.get(node.name)
        if error is None or _AWAY & {kind.__name__ for kind in type(error).__mro__}:
            continue
        first_line = (str(error).splitlines() or [""])[0]
        yield StoodIn(_what(node), f"{type(error).__name__}: {first_line}".rstrip(": "), node.spans[0])


def _what(node: Node) -> str:
    return f"step `{node.op.qualname}`" if isinstance(node.op, CallStep) else "the primary of `dagc.fallback`"
