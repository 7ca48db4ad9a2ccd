"""Leaves out of each model what only its unread outputs need."""

from dataclasses import dataclass, replace

from dagc.ir.edit import replace_nodes
from dagc.ir.graph import Graph, Node, ValueId
from dagc.ir.ops import RunModel
from dagc.ir.printer import listed
from dagc.models.prune import prune
from dagc.passes.pass_ import Context, Remark

_NAME = "prune-outputs"


@dataclass(frozen=True, slots=True)
class PruneOutputs:
    """Fetches nobody reads are dropped, and the model shrinks to what the others need.

    Before:
        graph demo(row: f32[4]) -> i64[]                                      # graph.py:1
          label: i64[], p: f32[3] = run c {x: row} -> {label, probabilities}  # graph.py:2
          return label

    After:
        graph demo(row: f32[4]) -> i64[]            # graph.py:1
          label: i64[] = run c {x: row} -> {label}  # graph.py:2
          return label
    """

    name: str = _NAME

    def run(self, graph: Graph, context: Context) -> Graph:
        """The graph whose models fetch only what is read."""
        read = {*graph.outputs, *(value for node in graph.nodes for value in node.inputs)}
        pruned = {
            node.name: (_pruned(node, node.op, read, context),)
            for node in graph.nodes
            if isinstance(node.op, RunModel)
            and node.op.model not in context.shared  # others read what is spare here
            and node.op.reload is None  # the file that takes its place has all outputs
            and _has_spare_outputs(node, read)
        }
        return replace_nodes(graph, pruned)


def _has_spare_outputs(node: Node, read: set[ValueId]) -> bool:
    """Whether some outputs are read and some are not (none read: the node is dead)."""
    return len({value.id in read for value in node.outputs}) > 1


def _pruned(node: Node, op: RunModel, read: set[ValueId], context: Context) -> Node:
    kept = [(name, value) for name, value in zip(op.fetches, node.outputs, strict=True) if value.id in read]
    fetches = tuple(name for name, _ in kept)
    model = context.store.add(prune(context.store.get(op.model), fetches))
    signature = context.store.signature(model)
    fed = [(name, value) for name, value in zip(op.feeds, node.inputs, strict=True) if signature.input(name)]
    dropped = [f"`{name}`" for name in op.fetches if name not in fetches]
    nobody = "nobody reads it" if len(dropped) == 1 else "nobody reads them"
    text = f"left {', '.join(dropped)} out of {listed(op.parts)}: {nobody}"
    context.remarks.append(Remark(_NAME, True, text, node.spans))
    return replace(
        node,
        op=replace(op, model=model, feeds=tuple(name for name, _ in fed), fetches=fetches),
        inputs=tuple(value for _, value in fed),
        outputs=tuple(value for _, value in kept),
    )
