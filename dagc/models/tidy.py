"""What is left of a graph when only some of its values are wanted."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dagc.models.proto import bodies

if TYPE_CHECKING:
    import onnx

Ends = tuple[Sequence[str], Iterable[str]]
"""What a node makes and what it reads."""


def needed(nodes: Sequence[Ends], wanted: Iterable[str]) -> tuple[list[bool], set[str]]:
    """Which nodes, given in topological order, the wanted values depend on, and every value read for them.

    One walk from the last node to the first: time linear in the nodes.
    """
    read = set(wanted)
    kept = [False] * len(nodes)
    for place in reversed(range(len(nodes))):
        made, sources = nodes[place]
        if any(name in read for name in made):
            kept[place] = True
            read.update(sources)
    return kept, read


def captured(node: "onnx.NodeProto") -> Iterator[str]:
    """Every name read inside the node's bodies, at any depth; the bodies' own ones among them do no harm."""
    for body in bodies(node):
        yield from (value.name for value in body.output)
        for inner in body.node:
            yield from inner.input
            yield from captured(inner)
