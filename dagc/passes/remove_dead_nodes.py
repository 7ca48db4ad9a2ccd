"""Removes what nobody reads."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from dagc.ir.edit import drop_nodes, with_nodes
from dagc.ir.graph import Choosing, Graph, Node, ValueId
from dagc.ir.regions import calls_steps
from dagc.ir.types import TupleOf
from dagc.passes.pass_ import Context


@dataclass(frozen=True, slots=True)
class RemoveDeadNodes:
    """Drops pure nodes (models, expressions, fields, constants, conversions) whose results nobody reads.

    A Python step stays even when its result is unused, and so does what has one in a region: it may do something
    to the world, and the check that ran before has told the user about it. A choice gives only what is read of it.

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
        alive = drop_nodes(graph, dead)
        return with_nodes(alive, (_narrowed(node, live) for node in alive.nodes))


def _narrowed(node: Node, live: Collection[ValueId]) -> Node:
    """A choice without the outputs nobody reads, in its arms neither."""
    read = [place for place, value in enumerate(node.outputs) if value.id in live]
    if not isinstance(node.op, Choosing) or not read or len(read) == len(node.outputs):
        return node
    arms = tuple(_with_outputs(arm, tuple(arm.outputs[place] for place in read)) for arm in node.op.arms)
    return replace(node, op=replace(node.op, arms=arms), outputs=tuple(node.outputs[place] for place in read))


def _with_outputs(arm: Graph, outputs: tuple[ValueId, ...]) -> Graph:
    types = arm.types()
    given = tuple(types[output] for output in outputs)
    return replace(arm, outputs=outputs, returns=given[0] if len(given) == 1 else TupleOf(given))
