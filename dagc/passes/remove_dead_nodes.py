"""Removes what nobody reads."""

from dataclasses import dataclass

from dagc.ir.edit import drop_nodes
from dagc.ir.graph import Graph
from dagc.ir.regions import calls_steps
from dagc.passes.pass_ import Context


@dataclass(frozen=True, slots=True)
class RemoveDeadNodes:
    """Drops pure nodes (models, expressions, fields, constants, conversions) whose results nobody reads.

    A Python step stays even when its result is unused, and so does what has one in a region: it may do something
    to the world, and the check that ran before has told the user about it.

    Before:
        graph demo(row: f32[4]) -> f32[4]              # graph.py:1
          scaled: f32[4] = run scaler {x: row} -> {y}  # graph.py:2
          half: float    = constant 0.5                # graph.py:3
          unused: f32[4] = scaled * half               # graph.py:4
          return scaled

    After:
        graph demo(row: f32[4]) -> f32[4]              # graph.py:1
          scaled: f32[4] = run scaler {x: row} -> {y}  # graph.py:2
          return scaled
    """

    name: str = "remove-dead-nodes"

    def run(self, graph: Graph, context: Context) -> Graph:
        """The graph without them."""
        live = set(graph.outputs)
        dead = set()
        for node in reversed(graph.nodes):
            if calls_steps(node) or any(value.id in live for value in node.outputs):
                live.update(node.inputs)
            else:
                dead.add(node.name)
        return drop_nodes(graph, dead)
