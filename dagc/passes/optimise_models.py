"""Simplifies every model with onnxruntime's own optimiser."""

from dataclasses import dataclass, replace

from dagc.ir.edit import replace_nodes
from dagc.ir.graph import Graph, Node, NodeName
from dagc.ir.ops import RunModel
from dagc.passes.pass_ import Context


@dataclass(frozen=True, slots=True)
class OptimiseModels:
    """Every model becomes what onnxruntime makes of it at a level that runs on any machine.

    The text of the graph stays as it is: models are shown by their parts, and only their keys change. One that may
    be replaced stays the user's file, byte for byte.

    Before:
        graph demo(row: f32[4]) -> f32[4]              # graph.py:1
          scaled: f32[4] = run scaler {x: row} -> {y}  # graph.py:2
          half: float    = constant 0.5                # graph.py:3
          unused: f32[4] = scaled * half               # graph.py:4
          return scaled

    After:
        graph demo(row: f32[4]) -> f32[4]              # graph.py:1
          scaled: f32[4] = run scaler {x: row} -> {y}  # graph.py:2
          half: float    = constant 0.5                # graph.py:3
          unused: f32[4] = scaled * half               # graph.py:4
          return scaled
    """

    name: str = "optimise-models"

    def run(self, graph: Graph, context: Context) -> Graph:
        """The graph with optimised models."""
        runs = (node.op for node in graph.nodes if isinstance(node.op, RunModel))
        keys = dict.fromkeys(op.model for op in runs if op.reload is None)
        for key in keys:
            context.store.begin_optimising(key)
        for key in keys:  # what the plan asks of each of them, found out meanwhile
            context.store.mixing(key)
            context.store.estimated_ms(key)
        better = {key: context.store.optimised(key) for key in keys}
        changed: dict[NodeName, tuple[Node, ...]] = {
            node.name: (replace(node, op=replace(node.op, model=better[node.op.model])),)
            for node in graph.nodes
            if isinstance(node.op, RunModel) and node.op.reload is None and better[node.op.model] != node.op.model
        }
        return replace_nodes(graph, changed)
