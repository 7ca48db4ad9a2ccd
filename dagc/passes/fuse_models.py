"""The compiler's core: neighbouring models become one model, so one request costs one session call."""

from collections.abc import Sequence
from dataclasses import dataclass

from dagc.diagnostics import Span
from dagc.ir.edit import replace_nodes, unused_name
from dagc.ir.graph import Graph, Node, NodeName
from dagc.ir.ops import RunModel
from dagc.ir.order import sorted_graph
from dagc.ir.printer import listed
from dagc.models.merge import MergeRefused
from dagc.models.store import ModelStore
from dagc.passes.fused_model import fused_model, shortened
from dagc.passes.fusion_groups import FusionGroups, described
from dagc.passes.pass_ import Context, Remark
from dagc.passes.session_cuts import stretches
from dagc.passes.shared_runs import RunsLost, SharedRuns

_NAME = "fuse-models"


@dataclass(frozen=True, slots=True)
class FuseModels:
    """Models that feed each other, read the same values or are ready at the same time become one.

    A group is convex: nothing on a path between its members stands outside. Python steps, and the conversions
    between Python values and tensors, stay outside; so does a model whose runs requests share from one that is run
    for each of them. Every neighbour left out leaves a remark that says why.

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
        sharing = SharedRuns(context.store)
        while True:
            try:
                fusing = _Fusing(graph, context.store, sharing)
            except RunsLost:
                fusing = _Fusing(graph, context.store, sharing)
            context.remarks.extend(fusing.applied())
            after = fusing.graph()
            # Joining may clear the way for more, and a second run must find nothing left to do.
            if after is graph:
                context.remarks.extend(fusing.missed)
                return graph
            graph = after


class _Fusing:
    """One go at a graph: `made` of its groups, each in time of its own size, and what was `missed`."""

    def __init__(self, graph: Graph, store: ModelStore, sharing: SharedRuns) -> None:
        self._graph = graph
        self._store = store
        self._sharing = sharing
        self._consumers = graph.consumers()
        self._taken: set[str] = {node.name for node in graph.nodes}
        self.made: list[tuple[Sequence[Node], Node]] = []
        self.missed: list[Remark] = []
        groups = FusionGroups(graph, store, sharing)
        for group in groups.groups():
            parts = list(stretches(group, store))
            if len(parts) > 1:
                self._miss(
                    f"left {_listed(group)} in {len(parts)} sessions: one would be of too many operators", group
                )
            for part in parts:
                self._merge(part)
        for a, b, reason in groups.refusals():
            self._miss(f"left {described(a)} and {described(b)} apart: {reason}", (a, b))

    def graph(self) -> Graph:
        """The graph with what was made in place of the groups; the very same one where nothing was."""
        fused: dict[NodeName, tuple[Node, ...]] = {}
        for group, node in self.made:
            fused |= {member.name: () for member in group} | {group[0].name: (node,)}
        return sorted_graph(replace_nodes(self._graph, fused))

    def applied(self) -> list[Remark]:
        """What was made, in words."""
        texts = (f"fused {_listed(group)} into one model: {len(group)} sessions -> 1" for group, _ in self.made)
        return [Remark(_NAME, True, text, node.spans) for text, (_, node) in zip(texts, self.made, strict=True)]

    def _merge(self, group: Sequence[Node]) -> None:
        """Make one node of the group; where its models refuse to merge, of its halves, convex as well."""
        if len(group) < 2:
            return
        try:
            node = self._node(group)
        except MergeRefused as refused:
            half = len(group) // 2
            if len(group) == 2:
                self._miss(f"left {_listed(group)} apart: {refused}", group)
            self._merge(group[:half])
            self._merge(group[half:])
            return
        self.made.append((group, node))

    def _node(self, group: Sequence[Node]) -> Node:
        """The group as one node; raises `MergeRefused`, and `RunsLost` once."""
        members = {node.name for node in group}
        values = {value.id: value for node in group for value in node.outputs}
        read = {v for v in values if any(node.name not in members for node in self._consumers[v])}
        read.update(values.keys() & set(self._graph.outputs))
        made = fused_model(group, read, self._store)
        if reason := self._sharing.lost(group, made.model):
            raise MergeRefused(f"requests share runs of them as they are, and would not of one model: {reason}")
        self._store.begin_optimising(made.model)
        op = RunModel(made.model, made.feeds, made.fetches, _parts(group))
        self._taken.difference_update(members)
        name = NodeName(unused_name(shortened(_parts(group)), self._taken))
        self._taken.add(name)
        outputs = tuple(values[value] for value in made.outputs)
        return Node(name, op, made.inputs, outputs, _spans(group), group[0].placement)

    def _miss(self, text: str, nodes: Sequence[Node]) -> None:
        self.missed.append(Remark(_NAME, False, text, _spans(nodes)))


def _spans(nodes: Sequence[Node]) -> tuple[Span, ...]:
    return tuple(dict.fromkeys(span for node in nodes for span in node.spans))


def _listed(group: Sequence[Node]) -> str:
    return listed(_parts(group))


def _parts(group: Sequence[Node]) -> tuple[str, ...]:
    return tuple(part for node in group if isinstance(node.op, RunModel) for part in node.op.parts)
