"""Cases next to a decision boundary: the smallest step of one element of one feed changes the answer.

A finding, not a failure: the answer is right, but rounding elsewhere (another library, another CPU) may flip it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dagc.evaluate.batching import Run, Runs, run_rows
from dagc.evaluate.feeds import lane, packed_feeds
from dagc.evaluate.kernels import Array
from dagc.evaluate.tolerance import tolerance_of
from dagc.evaluate.verdict import Sensitivity, Straddle
from dagc.ir.graph import Graph, NodeName
from dagc.ir.ops import RunModel
from dagc.ir.regions import every_node
from dagc.models.store import ModelStore

JUMP = 100.0
"""How many tolerances apart two outputs are when they count as a jump, and not as a steep slope."""

_MOST_ROWS = 500_000
_MOST_LONE_RUNS = 5_000
_MOST_ELEMENTS = 1_000
_ROWS_TOGETHER = 1_024


def straddling_cases(graph: Graph, runs: Runs, store: ModelStore, besides: Collection[str] = ()) -> Sensitivity:
    """Which of the noted runs, but those of the cases `besides`, straddle a boundary.

    Work is bounded, and what was left out is counted by case.
    """
    found: list[Straddle] = []
    examined: set[str] = set()
    left_out: set[str] = set()
    rows_left, lone_runs_left = _MOST_ROWS, _MOST_LONE_RUNS
    for node in every_node(graph):
        if not isinstance(node.op, RunModel):
            continue
        nudging = _Nudging(node.name, node.op, store, together=store.mixing(node.op.model) is None)
        noted: list[tuple[Run, dict[str, Array]]] = []
        for run in (run for run in runs.of_node.get(node.name, []) if run.case not in besides):
            feeds = packed_feeds(node.op, store.signature(node.op.model), run.inputs)
            cost = 2 * _float_elements(feeds)
            budget = rows_left if nudging.together else lone_runs_left
            if cost > min(budget, 2 * _MOST_ELEMENTS):
                left_out.add(run.case)
                continue
            rows_left -= cost if nudging.together else 0
            lone_runs_left -= 0 if nudging.together else cost
            examined.add(run.case)
            noted.append((run, feeds))
        found.extend(nudging.straddles(noted))
    return Sensitivity(
        examined=len(examined - left_out), left_out=len(left_out), straddling=tuple(dict.fromkeys(found))
    )


class _Moved(NamedTuple):
    """The feeds of a run with one float element one step up or down, and which element it is (`x[3]`)."""

    run: Run
    place: str
    feeds: dict[str, Array]


@dataclass(frozen=True, slots=True)
class _Nudging:
    """Moves the feeds of one model. `together` runs moved rows, also those of several cases, as one batch."""

    node: NodeName
    op: RunModel
    store: ModelStore
    together: bool

    def straddles(self, noted: Sequence[tuple[Run, dict[str, Array]]]) -> Iterator[Straddle]:
        """One finding for each run, feed and output that jumps."""
        runner = self.store.runner(self.op.model)
        for batch in self._batches(noted):
            columns = run_rows(runner, self.op, [moved.feeds for moved in batch])
            for _, rows in groupby(enumerate(batch), lambda numbered: id(numbered[1].run)):
                yield from self._jumped(list(rows), columns)

    def _batches(self, noted: Sequence[tuple[Run, dict[str, Array]]]) -> Iterator[Sequence[_Moved]]:
        """What is moved in all runs, in order; whatever shares a batch has one lane."""
        every = (moved for run, feeds in noted for moved in _moved(run, feeds))
        agreed_on = self.store.shared_inputs(self.op.model)
        for _, equal in groupby(every, lambda moved: lane(moved.feeds, agreed_on)):
            while batch := list(islice(equal, _ROWS_TOGETHER if self.together else 1)):
                yield batch

    def _jumped(self, rows: Sequence[tuple[int, _Moved]], columns: Sequence[Array]) -> Iterator[Straddle]:
        """The findings of one run, whose rows lie together in the batch."""
        (first, (run, _, feeds)), (last, _) = rows[0], rows[-1]
        for at, (name, column) in enumerate(zip(self.op.fetches, columns, strict=True)):
            for jumped in np.flatnonzero(_jumps(column[first : last + 1], np.asarray(run.outputs[at]), feeds)):
                moved = rows[int(jumped)][1]
                if not self.together or self._jumps_alone(moved, at):
                    yield Straddle(case=run.case, node=self.node, feed=moved.place, output=name)

    def _jumps_alone(self, moved: _Moved, at: int) -> bool:
        """Whether it is not the company that makes the output jump."""
        column = run_rows(self.store.runner(self.op.model), self.op, [moved.feeds])[at]
        return bool(_jumps(column, np.asarray(moved.run.outputs[at]), moved.feeds).any())


def _moved(run: Run, feeds: Mapping[str, Array]) -> Iterator[_Moved]:
    for name, feed in feeds.items():
        if feed.dtype.kind != "f":
            continue
        for index in np.ndindex(feed.shape):
            for towards in (-np.inf, np.inf):
                changed = feed.copy()
                with np.errstate(over="ignore"):  # beside the largest float16 stands infinity
                    changed[index] = np.nextafter(feed[index], feed.dtype.type(towards))
                place = f"{name}[{', '.join(map(str, index))}]" if index else name
                yield _Moved(run, place, {**feeds, name: changed})


def _jumps(rows: Array, alone: Array, feeds: Mapping[str, Array]) -> NDArray[np.bool_]:
    """For each row whether any element flipped, or moved by more than `JUMP` tolerances.

    Those of the coarsest dtype: a float64 that is made of float32 feeds follows their steps.
    """
    flat = rows.reshape(len(rows), -1)
    wanted = alone.reshape(1, -1)
    if alone.dtype.kind != "f":
        return np.asarray(np.any(np.not_equal(flat, wanted), axis=1), np.bool_)
    dtypes = (alone.dtype, *(feed.dtype for feed in feeds.values() if feed.dtype.kind == "f"))
    tolerance = max(map(tolerance_of, dtypes), key=lambda each: each.relative)
    a, b = flat.astype(np.float64), wanted.astype(np.float64)
    with np.errstate(invalid="ignore"):
        allowed = tolerance.absolute + tolerance.relative * np.abs(b)
        return np.asarray(np.any(np.abs(a - b) > JUMP * allowed, axis=1), np.bool_)


def _float_elements(feeds: Mapping[str, Array]) -> int:
    return sum(feed.size for feed in feeds.values() if feed.dtype.kind == "f")
