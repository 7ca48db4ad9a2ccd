"""Which models may become one: greedy joining in topological order, and a sentence for every refusal.

Two models are tried when one feeds the other, when they read one value, when one consumer reads both, or when both
are ready at the same time, that is after the same steps. The last costs nothing: whoever needs either has to wait
for those very steps, and one session call is cheaper than two.
"""

from collections.abc import Iterator
from itertools import product

from dagc.ir.arms import combinator
from dagc.ir.graph import Choosing, Each, Graph, Node, NodeName, Standing, ValueId
from dagc.ir.ops import AsTensor, CallStep, Item, ModelKey, RunModel
from dagc.ir.order import Contraction
from dagc.ir.printer import listed
from dagc.ir.regions import regions, waits
from dagc.models.merge import MergeRefused, Part, merge
from dagc.models.store import ModelStore
from dagc.passes.shared_runs import SharedRuns

_Opsets = tuple[int, int | None]


class FusionGroups:
    """The models of a graph joined into convex groups, as large as the greedy order finds them."""

    def __init__(self, graph: Graph, store: ModelStore, sharing: SharedRuns) -> None:
        self._store = store
        self._sharing = sharing
        self._nodes = {node.name: node for node in graph.nodes}
        self._producers = graph.producers()
        self._consumers = graph.consumers()
        self._models = [node for node in graph.nodes if isinstance(node.op, RunModel)]
        self._contraction = Contraction(graph)
        steps = [node for node in graph.nodes if isinstance(node.op, CallStep) or regions(node.op)]
        self._steps = self._contraction.mask([node.name for node in steps])
        self._waiting = self._contraction.mask([node.name for node in steps if waits(node)])
        self._alone = self._contraction.mask([node.name for node in self._models if sharing.alone(node)])
        self._worth = self._contraction.mask([node.name for node in self._models if sharing.worth(node)])
        self._titles = {
            node.op.model: listed(node.op.parts) for node in self._models if isinstance(node.op, RunModel)
        }
        self._opsets = {self._contraction.group(node.name): self._keys_by_opsets(node) for node in self._models}
        self._refusals: dict[tuple[ModelKey, _Opsets], str | None] = {}
        self._join_all()

    def groups(self) -> list[tuple[Node, ...]]:
        """The groups of two and more, each in the order of the graph."""
        joined = (group for group in self._contraction.groups() if len(group) > 1)
        return [tuple(self._nodes[name] for name in group) for group in joined]

    def refusals(self) -> Iterator[tuple[Node, Node, str]]:
        """Pairs of neighbouring models that stayed apart, once per pair of groups, and why.

        Nothing is said of two models with a third between them: the third has its own reason to stay apart.
        """
        seen: set[tuple[object, object, str]] = set()
        for a, b in self._neighbours():
            outside = self._contraction.between(a.name, b.name)
            if self._contraction.together(a.name, b.name) or (outside and self._is_free(outside)):
                continue
            reason = self._blocker(a, b)
            key = (self._contraction.group(a.name), self._contraction.group(b.name), reason or "")
            if reason is not None and key not in seen:
                seen.add(key)
                yield a, b, reason

    def _is_free(self, name: NodeName) -> bool:
        op = self._nodes[name].op
        return isinstance(op, RunModel) and op.barrier is None

    def _join_all(self) -> None:
        met: dict[object, list[Node]] = {}
        for node in self._models:
            for producer in self._model_producers(node):
                self._try(producer, node)
            for place in self._meeting_places(node):
                waiting = met.setdefault(place, [])
                # one representative per group is enough: what joins it has joined all of its group
                joined = [self._try(other, node) for other in waiting]
                if not any(joined):
                    waiting.append(node)

    def _try(self, a: Node, b: Node) -> bool:
        if self._contraction.together(a.name, b.name):
            return True
        if self._blocker(a, b) is not None:
            return False
        groups = [self._opsets.pop(self._contraction.group(node.name)) for node in (a, b)]
        fewer, more = sorted(groups, key=lambda opsets: sum(map(len, opsets.values())))
        for opsets, keys in fewer.items():
            more.setdefault(opsets, {}).update(keys)
        self._contraction.join(a.name, b.name)
        self._opsets[self._contraction.group(a.name)] = more
        return True

    def _meeting_places(self, node: Node) -> Iterator[object]:
        for value in dict.fromkeys(node.inputs):
            yield ("reads", value)
        for output in node.outputs:
            for consumer in self._consumers[output.id]:
                yield ("read by", consumer.name)
        yield ("after", self._contraction.above(node.name) & self._steps)

    def _blocker(self, a: Node, b: Node) -> str | None:
        """Why two models may not become one, in words, or `None`."""
        for node in (a, b):
            if isinstance(node.op, RunModel) and node.op.barrier is not None:
                return f"{described(node)} runs alone: {node.op.barrier}"
            if (shared := self._computed_share(node)) is not None:
                return (
                    f"{described(node)} runs alone: requests have to agree on `{shared}`, which a model computes"
                )
        if a.placement != b.placement:
            return f"{_home(a)}, and {_home(b)}"
        outside = self._contraction.between(a.name, b.name)
        if outside is not None:
            return f"{described(self._nodes[outside])} stands between them"
        return self._lost_sharing(a, b) or self._delay(a, b) or self._opset_refusal(a, b)

    def _computed_share(self, node: Node) -> str | None:
        """An input on which requests have to agree, and which would be none beside the model that computes it."""
        if not isinstance(node.op, RunModel):
            return None
        agreed_on = self._store.shared_inputs(node.op.model)
        for feed, value in zip(node.op.feeds, node.inputs, strict=True):
            if feed in agreed_on and value in self._producers and isinstance(self._producers[value].op, RunModel):
                return feed
        return None

    def _lost_sharing(self, a: Node, b: Node) -> str | None:
        """A model whose runs requests share now, and would not beside one that is run for each of them."""
        if not self._alone:
            return None
        for one, other in ((a, b), (b, a)):
            alone = self._contraction.names(self._contraction.members(one.name) & self._alone)
            if alone and self._contraction.members(other.name) & self._worth:
                single = self._nodes[alone[0]]
                why = self._sharing.alone(single)
                return f"{described(single)} takes one request at a time, unlike its neighbour: {why}"
        return None

    def _delay(self, a: Node, b: Node) -> str | None:
        """A step after one of them that would come to wait for an async step before the other.

        Both steps can run at the same time now; one model would put their waiting times end to end.
        """
        if not self._waiting:
            return None
        for first, second in ((a, b), (b, a)):
            slow = self._contraction.above(second.name) & self._waiting
            for step in self._contraction.names(self._contraction.below(first.name) & self._steps):
                new = self._contraction.names(slow & ~self._contraction.above(step))
                if new:
                    late, early = described(self._nodes[step]), described(self._nodes[new[0]])
                    return f"{late} would have to wait for {early}"
        return None

    def _opset_refusal(self, a: Node, b: Node) -> str | None:
        """Why the opsets of two groups do not meet: each model is tried with one model of every other opset."""
        one, other = (self._opsets[self._contraction.group(node.name)] for node in (a, b))
        for (ours, mine), (theirs, others) in product(one.items(), other.items()):
            if ours == theirs:
                continue
            tried = [(key, theirs, next(iter(others))) for key in mine] + [
                (key, ours, next(iter(mine))) for key in others
            ]
            reasons = (self._refusal(key, opsets, with_) for key, opsets, with_ in tried)
            if reason := next((text for text in reasons if text), None):
                return reason
        return None

    def _keys_by_opsets(self, node: Node) -> dict[_Opsets, dict[ModelKey, None]]:
        if not isinstance(node.op, RunModel):
            return {}
        signature = self._store.signature(node.op.model)
        return {(signature.opset, signature.ml_opset): {node.op.model: None}}

    def _refusal(self, key: ModelKey, opsets: _Opsets, other: ModelKey) -> str | None:
        """Why a model cannot be brought to the opsets of another one, tried once per model and opsets."""
        if (key, opsets) not in self._refusals:
            try:
                parts = [self._whole(key, "a"), self._whole(other, "b")]
                wires = [tuple(wire for part in parts for _, wire in side(part)) for side in (_feeds, _fetches)]
                merge(parts, wires[0], wires[1], "trial")
                self._refusals[key, opsets] = None
            except MergeRefused as refused:
                self._refusals[key, opsets] = str(refused)
        return self._refusals[key, opsets]

    def _whole(self, key: ModelKey, side: str) -> Part:
        signature = self._store.signature(key)
        feeds = tuple((port.name, f"{side}.{port.name}") for port in signature.inputs)
        fetches = tuple((port.name, f"{side}.{port.name}") for port in signature.outputs)
        return Part(self._titles[key], self._store.get(key), feeds, fetches)

    def _model_producers(self, node: Node) -> Iterator[Node]:
        yield from (node for node in self._input_nodes(node) if isinstance(node.op, RunModel))

    def _input_nodes(self, node: Node) -> Iterator[Node]:
        names = dict.fromkeys(self._producers[v].name for v in node.inputs if v in self._producers)
        yield from (self._nodes[name] for name in names)

    def _neighbours(self) -> Iterator[tuple[Node, Node]]:
        """Models feeding one another, directly or through one node, and models reading one value."""
        first_reader: dict[ValueId, Node] = {}
        for node in self._models:
            for above in self._input_nodes(node):
                sources = [above] if isinstance(above.op, RunModel) else self._model_producers(above)
                yield from ((source, node) for source in sources)
            for value in dict.fromkeys(node.inputs):
                if (first := first_reader.setdefault(value, node)) is not node:
                    yield first, node


def described(node: Node) -> str:
    """A node as a sentence names it."""
    match node.op:
        case CallStep(qualname=qualname):
            return f"step `{qualname}`"
        case RunModel(parts=parts):
            return f"model `{listed(parts)}`"
        case Item():
            return f"the Python value `{node.outputs[0].id}`"
        case AsTensor():
            return f"the Python value `{node.inputs[0]}`"
        case Each():
            return f"`dagc.each` over `{node.inputs[0]}`"
        case op if isinstance(op, Choosing | Standing):
            return f"`{combinator(op)}` that gives `{node.outputs[0].id}`"
        case _:
            return f"`{node.name}`"


def _home(node: Node) -> str:
    place = "in the graph's own service" if node.placement is None else f"on service `{node.placement}`"
    return f"{described(node)} runs {place}"


def _feeds(part: Part) -> tuple[tuple[str, str], ...]:
    return part.feeds


def _fetches(part: Part) -> tuple[tuple[str, str], ...]:
    return part.fetches
