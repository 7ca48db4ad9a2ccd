"""The parts of a fused model in an order, and wires under names, that say nothing of the graph around them.

So graphs that compute the same with the same models, whatever they call their values and in whatever order they
call independent models, get one model of the same bytes: one session, one copy in memory.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from dagc.ir.graph import Node, ValueId
from dagc.ir.ops import ModelKey, RunModel
from dagc.models.merge import Part, merge
from dagc.models.store import ModelStore
from dagc.models.unique_names import UniqueNames

_Member = tuple[Node, RunModel]
_Wires = tuple[tuple[str, str], ...]  # pairs of a model's own name and the wire's
_Port = tuple[str, str]  # the part, and what the port is called there

_PARTS_IN_NAME = 3
_LOWERED = re.compile(r"(in|out)\d+")
"""What lowering calls the ports of an expression's model: the expression's own word says more."""


@dataclass(frozen=True, slots=True)
class FusedModel:
    """One model in place of several, what it takes and what it gives.

    `inputs` and `outputs` are the graph's values; `feeds` and `fetches` are the model's names for them.
    """

    model: ModelKey
    inputs: tuple[ValueId, ...]
    feeds: tuple[str, ...]
    outputs: tuple[ValueId, ...]
    fetches: tuple[str, ...]


def fused_model(group: Sequence[Node], read: set[ValueId], store: ModelStore) -> FusedModel:
    """The models of a convex group, in topological order, as one that gives the values in `read`.

    Takes time near-linear in the nodes of the group and of their models.

    Raises:
        MergeRefused: as `merge`.
    """
    ordered = _ordered(group)
    made = {value.id: None for node, _ in ordered for value in node.outputs}
    inputs = tuple(dict.fromkeys(v for node, _ in ordered for v in node.inputs if v not in made))
    outputs = tuple(value for value in made if value in read)
    wires = _wire_names(ordered, inputs, outputs)
    ends = [
        (
            shortened(op.parts),
            op.model,
            _wired(op.feeds, node.inputs, wires),
            _wired(op.fetches, _ids(node), wires),
        )
        for node, op in ordered
    ]
    feeds, fetches = (tuple(wires[value] for value in side) for side in (inputs, outputs))
    name = shortened([part for _, op in ordered for part in op.parts])

    def merged() -> bytes:
        """The bytes of the one model, for whom the store has not kept them yet."""
        parts = [Part(part, store.get(model), fed, made) for part, model, fed, made in ends]
        return merge(parts, feeds, fetches, name)

    # A graph that does the same many times has it merged once.
    model = store.add_made((merge.__name__, tuple(ends), feeds, fetches, name), merged)
    return FusedModel(model, inputs, feeds, outputs, fetches)


def shortened(parts: Sequence[str]) -> str:
    """`scaler_boosted_mean`; a long list keeps its first words and says how many more there are."""
    words = list(dict.fromkeys(re.sub(r"\W+", "_", part).strip("_") for part in parts))
    if len(words) <= _PARTS_IN_NAME:
        return "_".join(words)
    kept = _PARTS_IN_NAME - 1
    return f"{'_'.join(words[:kept])}_and_{len(words) - kept}_more"


def _wired(own: Sequence[str], values: Sequence[ValueId], wires: Mapping[ValueId, str]) -> _Wires:
    return tuple((name, wires[value]) for name, value in zip(own, values, strict=True))


def _ids(node: Node) -> tuple[ValueId, ...]:
    return tuple(value.id for value in node.outputs)


def _ordered(group: Sequence[Node]) -> list[_Member]:
    """The members by depth, then by the names of their parts, then by what they compute of the group's inputs.

    The second keeps the order when a model is trained anew. Members equal in all three stay as they are.
    """
    depths: dict[ValueId, int] = {}
    computed: dict[ValueId, str] = {}
    keys: list[tuple[tuple[int, tuple[str, ...], str], _Member]] = []
    for node in group:
        if not isinstance(node.op, RunModel):
            raise TypeError(f"`{node.name}` is no model")
        depth = max((depths[value] + 1 for value in node.inputs if value in depths), default=0)
        known = [
            f"{feed}={computed.get(value, '')}" for feed, value in zip(node.op.feeds, node.inputs, strict=True)
        ]
        digest = sha256(" ".join((node.op.model, *known)).encode()).hexdigest()
        for fetch, output in zip(node.op.fetches, node.outputs, strict=True):
            depths[output.id], computed[output.id] = depth, f"{digest}.{fetch}"
        keys.append(((depth, node.op.parts, digest), (node, node.op)))
    return [member for _, member in sorted(keys, key=lambda item: item[0])]


def _wire_names(
    ordered: Sequence[_Member], inputs: Sequence[ValueId], outputs: Sequence[ValueId]
) -> Mapping[ValueId, str]:
    """A name for every value: that of the port which first reads an input, or makes what is no input."""
    shown = {*inputs, *outputs}
    ports: dict[ValueId, _Port] = {}
    for node, op in ordered:
        part = shortened(op.parts)
        values = zip((*op.feeds, *op.fetches), (*node.inputs, *_ids(node)), strict=True)
        for own, value in values:
            ports.setdefault(value, (part, _word(part, own, op)))
    names = UniqueNames()
    outside = {value: port for value, port in ports.items() if value in shown}
    inside = {value: port for value, port in ports.items() if value not in shown}
    return _named(outside, names) | _named(inside, names)


def _named(ports: Mapping[ValueId, _Port], names: UniqueNames) -> dict[ValueId, str]:
    """Ports of one name are told apart by their parts, `trees_score` and `net_score`, then by numbers."""
    counts = Counter(own for _, own in ports.values())
    return {
        value: names.unique(own if counts[own] == 1 or own == part else f"{part}_{own}")
        for value, (part, own) in ports.items()
    }


def _word(part: str, own: str, op: RunModel) -> str:
    """The port's name in the model's file, or what stands for it where lowering made the model."""
    if not _LOWERED.fullmatch(own):
        return own
    return part if op.fetches == (own,) else f"{part}_{own}"
