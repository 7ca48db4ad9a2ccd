"""Placements that no plan can hold: two services of one name, or one named as the graph's own."""

from collections.abc import Iterator, Sequence

from dagc.diagnostics import Diagnostic
from dagc.ir.graph import Graph, Node
from dagc.ir.placement import Placement
from dagc.ir.regions import every_node


def placement_mistakes(graphs: Sequence[Graph], front: str) -> Iterator[Diagnostic]:
    """E0517 for a name with two sets of numbers, E0518 for that of the graph's own service, once for each name."""
    seen: dict[str, Placement] = {}
    told: set[str] = set()
    for node in (node for graph in graphs for node in every_node(graph)):
        if node.placement is None or node.placement.name in told:
            continue
        first = seen.setdefault(node.placement.name, node.placement)
        if node.placement.name == front.replace("_", "-"):
            told.add(front.replace("_", "-"))
            message = f"service `{node.placement}` has the name of the service that answers for the graph"
            yield _at(node, "E0518", message, "give it another name; what is not placed runs in the graph's own")
        elif node.placement != first:
            told.add(first.name)
            message = f"two services are named `{first}`, with different numbers"
            yield _at(node, "E0517", message, "declare it once, and give that to every `on=`")


def _at(node: Node, code: str, message: str, help_: str) -> Diagnostic:
    return Diagnostic.at(code, message, node.spans[0] if node.spans else None, "placed here", help=help_)
