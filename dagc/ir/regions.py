"""Regions: graphs that an operation owns, and the one way everything else walks and rewrites them.

A region captures nothing silently: the node's last inputs are what its regions take from around them, and every
region's last inputs are those same values, in that order. Whoever follows edges only sees ordinary inputs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from dagc.ir.edit import substitute, unused_name, with_nodes
from dagc.ir.graph import (
    Each,
    Fallback,
    Graph,
    Node,
    NodeName,
    Op,
    Quorum,
    Route,
    Shadow,
    Split,
    Switch,
    Value,
    ValueId,
)
from dagc.ir.ops import CallPart, CallStep


def regions(op: Op) -> tuple[Graph, ...]:
    """The graphs the operation owns, none for most."""
    match op:
        case Each(body=body):
            return (body,)
        case Switch(arms=arms) | Route(arms=arms) | Split(arms=arms):
            return arms
        case Fallback(primary=primary, backup=backup):
            return (primary, backup)
        case Shadow(champion=champion, challenger=challenger):
            return (champion, challenger)
        case Quorum(members=members, combines=combines):
            return (*members, *combines)
        case _:
            return ()


def with_regions(op: Op, graphs: Sequence[Graph]) -> Op:
    """The operation with other graphs in the places of its own."""
    match op:
        case Each():
            (body,) = graphs
            return replace(op, body=body)
        case Switch() | Route() | Split():
            return replace(op, arms=tuple(graphs))
        case Fallback():
            primary, backup = graphs
            return replace(op, primary=primary, backup=backup)
        case Shadow():
            champion, challenger = graphs
            return replace(op, champion=champion, challenger=challenger)
        case Quorum(members=members):
            return replace(op, members=tuple(graphs[: len(members)]), combines=tuple(graphs[len(members) :]))
        case _:
            return op


def own_inputs(op: Op) -> int:
    """How many of the node's inputs, the first ones, the operation takes for itself; the others are captures."""
    match op:
        case Each() | Switch() | Split():
            return 1
        case Route(arms=arms):
            return len(arms) - 1
        case _:
            return 0


def captures(node: Node) -> tuple[ValueId, ...]:
    """What the node's regions take from the graph around them."""
    return node.inputs[own_inputs(node.op) :] if regions(node.op) else ()


def captured(region: Graph, node: Node) -> tuple[Value, ...]:
    """The inputs of a region of the node that stand for `captures(node)`, in that order."""
    return region.inputs[len(region.inputs) - len(captures(node)) :]


def walk(graph: Graph) -> Iterator[Graph]:
    """The graph, then all regions in it at any depth, in the order of their nodes."""
    yield graph
    for node in graph.nodes:
        for region in regions(node.op):
            yield from walk(region)


def every_node(graph: Graph) -> Iterator[Node]:
    """The nodes of the graph and of all regions in it."""
    for found in walk(graph):
        yield from found.nodes


def calls_steps(node: Node) -> bool:
    """Whether the node is a Python step, or one of its regions calls one."""
    return isinstance(node.op, CallStep) or any(map(calls_steps, _inner(node)))


def waits(node: Node) -> bool:
    """Whether the node waits for the world or for a time, or a node of its regions does."""
    return _waits_itself(node.op) or any(map(waits, _inner(node)))


def rewritten(graph: Graph, change: Callable[[Graph], Graph]) -> Graph:
    """The graph after `change` of every region, the innermost first, and then of itself.

    Captures that nobody reads any more are dropped and equal ones become one; as this may give `change` more to
    do, it then comes again. Node names that were given out twice are told apart.
    """
    if not any(regions(node.op) for node in graph.nodes):
        return change(graph)
    while True:
        after = _mapped(graph, change)
        graph = _mapped(after, _with_read_captures)
        if graph is after:
            return _with_distinct_names(graph)


def _waits_itself(op: Op) -> bool:
    match op:
        case CallStep(waits=waits_itself):
            return waits_itself
        case Fallback(within_s=within_s):
            return within_s is not None
        case Shadow() | Quorum() | CallPart():
            return True
        case _:
            return False


def _inner(node: Node) -> Iterator[Node]:
    return (inner for region in regions(node.op) for inner in region.nodes)


def _mapped(graph: Graph, change: Callable[[Graph], Graph]) -> Graph:
    return change(with_nodes(graph, [_with_mapped_regions(node, change) for node in graph.nodes]))


def _with_mapped_regions(node: Node, change: Callable[[Graph], Graph]) -> Node:
    before = regions(node.op)
    after = [_mapped(region, change) for region in before]
    if all(a is b for a, b in zip(after, before, strict=True)):
        return node
    return replace(node, op=with_regions(node.op, after))


def _with_read_captures(graph: Graph) -> Graph:
    return with_nodes(graph, [_reading_all(node) if regions(node.op) else node for node in graph.nodes])


def _reading_all(node: Node) -> Node:
    """The node with every capture once, and only those that some region reads."""
    graphs = [_with_one_name_each(region, node) for region in regions(node.op)]
    read = {at for region in graphs for at, value in enumerate(captured(region, node)) if _reads(region, value)}
    given = captures(node)
    if len(read) == len(given):
        return node
    own = own_inputs(node.op)
    trimmed = [
        replace(
            region,
            inputs=(
                *region.inputs[: len(region.inputs) - len(given)],
                *(value for at, value in enumerate(captured(region, node)) if at in read),
            ),
        )
        for region in graphs
    ]
    kept = tuple(value for at, value in enumerate(given) if at in read)
    return replace(node, op=with_regions(node.op, trimmed), inputs=(*node.inputs[:own], *kept))


def _with_one_name_each(region: Graph, node: Node) -> Graph:
    """The region reading a value that is captured twice, as two became one outside, by one of its names only."""
    first: dict[ValueId, ValueId] = {}
    same: dict[ValueId, ValueId] = {}
    for outside, inside in zip(captures(node), captured(region, node), strict=True):
        if (name := first.setdefault(outside, inside.id)) != inside.id:
            same[inside.id] = name
    return substitute(region, same)


def _reads(graph: Graph, value: Value) -> bool:
    return value.id in graph.outputs or any(value.id in node.inputs for node in graph.nodes)


def _with_distinct_names(graph: Graph) -> Graph:
    """The graph with no node name twice in it and its regions; those of steps and of regions' owners stay."""
    nodes = list(every_node(graph))
    if len({node.name for node in nodes}) == len(nodes):
        return graph
    return _renamed(graph, {str(node.name) for node in nodes if _keeps_its_name(node)})


def _renamed(graph: Graph, taken: set[str]) -> Graph:
    after: list[Node] = []
    for node in graph.nodes:
        if not _keeps_its_name(node) and node.name in taken:
            node = replace(node, name=NodeName(unused_name(node.name, taken)))
        taken.add(node.name)
        inner = [_renamed(region, taken) for region in regions(node.op)]
        after.append(replace(node, op=with_regions(node.op, inner)) if inner else node)
    return with_nodes(graph, after)


def _keeps_its_name(node: Node) -> bool:
    """No pass makes such a node, so its name is the user's and what the proof knows its replies by."""
    return isinstance(node.op, CallStep) or bool(regions(node.op))
