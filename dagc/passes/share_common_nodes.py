"""Computes equal things once."""

from dataclasses import dataclass, replace

from dagc.diagnostics import Span
from dagc.ir.edit import substitute, with_nodes
from dagc.ir.graph import Graph, Node, ValueId
from dagc.ir.ops import CallStep
from dagc.ir.regions import regions
from dagc.passes.pass_ import Context


@dataclass(frozen=True, slots=True)
class ShareCommonNodes:
    """Nodes of one operation on the same values become the first of them, which takes the spans of all.

    Only pure nodes: a Python step called twice may mean to be called twice. What owns regions is not compared, and
    what runs in different services is computed in both.

    Before:
        graph demo(row: f32[4]) -> f32[4]             # graph.py:1
          a: f32[4]     = run scaler {x: row} -> {y}  # graph.py:2
          b: f32[4]     = run scaler {x: row} -> {y}  # graph.py:3
          total: f32[4] = a + b                       # graph.py:4
          return total

    After:
        graph demo(row: f32[4]) -> f32[4]             # graph.py:1
          a: f32[4]     = run scaler {x: row} -> {y}  # graph.py:2, 3
          total: f32[4] = a + a                       # graph.py:4
          return total
    """

    name: str = "share-common-nodes"

    def run(self, graph: Graph, context: Context) -> Graph:
        """The graph with every pure node computed once."""
        kept: dict[object, Node] = {}
        spans: dict[object, dict[Span, None]] = {}
        same: dict[ValueId, ValueId] = {}
        for node in graph.nodes:
            inputs = tuple(same.get(value, value) for value in node.inputs)
            # by text, because Python holds 1, 1.0 and True, and 0.0 and -0.0, for equal
            alone = isinstance(node.op, CallStep) or regions(node.op)
            key: object = node.name if alone else (repr(node.op), inputs, node.placement)
            first = kept.setdefault(key, node)
            spans.setdefault(key, {}).update(dict.fromkeys(node.spans))
            if first is not node:
                same.update({old.id: new.id for old, new in zip(node.outputs, first.outputs, strict=True)})
        if not same:
            return graph
        nodes = [replace(node, spans=tuple(spans[key])) for key, node in kept.items()]
        return substitute(with_nodes(graph, nodes), same)
