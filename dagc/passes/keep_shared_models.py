"""Keeps a large model whole where several graphs or branches of a file use it: fused, each would hold a copy."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dagc.ir.edit import replace_nodes
from dagc.ir.graph import Graph, Node
from dagc.ir.ops import ModelKey, RunModel
from dagc.ir.printer import listed
from dagc.ir.regions import walk
from dagc.models.store import ModelStore
from dagc.passes.pass_ import Context, Remark

LARGE_BYTES = 1024 * 1024
"""From here on a copy costs more memory than fusion is worth, which saves about 10 us a request."""

_NAME = "keep-shared-models"


@dataclass(frozen=True, slots=True)
class KeepSharedModels:
    """A model that `Context.shared` lists runs in a session of its own, which all its users share.

    Before:
        graph demo(row: f32[4]) -> i64[]            # graph.py:1
          label: i64[] = run c {x: row} -> {label}  # graph.py:2
          return label

    After:
        graph demo(row: f32[4]) -> i64[]                                                          # graph.py:1
          label: i64[] = run c {x: row} -> {label}, alone: 1 MiB that 2 graphs or branches share  # graph.py:2
          return label
    """

    name: str = _NAME

    def run(self, graph: Graph, context: Context) -> Graph:
        """The graph with a barrier on every such model."""
        kept = {
            node.name: (_kept(node, node.op, context),)
            for node in graph.nodes
            if isinstance(node.op, RunModel) and node.op.model in context.shared and node.op.barrier is None
        }
        return replace_nodes(graph, kept)


def shared_models(graphs: Sequence[Graph], store: ModelStore) -> Mapping[ModelKey, int]:
    """The large models that more than one of the graphs and their branches run, and how many do."""
    places: Counter[ModelKey] = Counter()
    for graph in graphs:
        for place in walk(graph):
            places.update({node.op.model for node in place.nodes if isinstance(node.op, RunModel)})
    return {key: count for key, count in places.items() if count > 1 and len(store.get(key)) >= LARGE_BYTES}


def _kept(node: Node, op: RunModel, context: Context) -> Node:
    mebibytes = max(1, round(len(context.store.get(op.model)) / 1024 / 1024))
    why = f"{mebibytes} MiB that {context.shared[op.model]} graphs or branches share"
    context.remarks.append(Remark(_NAME, True, f"kept {listed(op.parts)} whole: {why}", node.spans))
    return replace(node, op=replace(op, barrier=why))
