"""Values, nodes and graphs, and the operations that own graphs: what refers to each other stands together.

Edges are ids, not pointers, so a graph prints, compares and serialises as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NewType, final

from dagc.diagnostics import Span
from dagc.ir.ops import (
    AsTensor,
    CallPart,
    CallStep,
    Collect,
    Constant,
    Expression,
    Field,
    Item,
    RunModel,
)
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
    op: "Op"
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


@final
@dataclass(frozen=True, slots=True)
class Each:
    """`body` for every item of a list; the results are a list in the same order.

    The node's inputs are the list and what the body captures, the body's are one item and the same captures. A
    list of more than `max_items` is refused when the request comes.
    """

    body: Graph
    max_items: int


# Operations that own arms: one of them is taken, one stands in for another, or several answer together. Arms take
# nothing but what they capture, give as many outputs as the node has, and their types meet in the node's.

Case = tuple[int | str | bool, ...]
"""The values that select one arm."""


@final
@dataclass(frozen=True, slots=True)
class Switch:
    """The arm whose case holds the value, which is the node's first input.

    `arms` follow `cases`; one more, the last, is the default. Without one, a value that no case holds is an error
    of whoever made it. An `Enum` is compared by its members' values.
    """

    cases: tuple[Case, ...]
    arms: tuple[Graph, ...]


@final
@dataclass(frozen=True, slots=True)
class Route:
    """The arm of the first condition that holds, else the last arm.

    The conditions are the node's first inputs, one fewer than `arms`: truth values, or tensors of one. `pattern`
    is what the user wrote; a cascade's first arm is the small model's answer and its last the big model.
    """

    arms: tuple[Graph, ...]
    pattern: Literal["route", "cascade"] = "route"


@final
@dataclass(frozen=True, slots=True)
class Split:
    """The arm in whose share the key falls; the key, a text or a whole number, is the node's first input.

    Where a key falls depends on it, on `seed` and on the shares alone (`evaluate/split.py`), so it is the same in
    every replica and every build.
    """

    shares: tuple[float, ...]
    arms: tuple[Graph, ...]
    seed: str = ""


@final
@dataclass(frozen=True, slots=True)
class Fallback:
    """The primary's answer; the backup's when the primary fails or takes longer than `within_s` seconds."""

    primary: Graph
    backup: Graph
    within_s: float | None = None


@final
@dataclass(frozen=True, slots=True)
class Shadow:
    """The champion's answer; the challenger gets the same request and is only compared with it.

    `compare` is the user's function of both answers, as (module, qualified name); without one equal answers agree.
    """

    champion: Graph
    challenger: Graph
    compare: tuple[str, str] | None = None


@final
@dataclass(frozen=True, slots=True)
class Quorum:
    """What the members that have answered within `within_s` seconds say together; fewer than `need` is an error.

    `combines[i]` takes the answers of `need + i` members as its first inputs, in the members' order: a combination
    of four answers is another region than one of five, so each is ordinary dataflow that fuses.
    """

    members: tuple[Graph, ...]
    need: int
    within_s: float
    combines: tuple[Graph, ...]


Choosing = Switch | Route | Split
"""Those that take one of their arms."""

Standing = Fallback | Shadow | Quorum
"""Those whose arms stand beside each other."""

Op = (
    RunModel
    | CallStep
    | CallPart
    | Field
    | Item
    | AsTensor
    | Constant
    | Collect
    | Each
    | Choosing
    | Standing
    | Expression
)
