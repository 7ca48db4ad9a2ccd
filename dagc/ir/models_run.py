"""The models that graphs run."""

from collections.abc import Iterable

from dagc.ir.graph import Graph
from dagc.ir.ops import ModelKey, RunModel
from dagc.ir.regions import every_node


def models_run(graphs: Iterable[Graph]) -> list[ModelKey]:
    """The models of all nodes at any depth, each once, in order of first use."""
    nodes = (node for graph in graphs for node in every_node(graph))
    return list(dict.fromkeys(node.op.model for node in nodes if isinstance(node.op, RunModel)))
