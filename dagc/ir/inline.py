"""A region's nodes brought into the graph around it, where nothing decides any more whether they run."""

from collections.abc import Sequence
from dataclasses import replace

from dagc.ir.edit import unused_name
from dagc.ir.graph import Graph, Node, Value, ValueId
from dagc.ir.regions import captured, captures


class Inliner:
    """Brings regions into one graph; values whose names are taken there get others."""

    def __init__(self, graph: Graph) -> None:
        self._taken: set[str] = {value.id for value in graph.values()}

    def inlined(
        self, node: Node, region: Graph, outputs: Sequence[Value | None]
    ) -> tuple[list[Node], list[ValueId]]:
        """The region's nodes, and what each of its outputs is called.

        A result takes the place of the value in `outputs`, name and all, where that is one and it is computed in
        the region.
        """
        known = {value.id: value for inner in region.nodes for value in inner.outputs}
        pairs = zip(captured(region, node), captures(node), strict=True)
        names: dict[ValueId, ValueId] = {inside.id: outside for inside, outside in pairs}
        placed: dict[ValueId, Value] = {}
        for result, wanted in zip(region.outputs, outputs, strict=True):
            if wanted is not None and result in known and result not in placed:
                placed[result] = wanted
        for value in known:
            names[value] = placed[value].id if value in placed else self._name(value)
        nodes = [self._renamed(inner, names, placed) for inner in region.nodes]
        return nodes, [names[output] for output in region.outputs]

    def _renamed(self, node: Node, names: dict[ValueId, ValueId], placed: dict[ValueId, Value]) -> Node:
        outputs = tuple(placed.get(value.id, replace(value, id=names[value.id])) for value in node.outputs)
        return replace(node, inputs=tuple(names[value] for value in node.inputs), outputs=outputs)

    def _name(self, value: ValueId) -> ValueId:
        name = unused_name(value, self._taken)
        self._taken.add(name)
        return ValueId(name)
