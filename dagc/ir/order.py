"""The order of nodes: topological sorting, convexity, and groups of nodes contracted without making a cycle."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from heapq import heappop, heappush

from dagc.ir.graph import Graph, NodeName


def sorted_graph(graph: Graph) -> Graph:
    """The graph with its nodes in topological order, as near to the present order as possible.

    Of the nodes whose inputs are there, the one that comes first now comes next (Kahn's algorithm over a heap).
    """
    sources = _sources(graph)
    readers: list[list[int]] = [[] for _ in graph.nodes]
    for index, parents in enumerate(sources):
        for parent in parents:
            readers[parent].append(index)
    missing = [len(parents) for parents in sources]
    ready = [index for index, count in enumerate(missing) if count == 0]
    order: list[int] = []
    while ready:
        index = heappop(ready)
        order.append(index)
        for reader in readers[index]:
            missing[reader] -= 1
            if missing[reader] == 0:
                heappush(ready, reader)
    if len(order) < len(graph.nodes):
        raise ValueError(f"graph `{graph.name}` has a cycle")
    return graph if order == sorted(order) else replace(graph, nodes=tuple(graph.nodes[index] for index in order))


def is_convex(graph: Graph, names: Collection[NodeName]) -> bool:
    """Whether no path leaves the named nodes and comes back."""
    return path_outside(graph, names) is None


def path_outside(graph: Graph, names: Collection[NodeName]) -> NodeName | None:
    """A node outside the named ones that stands on a path between them, the first in order, or `None`.

    The nodes have to be in topological order.
    """
    sources = _sources(graph)
    chosen = set(names)
    inside = [node.name in chosen for node in graph.nodes]
    below, above = inside.copy(), inside.copy()
    for index, parents in enumerate(sources):
        below[index] = below[index] or any(below[parent] for parent in parents)
    for index, parents in reversed(tuple(enumerate(sources))):
        for parent in parents:
            above[parent] = above[parent] or above[index]
    found = (i for i in range(len(sources)) if below[i] and above[i] and not inside[i])
    return next((graph.nodes[index].name for index in found), None)


class Contraction:
    """A graph whose nodes are joined step by step into groups, every group convex and the groups free of cycles.

    Sets of nodes are bit masks (bit i: the i-th node of the graph), so a join touches only the groups whose
    ancestors or descendants change and a long chain costs about as much as reading it.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._index = {node.name: index for index, node in enumerate(graph.nodes)}
        count = len(graph.nodes)
        self._group = list(range(count))
        self._members = [1 << index for index in range(count)]
        self._above = [0] * count
        self._below = [0] * count
        sources = _sources(graph)
        for index, parents in enumerate(sources):
            for parent in parents:
                self._above[index] |= self._above[parent] | 1 << parent
        for index, parents in reversed(tuple(enumerate(sources))):
            for parent in parents:
                self._below[parent] |= self._below[index] | 1 << index

    def mask(self, names: Collection[NodeName]) -> int:
        """The named nodes as a bit mask."""
        return sum(1 << self._index[name] for name in names)

    def names(self, mask: int) -> tuple[NodeName, ...]:
        """The nodes of a mask, in order."""
        return tuple(self._graph.nodes[index].name for index in _bits(mask))

    def group(self, name: NodeName) -> int:
        """The number of the group that `name` is in, which a join may change."""
        return self._group[self._index[name]]

    def members(self, name: NodeName) -> int:
        """The nodes of the group that `name` is in, as a mask."""
        return self._members[self.group(name)]

    def groups(self) -> tuple[tuple[NodeName, ...], ...]:
        """All groups, by their first nodes, each in order."""
        found: dict[int, list[NodeName]] = {}
        for node in self._graph.nodes:
            found.setdefault(self.group(node.name), []).append(node.name)
        return tuple(tuple(names) for names in found.values())

    def together(self, a: NodeName, b: NodeName) -> bool:
        """Whether the two are in one group."""
        return self.group(a) == self.group(b)

    def above(self, name: NodeName) -> int:
        """Every node that the group of `name` waits for, as a mask."""
        return self._above[self.group(name)]

    def below(self, name: NodeName) -> int:
        """Every node that waits for the group of `name`, as a mask."""
        return self._below[self.group(name)]

    def between(self, a: NodeName, b: NodeName) -> NodeName | None:
        """A node outside both groups on a path from one to the other, or `None`: they may join."""
        x, y = self.group(a), self.group(b)
        inside = self._members[x] | self._members[y]
        path = (self._below[x] & self._above[y] | self._below[y] & self._above[x]) & ~inside
        return self._graph.nodes[next(_bits(path))].name if path else None

    def join(self, a: NodeName, b: NodeName) -> None:
        """Make one group of two; only where `between` is `None`."""
        x, y = self.group(a), self.group(b)
        if x == y:
            return
        members = self._members[x] | self._members[y]
        above = (self._above[x] | self._above[y]) & ~members
        below = (self._below[x] | self._below[y]) & ~members
        # what stood above only one of the two now stands above all that is below the other
        for group in self._groups((self._above[x] ^ self._above[y]) & ~members):
            self._below[group] |= members | below
        for group in self._groups((self._below[x] ^ self._below[y]) & ~members):
            self._above[group] |= members | above
        if self._members[x].bit_count() < self._members[y].bit_count():
            x, y = y, x
        for index in _bits(self._members[y]):
            self._group[index] = x
        self._members[x], self._above[x], self._below[x] = members, above, below

    def _groups(self, mask: int) -> set[int]:
        return {self._group[index] for index in _bits(mask)}


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _sources(graph: Graph) -> list[set[int]]:
    """For each node the places of those it reads from."""
    places = {value.id: index for index, node in enumerate(graph.nodes) for value in node.outputs}
    return [{places[value] for value in node.inputs if value in places} for node in graph.nodes]
