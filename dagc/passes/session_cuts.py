"""A group of models too large for one session as stretches of it, cut where few values cross.

onnxruntime loads a session on one core, and the more operators it has the longer each of them takes: 19 us where
they are 2,000, 44 us where they are 28,000. A second session costs microseconds in a run of milliseconds.
"""

from collections.abc import Iterator, Sequence
from math import ceil

from dagc.ir.graph import Node, ValueId
from dagc.ir.ops import RunModel
from dagc.models.store import ModelStore

MOST_OPERATORS = 2_048
"""What a session holds, about: it is cut between models only, and only at a narrow place."""

_MOST_CROSSING = 8
"""Values that both sides of a cut need: each is packed for another session in every run."""


def stretches(group: Sequence[Node], store: ModelStore) -> Iterator[Sequence[Node]]:
    """A convex group in topological order, as parts of about equal size; the whole group where it is small.

    Each part is convex as well: whatever comes later in the order leads to nothing before it.
    """
    sizes = [_operators(node, store) for node in group]
    total = sum(sizes)
    if total <= MOST_OPERATORS:
        yield group
        return
    fair = total / ceil(total / MOST_OPERATORS)
    begin, begun_at, done, crossing = 0, 0, 0, _crossing(group)
    for place, operators in enumerate(sizes):
        due = done + operators / 2 >= fair * (round(begun_at / fair) + 1)
        if due and min(done - begun_at, total - done) >= fair / 2 and crossing[place] <= _MOST_CROSSING:
            yield group[begin:place]
            begin, begun_at = place, done
        done += operators
    yield group[begin:]


def _operators(node: Node, store: ModelStore) -> int:
    return store.signature(node.op.model).operators if isinstance(node.op, RunModel) else 0


def _crossing(group: Sequence[Node]) -> list[int]:
    """For every node how many values are there, or read, before it and needed by it or after it."""
    first: dict[ValueId, int] = {}
    last: dict[ValueId, int] = {}
    for place, node in enumerate(group):
        for value in node.inputs:
            first.setdefault(value, place)
            last[value] = place
        first.update((value.id, place) for value in node.outputs)
    changes = [0] * (len(group) + 1)
    for value, end in last.items():
        changes[first[value] + 1 if first[value] < end else end + 1] += 1
        changes[end + 1] -= 1
    counts, crossing = 0, []
    for change in changes[: len(group)]:
        counts += change
        crossing.append(counts)
    return crossing
