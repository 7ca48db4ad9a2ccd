"""The cut: what runs elsewhere becomes parts, each a graph of its own, and the graph asks for them.

A part is a convex group of nodes of one service; groups join as long as no path leaves one and comes back, and as
long as nothing that waits would have to wait for more. The graph's own service conducts: parts do not ask others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from dagc.ir.edit import unused_name, with_nodes
from dagc.ir.graph import Each, Graph, Node, NodeName, Value, ValueId
from dagc.ir.ops import AsTensor, CallPart, CallStep, Constant, ElementwiseKind, RunModel
from dagc.ir.order import Contraction, sorted_graph
from dagc.ir.placement import Placement
from dagc.ir.regions import every_node, regions, waits, with_regions
from dagc.ir.types import TupleOf
from dagc.plan.names import Names, word

_LONGEST_PART = 40
_ARITHMETIC = frozenset(
    {
        *get_args(ElementwiseKind),
        *("argmax", "cast", "concat", "index", "normalise", "softmax", "stack", "sum", "top_k", "vote"),
    }
)
"""What lowered expressions are called; a model or a step says more."""


@dataclass(frozen=True, slots=True)
class Part:
    """A group of nodes that another service runs, as a graph whose inputs and outputs cross the wire.

    The graph is called as the whole one, of which `name` names the part. One request may ask for it `items` times:
    once for each item of the lists around it.
    """

    placement: Placement
    name: str
    graph: Graph
    may_repeat: bool
    items: int = 1


@dataclass(frozen=True, slots=True)
class Cut:
    """A graph whose placed nodes have become `parts`, in the order they are asked for."""

    front: Graph
    parts: tuple[Part, ...]


def cut(graph: Graph) -> Cut:
    """The graph in its services; without a placement it is left as it is."""
    if not any(node.placement for node in every_node(graph)):
        return Cut(graph, ())
    parts: list[Part] = []
    front = _Cutting(graph, Names(), parts).level(graph)
    return Cut(front, tuple(parts))


@dataclass(frozen=True, slots=True)
class _Cutting:
    """The cut of one graph in the making; regions that stay are cut inside."""

    whole: Graph
    names: Names
    parts: list[Part]
    items: int = 1

    def level(self, graph: Graph) -> Graph:
        """The graph, or a region of it, with a call in the place of every group."""
        graph = with_nodes(graph, [self._inside(node) for node in graph.nodes])
        graph = _with_own_constants(graph)
        by_name = {node.name: node for node in graph.nodes}
        asked: dict[NodeName, tuple[Node, ...]] = {}
        for names in _groups(graph):
            group = tuple(by_name[name] for name in names)
            asked |= dict.fromkeys(names, ()) | {names[0]: (self._asked(graph, group),)}
        nodes = [new for node in graph.nodes for new in asked.get(node.name, (node,))]
        return sorted_graph(replace(graph, nodes=tuple(nodes)))

    def _inside(self, node: Node) -> Node:
        inner = regions(node.op)
        if node.placement is not None or not inner:
            return node
        inside = replace(self, items=self.items * node.op.max_items) if isinstance(node.op, Each) else self
        return replace(node, op=with_regions(node.op, [inside.level(region) for region in inner]))

    def _asked(self, graph: Graph, group: Sequence[Node]) -> Node:
        """The call that stands for the group, which becomes a part."""
        made = {value.id: value for node in group for value in node.outputs}
        members = {node.name for node in group}
        others = [node for node in graph.nodes if node.name not in members]
        outside = {*graph.outputs, *(value for node in others for value in node.inputs)}
        given = tuple(dict.fromkeys(v for node in group for v in node.inputs if v not in made))
        read = tuple(value for value in made.values() if value.id in outside) or group[-1].outputs[:1]
        placement = group[0].placement
        if placement is None:
            raise AssertionError("a group is placed")
        part = self._part(graph, group, given, read, placement)
        self.parts.append(part)
        op = CallPart(placement.name, part.name, part.may_repeat)
        spans = tuple(dict.fromkeys(span for node in group for span in node.spans))
        return Node(NodeName(f"ask_{part.name}"), op, given, read, spans)

    def _part(
        self,
        graph: Graph,
        group: Sequence[Node],
        given: Sequence[ValueId],
        read: Sequence[Value],
        placement: Placement,
    ) -> Part:
        types = graph.types()
        returns = TupleOf(tuple(value.type for value in read)) if len(read) > 1 else read[0].type
        inside = replace(
            self.whole,
            inputs=tuple(Value(value, types[value]) for value in given),
            nodes=tuple(_unplaced(node) for node in group),
            outputs=tuple(value.id for value in read),
            returns=returns,
            span=group[0].spans[0],
        )
        return Part(
            placement,
            self.names.take(_title(group)),
            inside,
            all(_may_repeat(node) for node in every_node(inside)),
            self.items,
        )


def _groups(graph: Graph) -> Iterator[tuple[NodeName, ...]]:
    """The placed nodes in groups, greedily: each joins the last group of its service that it may join."""
    contraction = Contraction(graph)
    joining = _Joining(contraction, graph)
    heads: dict[str, list[Node]] = {}
    readers = graph.consumers()
    for node in graph.nodes:
        if node.placement is None:
            continue
        if isinstance(node.op, Constant | AsTensor):
            contraction.join(node.name, readers[node.outputs[0].id][0].name)
            continue
        known = heads.setdefault(node.placement.name, [])
        for head in reversed(known):
            if joining.allowed(head, node):
                contraction.join(head.name, node.name)
                break
        else:
            known.append(node)
    placed = {node.name for node in graph.nodes if node.placement is not None}
    yield from (names for names in contraction.groups() if names[0] in placed)


class _Joining:
    """Whether two groups may become one."""

    def __init__(self, contraction: Contraction, graph: Graph) -> None:
        self._contraction = contraction
        self._nodes = {node.name: node for node in graph.nodes}
        slow = [node.name for node in graph.nodes if node.placement is not None or waits(node)]
        self._slow = contraction.mask(slow)

    def allowed(self, a: Node, b: Node) -> bool:
        """No path leaves one and comes back, and nobody behind one would begin to wait for what is before both."""
        if self._contraction.between(a.name, b.name) is not None:
            return False
        return not any(self._delays(first, second) for first, second in ((a, b), (b, a)))

    def _delays(self, first: Node, second: Node) -> bool:
        contraction = self._contraction
        before = contraction.above(second.name) & self._slow
        behind = contraction.names(contraction.below(first.name))
        stages = [name for name in behind if self._is_slow_stage(name) and name != second.name]
        return any(before & ~contraction.above(name) & ~contraction.mask([first.name]) for name in stages)

    def _is_slow_stage(self, name: NodeName) -> bool:
        node = self._nodes[name]
        return isinstance(node.op, CallStep | RunModel) or bool(regions(node.op))


def _with_own_constants(graph: Graph) -> Graph:
    """Constants, and numbers made tensors, once for each placed reader: they never cross."""
    nodes: list[Node] = []
    taken = {*(node.name for node in graph.nodes), *(value.id for value in graph.values())}
    for node in reversed(graph.nodes):
        if not isinstance(node.op, Constant | AsTensor):
            nodes.append(node)
            continue
        (value,) = node.outputs
        kept = value.id in graph.outputs
        for at, reader in enumerate(tuple(nodes)):
            if value.id in reader.inputs:
                if reader.placement is None:
                    kept = True
                    continue
                name = unused_name(value.id, taken)
                taken.add(name)
                own = replace(value, id=ValueId(name))
                nodes[at] = replace(reader, inputs=tuple(own.id if v == value.id else v for v in reader.inputs))
                copy = Node(NodeName(name), node.op, node.inputs, (own,), node.spans, reader.placement)
                nodes.append(copy)
        if kept:
            nodes.append(replace(node, placement=None))
    return with_nodes(graph, reversed(nodes))


def _unplaced(node: Node) -> Node:
    """The node where it runs: there nothing is elsewhere."""
    inner = [with_nodes(region, map(_unplaced, region.nodes)) for region in regions(node.op)]
    op = with_regions(node.op, inner) if inner else node.op
    return replace(node, op=op, placement=None)


def _may_repeat(node: Node) -> bool:
    """Models and arithmetic may run twice, and steps that the user lets run twice."""
    if not isinstance(node.op, CallStep):
        return True
    return node.op.guard is not None and node.op.guard.retries > 0


def _title(group: Sequence[Node]) -> str:
    """What a part is called: its models, else its steps, else what it gives."""
    found = dict.fromkeys(_words(group))
    words = [one for one in found if one not in _ARITHMETIC] or list(found)
    joined = "_".join(words)
    if words and len(joined) <= _LONGEST_PART:
        return joined
    if words:
        return f"{words[0][:18]}_to_{words[-1][:18]}"
    return word(group[-1].outputs[0].id, "part")


def _words(group: Sequence[Node]) -> Iterator[str]:
    for node in group:
        for inner in (node, *(one for region in regions(node.op) for one in every_node(region))):
            if isinstance(inner.op, CallStep):
                yield word(inner.op.qualname, "step")
            elif isinstance(inner.op, RunModel):
                yield from (word(part, "model") for part in inner.op.parts)
