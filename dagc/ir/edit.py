"""Small pure edits of a graph; each returns the graph it was given when there is nothing to change."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from dagc.ir.graph import Graph, Node, NodeName, ValueId


def substitute(graph: Graph, values: Mapping[ValueId, ValueId]) -> Graph:
    """The graph with every use of a value replaced; chains (`a -> b`, `b -> c`) are followed to their end."""
    if not values:
        return graph
    final = {old: _last(values, old) for old in values}
    nodes = tuple(_with_inputs(node, tuple(final.get(v, v) for v in node.inputs)) for node in graph.nodes)
    outputs = tuple(final.get(v, v) for v in graph.outputs)
    return with_nodes(graph, nodes) if outputs == graph.outputs else replace(graph, nodes=nodes, outputs=outputs)


def drop_nodes(graph: Graph, names: Collection[NodeName]) -> Graph:
    """The graph without some nodes; nobody may read them."""
    return with_nodes(graph, (node for node in graph.nodes if node.name not in names))


def replace_nodes(graph: Graph, replacements: Mapping[NodeName, tuple[Node, ...]]) -> Graph:
    """The graph with each named node replaced, in place, by some nodes (or none)."""
    return with_nodes(graph, (new for node in graph.nodes for new in replacements.get(node.name, (node,))))


def with_nodes(graph: Graph, nodes: Iterable[Node]) -> Graph:
    """The graph with other nodes; itself when they are the very same ones."""
    after = tuple(nodes)
    same = len(after) == len(graph.nodes) and all(a is b for a, b in zip(after, graph.nodes, strict=True))
    return graph if same else replace(graph, nodes=after)


def unused_name(stem: str, taken: Collection[str]) -> str:
    """`stem`, or `stem_2`, `stem_3`, ... whichever is free."""
    if stem not in taken:
        return stem
    number = 2
    while f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"


def _with_inputs(node: Node, inputs: tuple[ValueId, ...]) -> Node:
    return node if inputs == node.inputs else replace(node, inputs=inputs)


def _last(values: Mapping[ValueId, ValueId], value: ValueId) -> ValueId:
    while value in values:
        value = values[value]
    return value
