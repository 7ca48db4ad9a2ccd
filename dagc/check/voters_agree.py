"""Voters choose among the same classes, and averaged scores stand in the same order of classes (E0219)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dagc.check.edges import origin
from dagc.diagnostics import Diagnostic
from dagc.ir.graph import Graph, Node, Value, ValueId
from dagc.ir.ops import ArgMax, Cast, Elementwise, Index, Item, RunModel, Slice, Softmax, Vote
from dagc.ir.types import Choice, Tensor
from dagc.models.labels import Labels
from dagc.models.store import ModelStore

_SHOWN = 6


def voters_agree(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One E0219 for each vote, or average of scores, whose values are about different classes."""
    classes = _Classes(graph.producers(), {value.id: value for value in graph.values()}, store)
    for node in graph.nodes:
        if isinstance(node.op, Vote):
            yield from _told(
                node, "votes of", [(value, _as_set(classes.of(value))) for value in node.inputs], graph
            )
        elif isinstance(node.op, Elementwise) and node.op.kind == "mean":
            yield from _told(node, "scores of", [(value, classes.columns(value)) for value in node.inputs], graph)


def _told(
    node: Node, what: str, voters: Sequence[tuple[ValueId, Labels | None]], graph: Graph
) -> Iterator[Diagnostic]:
    known = [(value, found) for value, found in voters if found is not None]
    if len({found for _, found in known}) < 2:
        return
    values = {value.id: value for value in graph.values()}
    first, second = known[0], next(pair for pair in known if pair[1] != known[0][1])
    span = node.spans[0] if node.spans else None
    others = [label for value, found in known for label in origin(values[value], span, _shown(found))]
    yield Diagnostic.at(
        "E0219",
        f"the {what} `{first[0]}` and `{second[0]}` are about different classes",
        span,
        "counted together here",
        others=tuple(dict.fromkeys(others)),
        notes=(f"`{first[0]}` is about {_shown(first[1])}, `{second[0]}` about {_shown(second[1])}",),
        help="train the models on the same classes in the same order, or translate one in a step",
    )


@dataclass(frozen=True, slots=True)
class _Classes:
    """What the values of a graph say about classes."""

    producers: Mapping[ValueId, Node]
    values: Mapping[ValueId, Value]
    store: ModelStore

    def of(self, value: ValueId) -> Labels | None:
        """The classes a label may be."""
        made = self.values[value]
        if isinstance(made.type, Choice):
            return tuple(label for label in made.type.values)
        node = self.producers.get(value)
        match node.op if node else None:
            case RunModel(model=model, fetches=fetches) if node:
                place = [output.id for output in node.outputs].index(value)
                return self.store.labels(model, fetches[place])
            case ArgMax(axis=axis) if node:
                scores = self.values[node.inputs[0]].type
                size = scores.dims[axis] if isinstance(scores, Tensor) and scores.dims else None
                return tuple(range(size)) if isinstance(size, int) else None
            case Item() | Cast() if node:
                return self.of(node.inputs[0])
            case _:
                return None

    def columns(self, value: ValueId) -> Labels | None:
        """The classes of the scores a tensor holds, in the order of its elements."""
        type = self.values[value].type
        node = self.producers.get(value)
        if not isinstance(type, Tensor) or node is None or isinstance(type, Choice):
            return None
        match node.op:
            case RunModel(model=model, fetches=fetches):
                place = [output.id for output in node.outputs].index(value)
                found = self.store.labels(model, fetches[place])
                return found if found and type.dims == (len(found),) else None
            case Softmax() | Cast():
                return self.columns(node.inputs[0])
            case Index(items=(int() as at,)):
                every = self.columns(node.inputs[0])
                return (every[at],) if every and -len(every) <= at < len(every) else None
            case Index(items=(Slice(start, stop),)):
                every = self.columns(node.inputs[0])
                return every[start:stop] if every else None
            case _:
                return None


def _as_set(found: Labels | None) -> Labels | None:
    return None if found is None else tuple(sorted(set(found), key=lambda label: (isinstance(label, str), label)))


def _shown(found: Labels | None) -> str:
    words = [f"`{label!r}`" for label in found or ()]
    more = len(words) - _SHOWN
    return ", ".join((*words[:_SHOWN], *([f"{more} more"] if more > 0 else [])))
