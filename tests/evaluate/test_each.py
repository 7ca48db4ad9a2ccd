"""Regions in the oracle and in the proof: per item, in order, replayed per item, and every row of them watched."""

import asyncio

import numpy as np
import pytest

from dagc.evaluate.equivalence import Case, prove
from dagc.evaluate.evaluate import TooManyItems, evaluate
from dagc.ir.graph import Node
from dagc.ir.ops import RunModel
from dagc.ir.types import DType, ListOf, Tensor
from dagc.passes.pipeline import run
from tests.evaluate.tiny_models import centred, stump
from tests.sample_graphs import FLOAT, ROW, Sketch, for_items, items_in_items, scaler, score

ROWS = [np.full(4, n, np.float32) for n in range(5)]


def test_the_body_runs_once_for_each_item_in_order() -> None:
    s = Sketch("rows")
    rows, factor = s.input("rows", ListOf(ROW)), s.input("factor", FLOAT)
    graph = s.graph(s.each(rows, "row", lambda b, row: b.op("mul", row, factor, out="scaled"), "all", [factor]))
    found = evaluate(graph, {"rows": ROWS, "factor": 3.0}, store=s.store, steps=s.steps)
    assert isinstance(found, list)
    np.testing.assert_array_equal(np.stack(found), np.stack(ROWS) * 3)
    assert evaluate(graph, {"rows": [], "factor": 3.0}, store=s.store, steps=s.steps) == []
    assert len(evaluate(graph, {"rows": tuple(ROWS), "factor": 3.0}, store=s.store, steps=s.steps)) == 5  # type: ignore[arg-type]


def test_the_bound_is_kept() -> None:
    s = Sketch("rows")
    rows = s.input("rows", ListOf(ROW))
    graph = s.graph(s.each(rows, "row", lambda b, row: row, "same", max_items=4))
    assert len(evaluate(graph, {"rows": ROWS[:4]}, store=s.store, steps=s.steps)) == 4  # type: ignore[arg-type]
    with pytest.raises(TooManyItems):
        evaluate(graph, {"rows": ROWS}, store=s.store, steps=s.steps)


def test_steps_that_wait_are_replayed_item_by_item() -> None:
    sample = items_in_items()
    asked: list[float] = []

    async def profile(row: np.ndarray) -> np.ndarray:
        asked.append(float(row[0]))
        await asyncio.sleep(0)
        return row * np.float32(len(asked))  # another answer each time

    steps = {**sample.steps, ("graph", "profile"): profile}
    arguments = {"pages": [ROWS[:2], [], ROWS[2:]], "row": ROWS[1]}
    known: dict = {}
    world = {"store": sample.store, "steps": steps, "known": known}
    first = evaluate(sample.graph, arguments, **world)
    assert sorted(known) == [
        f"all_decisions[{page}].decisions[{line}].fetched"
        for page, line in [(0, 0), (0, 1), (2, 0), (2, 1), (2, 2)]
    ]
    assert evaluate(run(sample.graph, sample.store).graph, arguments, **world) == first
    assert asked == [0, 1, 2, 3, 4]


def test_a_watch_is_told_of_every_node_for_every_item() -> None:
    sample = for_items()
    met: list[str] = []

    def watch(node: Node, inputs: tuple[object, ...], outputs: tuple[object, ...]) -> None:
        if isinstance(node.op, RunModel):
            met.append(node.name)

    arguments = {"rows": ROWS[:2], "amount": 1.0, "last": ROWS[0]}
    evaluate(sample.graph, arguments, store=sample.store, steps=sample.steps, watch=watch)
    assert met == ["scaled", "again", "value"] * 2 + ["other"]


def proof(s: Sketch, output: str, rows: list[np.ndarray]) -> object:
    graph = s.graph(output)  # type: ignore[arg-type]
    cases = [Case(f"case {n}", {"rows": rows}) for n in range(2)]
    return prove(
        graph,
        run(graph, s.store).graph,
        cases,
        store=s.store,
        steps=s.steps,
        encode=lambda result: np.asarray(result).tolist(),
    )


def test_the_rows_of_all_items_of_all_cases_are_compared_in_batches() -> None:
    s = Sketch("proven")
    rows = s.input("rows", ListOf(ROW))

    def body(b: Sketch, row):
        (scaled,) = b.model("scaler", scaler(), {"x": row}, "y:scaled")
        return b.model("score", score(), {"x": scaled}, "score:value")[0]

    found = proof(s, s.each(rows, "row", body, "scores"), ROWS)
    assert found.verdict == "equal"
    assert [(batch.node, batch.rows, batch.one_by_one) for batch in found.batches] == [("scaler_score", 10, None)]


def test_rows_that_depend_on_each_other_are_run_one_by_one_in_a_region_too() -> None:
    s = Sketch("mixing")
    rows = s.input("rows", ListOf(Tensor(DType.F32, (3,))))
    each = s.each(rows, "row", lambda b, row: b.model("centred", centred(), {"x": row}, "y:centred")[0], "all")
    found = proof(s, each, [row[:3] for row in ROWS])
    (batch,) = found.batches
    assert batch.rows == 0 and batch.one_by_one is not None


def test_an_item_next_to_a_decision_boundary_is_found() -> None:
    s = Sketch("straddling")
    rows = s.input("rows", ListOf(Tensor(DType.F32, (2,))))
    each = s.each(rows, "row", lambda b, row: b.model("stump", stump(0.5), {"x": row}, "y:label")[0], "all")
    found = proof(s, each, [np.float32([0.1, 0]), np.float32([0.5, 0])])
    assert {straddle.feed for straddle in found.sensitivity.straddling} == {"x[0]"}
