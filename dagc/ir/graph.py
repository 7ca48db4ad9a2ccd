"""Values, nodes and graphs. Edges are ids, not pointers, so a graph prints, compares and serialises as it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NewType

from dagc.diagnostics import Span
from dagc.ir.ops import Op
from dagc.ir.placement import Placement
from dagc.ir.types import Type

ValueId = NewType("ValueId", str)
NodeName = NewType("NodeName", str)


@dataclass(frozen=True, slots=True)
class Value:
    """Something that flows along edges, defined once: by the graph's inputs or by a node."""

    id: ValueId
    type: Type
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. `spans` are all the user's places it stands for, the first one being where it was called.

    `placement` is where the user placed it, or where it follows others to; without one it is the graph's own.
    """

    name: NodeName
    op: Op
    inputs: tuple[ValueId, ...]
    outputs: tuple[Value, ...]
    spans: tuple[Span, ...]
    placement: Placement | None = None


LONGEST_DEADLINE_S = 3600.0
"""More than an hour is a job, not a request."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A decorated function after tracing, or a region inside one: nodes in topological order.

    `outputs` are the returned values (one, or several for a returned tuple) and `returns` the declared return
    type. `module` names the user's module (`graph` for `graph.py`), `deadline_s` the time one request may take.
    A region has no use for these three.
    """

    name: str
    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[ValueId, ...]
    returns: Type
    span: Span
    module: str = "graph"
    version: str = "0.0.0"
    deadline_s: float = 1.0

    def values(self) -> Iterator[Value]:
        """Every value in the order of definition."""
        yield from self.inputs
        for node in self.nodes:
            yield from node.outputs

    def producers(self) -> dict[ValueId, Node]:
        """The node that defines each value; graph inputs have none."""
        return {value.id: node for node in self.nodes for value in node.outputs}

    def consumers(self) -> dict[ValueId, tuple[Node, ...]]:
        """The nodes that read each value, in order, once each; a value nobody reads maps to `()`."""
        readers: dict[ValueId, list[Node]] = {value.id: [] for value in self.values()}
        for node in self.nodes:
            for source in dict.fromkeys(node.inputs):
                readers[source].append(node)
        return {value: tuple(nodes) for value, nodes in readers.items()}

    def types(self) -> dict[ValueId, Type]:
        """The type of every value."""
        return {value.id: value.type for value in self.values()}
