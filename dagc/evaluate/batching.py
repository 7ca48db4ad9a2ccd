"""Rows run together against the same rows run alone: operators that mix no rows may still round differently."""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dagc.evaluate.comparison import Difference, array_difference, noise_floor, rounded_up
from dagc.evaluate.evaluate import Watch
from dagc.evaluate.feeds import lane, packed_feeds
from dagc.evaluate.kernels import Array
from dagc.evaluate.tolerance import TOLERANCES, tolerance_of
from dagc.evaluate.verdict import Batched, Failure
from dagc.ir.graph import Graph, Node, NodeName
from dagc.ir.ops import CallStep, RunModel
from dagc.ir.regions import every_node
from dagc.models.runner import Runner
from dagc.models.store import ModelStore

_MOST_ROWS = 1024
_MOST_KEPT_BYTES = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a model on one example: what went in and what came out."""

    case: str
    inputs: tuple[object, ...]
    outputs: tuple[object, ...]


@dataclass(slots=True)
class Runs:
    """What ran in all cases, by node: models, and steps of lists; kept while they fit into half a gibibyte."""

    of_node: dict[NodeName, list[Run]] = field(default_factory=dict)
    of_lists: dict[NodeName, list[Run]] = field(default_factory=dict)
    """The calls of plain steps of lists, each with one item."""
    bytes: int = 0

    def watch(self, case: str) -> Watch:
        """What notes the runs of the case."""

        def note(node: Node, inputs: tuple[object, ...], outputs: tuple[object, ...]) -> None:
            """Keep one run of a node."""
            lists = isinstance(node.op, CallStep) and node.op.batch and not node.op.is_async
            if not (lists or isinstance(node.op, RunModel)) or self.bytes > _MOST_KEPT_BYTES:
                return
            self.bytes += sum(value.nbytes for value in (*inputs, *outputs) if isinstance(value, np.ndarray))
            (self.of_lists if lists else self.of_node).setdefault(node.name, []).append(Run(case, inputs, outputs))

        return note


def compare_batches(
    graph: Graph, runs: Runs, store: ModelStore
) -> tuple[tuple[Batched, ...], tuple[Failure, ...]]:
    """For each model what its batches gave, and where a row differs from the same row run alone (E0804)."""
    verdicts: list[Batched] = []
    failures: list[Failure] = []
    floor = noise_floor(TOLERANCES["f32"])
    for node in every_node(graph):
        if not isinstance(node.op, RunModel):
            continue
        reason = store.mixing(node.op.model)
        noted = [] if reason is not None else runs.of_node.get(node.name, [])
        worst = 0.0
        for run, difference in _row_differences(node.op, noted, store):
            worst = max(worst, difference.size or 0.0)
            if difference.failure is not None:
                message = f"in a batch, output `{difference.path}` of `{node.name}` {difference.failure}"
                failures.append(Failure(code="E0804", case=run.case, path=difference.path, message=message))
        verdicts.append(
            Batched(node=node.name, rows=len(noted), at_most=rounded_up(worst, floor), one_by_one=reason)
        )
    return tuple(verdicts), tuple(failures)


def run_rows(runner: Runner, op: RunModel, rows: Sequence[Mapping[str, Array]]) -> list[Array]:
    """The fetches of one run over all rows, batch axis first. All rows must have one lane."""
    stacked = {name: np.stack([row[name] for row in rows]) for name in op.feeds}
    return list(runner.run(stacked, op.fetches))


def _row_differences(op: RunModel, noted: Sequence[Run], store: ModelStore) -> Iterator[tuple[Run, Difference]]:
    runner, signature = store.runner(op.model), store.signature(op.model)
    rows = [(run, packed_feeds(op, signature, run.inputs)) for run in noted]
    for group in _lanes(rows, store.shared_inputs(op.model)):
        together = run_rows(runner, op, [feeds for _, feeds in group])
        for row, (run, _) in enumerate(group):
            for name, batch, alone in zip(op.fetches, together, run.outputs, strict=True):
                wanted = np.asarray(alone)
                yield (
                    run,
                    array_difference(
                        np.asarray(batch[row], wanted.dtype), wanted, tolerance_of(wanted.dtype), name
                    ),
                )


def _lanes(
    rows: Sequence[tuple[Run, dict[str, Array]]], agreed_on: Collection[str]
) -> Iterator[Sequence[tuple[Run, dict[str, Array]]]]:
    """Rows that may share a batch, at most a thousand at a time."""
    groups: dict[Hashable, list[tuple[Run, dict[str, Array]]]] = {}
    for run, feeds in rows:
        groups.setdefault(lane(feeds, agreed_on), []).append((run, feeds))
    for group in groups.values():
        for start in range(0, len(group), _MOST_ROWS):
            yield group[start : start + _MOST_ROWS]
