"""The compiler's core: neighbouring models become one model, so one request costs one session call."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dagc.diagnostics import Span
from dagc.ir.edit import replace_nodes, unused_name
from dagc.ir.graph import Graph, Node, NodeName, ValueId
from dagc.ir.ops import RunModel
from dagc.ir.order import sorted_graph
from dagc.ir.printer import listed
from dagc.models.merge import MergeRefused
from dagc.passes.fused_model import fused_model, shortened
from dagc.passes.fusion_groups import FusionGroups, described
from dagc.passes.pass_ import Context, Remark
from dagc.passes.session_cuts import stretches

_NAME = "fuse-models"


@dataclass(frozen=True, slots=True)
class FuseModels:
    """Models that feed each other, read the same values or are ready at the same time become one.

    A group is convex: nothing on a path between its members stands outside. Python steps, and the conversions
    between Python values and tensors, stay outside. Every neighbour left out leaves a remark that says why.

    Before:
        graph demo(x: f32[4]) -> tuple[bool, f32[]]       # graph.py:1
          row: f32[4]    = run scaler {x} -> {y}          # graph.py:2
          a: f32[]       = run trees {x: row} -> {score}  # graph.py:3
          b: f32[]       = run net {x: row} -> {score}    # graph.py:4
          number: float  = item(b)                        # graph.py:5
          decision: bool = call graph.decide(number)      # graph.py:6
          return decision, a

    After:
        graph demo(x: f32[4]) -> tuple[bool, f32[]]                                  # graph.py:1
          b: f32[], a: f32[] = run scaler+trees+net {x} -> {net_score, trees_score}  # graph.py:2-4
          number: float      = item(b)                                               # graph.py:5
          decision: bool     = call graph.decide(number)                             # graph.py:6
          return decision, a
    """

    name: str = _NAME

    def run(self, graph: Graph, context: Context) -> Graph:
        """The graph with every group replaced by one model."""
        while True:
            missed: list[Remark] = []
            after = _fused_once(graph, context, missed)
            # Joining may clear the way for more, and a second run must find nothing left to do.
            if after is graph:
                context.remarks.extend(missed)
                return graph
            graph = after


def _fused_once(graph: Graph, context: Context, missed: list[Remark]) -> Graph:
    groups = FusionGroups(graph, context.store)
    fusing = _Fusing(graph.outputs, graph.consumers(), {node.name for node in graph.nodes}, context, missed)
    fused: dict[NodeName, tuple[Node, ...]] = {}
    for group in groups.groups():
        parts = list(stretches(group, context.store))
        if len(parts) > 1:
            text = f"left {listed(_parts(group))} in {len(parts)} sessions: one would be of too many operators"
            missed.append(Remark(_NAME, False, text, _spans(group)))
        for part in parts:
            for members, node in fusing.merged(part):
                fused |= {member.name: () for member in members} | {members[0].name: (node,)}
    for a, b, reason in groups.refusals():
        text = f"left {described(a)} and {described(b)} apart: {reason}"
        missed.append(Remark(_NAME, False, text, _spans((a, b))))
    return sorted_graph(replace_nodes(graph, fused))


@dataclass(frozen=True, slots=True)
class _Fusing:
    """Makes nodes of groups; each takes time in its own size, not in that of the graph around it."""

    returned: tuple[ValueId, ...]
    consumers: Mapping[ValueId, Sequence[Node]]
    taken: set[str]
    context: Context
    missed: list[Remark]

    def merged(self, group: Sequence[Node]) -> Iterator[tuple[Sequence[Node], Node]]:
        """The group as one node; where its models refuse to merge after all, its halves, convex as well."""
        if len(group) < 2:
            return
        try:
            node = self.node(group)
        except MergeRefused as refused:
            half = len(group) // 2
            if len(group) == 2:
                text = f"left {listed(_parts(group))} apart: {refused}"
                self.missed.append(Remark(_NAME, False, text, _spans(group)))
            yield from self.merged(group[:half])
            yield from self.merged(group[half:])
            return
        text = f"fused {listed(_parts(group))} into one model: {len(group)} sessions -> 1"
        self.context.remarks.append(Remark(_NAME, True, text, _spans(group)))
        yield group, node

    def node(self, group: Sequence[Node]) -> Node:
        """The group as one node; raises `MergeRefused`."""
        members = {node.name for node in group}
        values = {value.id: value for node in group for value in node.outputs}
        read = {v for v in values if any(node.name not in members for node in self.consumers[v])}
        read.update(values.keys() & set(self.returned))
        made = fused_model(group, read, self.context.store)
        self.context.store.begin_optimising(made.model)
        op = RunModel(made.model, made.feeds, made.fetches, _parts(group))
        self.taken.difference_update(members)
        name = NodeName(unused_name(shortened(_parts(group)), self.taken))
        self.taken.add(name)
        outputs = tuple(values[value] for value in made.outputs)
        return Node(name, op, made.inputs, outputs, _spans(group), group[0].placement)


def _spans(nodes: Sequence[Node]) -> tuple[Span, ...]:
    return tuple(dict.fromkeys(span for node in nodes for span in node.spans))


def _parts(group: Sequence[Node]) -> tuple[str, ...]:
    return tuple(part for node in group if isinstance(node.op, RunModel) for part in node.op.parts)
