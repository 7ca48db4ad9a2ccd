"""A graph's picture from its two forms: as the user wrote it and as it is served."""

from dagc.ir.graph import Graph
from dagc.pictures.diagram import Panel, Picture
from dagc.pictures.folding import folded
from dagc.pictures.from_graph import change, diagram


def picture_before(graph: Graph) -> Picture:
    """The graph as written."""
    return Picture(graph.name, (_before(graph),))


def picture_after(graph: Graph, service: str) -> Picture:
    """The graph as a service serves it, fused models as one."""
    return Picture(graph.name, (_after(graph, service),))


def picture_of_both(before: Graph, after: Graph, service: str) -> Picture:
    """Both, with the sentence that says what fusion did."""
    return Picture(before.name, (_before(before), _after(after, service)), change(before, after))


def _before(graph: Graph) -> Panel:
    return Panel("before: as written", folded(diagram(graph)))


def _after(graph: Graph, service: str) -> Panel:
    return Panel("after: as served", folded(diagram(graph, service)))
