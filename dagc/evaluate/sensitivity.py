"""Cases next to a decision boundary: the smallest step of one element of one feed changes the answer.

A finding, not a failure: the answer is right, but rounding elsewhere (another library, another CPU) may flip it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dagc.evaluate.batching import Run, Runs, run_rows
from dagc.evaluate.feeds import packed_feeds
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


def straddling_cases(graph: Graph, runs: Runs, store: ModelStore) -> Sensitivity:
    """Which of the noted runs straddle a boundary; work is bounded, and what was left out is counted by case."""
    found: list[Straddle] = []
    examined: set[str] = set()
    left_out: set[str] = set()
    rows_left, lone_runs_left = _MOST_ROWS, _MOST_LONE_RUNS
    for node in every_node(graph):
        if not isinstance(node.op, RunModel):
            continue
        nudging = _Nudging(node.name, node.op, store, together=store.mixing(node.op.model) is None)
        for run in runs.of_node.get(node.name, []):
            feeds = packed_feeds(node.op, store.signature(node.op.model), run.inputs)
            cost = 2 * _float_elements(feeds)
            budget = rows_left if nudging.together else lone_runs_left
            if cost > min(budget, 2 * _MOST_ELEMENTS):
                left_out.add(run.case)
                continue
            rows_left -= cost if nudging.together else 0
            lone_runs_left -= 0 if nudging.together else cost
            examined.add(run.case)
            found.extend(nudging.straddles(run, feeds))
    return Sensitivity(
        examined=len(examined - left_out), left_out=len(left_out), straddling=tuple(dict.fromkeys(found))
    )


@dataclass(frozen=True, slots=True)
class _Nudging:
    """Moves the feeds of one model. `together` runs all moved rows of a case as one batch."""

    node: NodeName
    op: RunModel
    store: ModelStore
    together: bool

    def straddles(self, run: Run, feeds: dict[str, Array]) -> Iterator[Straddle]:
        """One finding for each feed and output that jumps."""
        moved = list(_moved(feeds))
        if not moved:
            return
        runner = self.store.runner(self.op.model)
        size = len(moved) if self.together else 1
        for start in range(0, len(moved), size):
            chunk = moved[start : start + size]
            outputs = run_rows(runner, self.op, [row for _, row in chunk])
            for name, rows, alone in zip(self.op.fetches, outputs, run.outputs, strict=True):
                for jumped in np.flatnonzero(_jumps(rows, np.asarray(alone))):
                    yield Straddle(case=run.case, node=self.node, feed=chunk[jumped][0], output=name)


def _moved(feeds: Mapping[str, Array]) -> Iterator[tuple[str, dict[str, Array]]]:
    """The feeds with one float element one step up or down, and which element it is (`x[3]`)."""
    for name, feed in feeds.items():
        if feed.dtype.kind != "f":
            continue
        for index in np.ndindex(feed.shape):
            for towards in (-np.inf, np.inf):
                changed = feed.copy()
                changed[index] = np.nextafter(feed[index], feed.dtype.type(towards))
                place = f"{name}[{', '.join(map(str, index))}]" if index else name
                yield place, {**feeds, name: changed}


def _jumps(rows: Array, alone: Array) -> NDArray[np.bool_]:
    """For each row whether any element flipped, or moved by more than `JUMP` tolerances."""
    flat = rows.reshape(len(rows), -1)
    wanted = alone.reshape(1, -1)
    if alone.dtype.kind != "f":
        return np.asarray(np.any(np.not_equal(flat, wanted), axis=1), np.bool_)
    tolerance = tolerance_of(alone.dtype)
    a, b = flat.astype(np.float64), wanted.astype(np.float64)
    with np.errstate(invalid="ignore"):
        allowed = tolerance.absolute + tolerance.relative * np.abs(b)
        return np.asarray(np.any(np.abs(a - b) > JUMP * allowed, axis=1), np.bool_)


def _float_elements(feeds: Mapping[str, Array]) -> int:
    return sum(feed.size for feed in feeds.values() if feed.dtype.kind == "f")
