"""A proof finds what differs, agrees on what does not, and writes the same bytes each time."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto, helper
from pydantic import JsonValue

from dagc.diagnostics import Span
from dagc.evaluate.equivalence import Case, Expected, prove
from dagc.evaluate.verdict import Equivalence
from dagc.ir.graph import Graph
from dagc.ir.ops import Guard, RunModel
from dagc.ir.types import DType, Tensor
from dagc.models.store import ModelStore
from tests.evaluate.test_evaluate import FLOAT, ONE, ROW, graph, node, step, steps, value
from tests.evaluate.tiny_models import centred, drawing, model, scaler, score, stump

HERE = Span("graph.py", 3, 1, 3, 4)


def encode(result: object) -> JsonValue:
    if isinstance(result, np.ndarray):
        return encode(result.tolist())
    if isinstance(result, float) and not np.isfinite(result):
        raise ValueError("not a finite number")
    assert isinstance(result, int | float | str | list | dict)
    return result


def one_model(store: ModelStore, model: bytes, feed: str, fetch: str, of: Tensor, to: Tensor) -> Graph:
    run = RunModel(store.add(model), (feed,), (fetch,), ("model",))
    return graph([value("x", of)], [node("model", run, "x", value("y", to))], "y", to)


def rows(count: int, size: int = 3) -> list[Case]:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(count, size)).astype(np.float32)
    return [Case(f"seeded {index}", {"x": row}) for index, row in enumerate(drawn)]


def proof(
    unfused: Graph,
    fused: Graph,
    cases: Sequence[Case],
    store: ModelStore,
    functions: dict[tuple[str, str], Callable[..., object]] | None = None,
) -> Equivalence:
    return prove(unfused, fused, cases, store=store, steps=functions or {}, encode=encode, seed=0)


def test_equal_forms_are_equal_and_the_report_has_the_same_bytes_twice() -> None:
    store = ModelStore()
    g = one_model(store, score(), "x", "score", ROW, ONE)
    first, second = (proof(g, g, rows(20), store).model_dump_json() for _ in range(2))
    assert first == second
    verdict = Equivalence.model_validate_json(first)
    assert verdict.verdict == "equal" and verdict.cases == 20 and not verdict.failures
    assert [(c.path, c.values, c.at_most) for c in verdict.outputs] == [("$", 20, 1e-6)]
    assert [(b.node, b.rows, b.one_by_one) for b in verdict.batches] == [("model", 20, None)]
    assert verdict.diagnostics(HERE) == ()


def test_a_model_that_draws_at_random_is_told_as_the_reason() -> None:
    store = ModelStore()
    g = one_model(store, drawing(), "x", "y", ROW, ROW)
    found, *_ = proof(g, g, rows(5), store).diagnostics(HERE)
    assert found.code == "E0801"
    assert found.notes[0].startswith("operator `RandomNormalLike` giving `drawn` draws at random: no two runs")


def test_a_form_that_computes_something_else_fails_naming_case_and_place() -> None:
    store = ModelStore()
    right = one_model(store, scaler(factor=2.0), "x", "scaled", ROW, ROW)
    wrong = one_model(store, scaler(factor=2.001), "x", "scaled", ROW, ROW)
    verdict = proof(right, wrong, [Case("requests/one.json", {"x": np.float32([0, 1, 0])})], store)
    assert verdict.verdict == "different"
    assert [(f.code, f.case, f.path) for f in verdict.failures] == [("E0801", "requests/one.json", "$[1]")]
    (found,) = verdict.diagnostics(HERE)
    assert found.code == "E0801" and "1 case" in found.message and "`$[1]` is 2.0" in found.notes[0]


def test_a_difference_within_tolerance_is_recorded_as_a_decade() -> None:
    store = ModelStore()
    right = one_model(store, scaler(factor=1.0), "x", "scaled", ROW, ROW)
    near = one_model(store, scaler(factor=1.000004), "x", "scaled", ROW, ROW)
    verdict = proof(right, near, [Case("one", {"x": np.float32([1, 1, 1])})], store)
    assert verdict.verdict == "equal"
    assert [(c.path, c.values, c.at_most) for c in verdict.outputs] == [("$[*]", 3, 1e-5)]


def test_stored_responses_are_compared_with_their_own_tolerance() -> None:
    store = ModelStore()
    g = one_model(store, score(), "x", "score", ROW, ONE)
    row = np.float32([1, 2, 3])
    cases = [
        Case("near", {"x": row}, expected=Expected(6.0004, tolerance=1e-3)),
        Case("far", {"x": row}, expected=Expected(6.0004)),
        Case("integer in JSON", {"x": row}, expected=Expected(6)),
    ]
    verdict = proof(g, g, cases, store)
    assert verdict.stored == 3
    assert [(f.code, f.case) for f in verdict.failures] == [("E0802", "far")]
    assert [t.absolute for t in verdict.tolerances] == [0.0, 1e-5, 1e-3]


def test_answers_of_another_form_are_different_at_their_place() -> None:
    store = ModelStore()
    g = one_model(store, scaler(), "x", "scaled", ROW, ROW)
    wanted: list[JsonValue] = [[2.0, 2.0], [2.0, 2.0, "2"], {"a": 1}]
    cases = [Case(str(i), {"x": np.ones(3, np.float32)}, expected=Expected(e)) for i, e in enumerate(wanted)]
    verdict = proof(g, g, cases, store)
    assert [(f.case, f.path) for f in verdict.failures] == [("0", "$"), ("1", "$[2]"), ("2", "$")]


def test_both_forms_refusing_alike_agree_and_one_refusing_alone_does_not() -> None:
    g = graph([value("x", FLOAT)], [node("f", step("f", "x", FLOAT), "x", value("y", FLOAT))], "y", FLOAT)
    other = graph([value("x", FLOAT)], [node("f", step("h", "x", FLOAT), "x", value("y", FLOAT))], "y", FLOAT)

    def f(x: float) -> float:
        if x < 0:
            raise ValueError("negative")
        return x

    functions = steps(f=f, h=lambda x: x)
    cases = [Case("good", {"x": 1.0}), Case("bad", {"x": -1.0})]
    agreed = proof(g, g, cases, ModelStore(), functions)
    assert agreed.verdict == "equal" and agreed.refused == 1 and agreed.refusals == ("ValueError",)
    alone = proof(g, other, cases, ModelStore(), functions)
    assert [(f.code, f.case) for f in alone.failures] == [("E0801", "bad")]
    assert "unfused one raised ValueError: negative" in alone.failures[0].message


def test_when_every_case_is_refused_nothing_is_proven_and_that_is_said() -> None:
    g = graph([value("x", FLOAT)], [node("f", step("f", "x", FLOAT), "x", value("y", FLOAT))], "y", FLOAT)
    verdict = proof(g, g, [Case("a", {"x": 0.0})], ModelStore(), steps(f=lambda x: 1 / x))
    assert verdict.verdict == "nothing answered"
    (warning,) = verdict.diagnostics(HERE)
    assert warning.code == "W0802" and "ZeroDivisionError: " in warning.notes[1]
    assert "at test_equivalence.py:" in warning.notes[1]


def test_a_step_whose_fallback_answers_every_time_is_told_of() -> None:
    def guarded(error: Exception, answers_at: float) -> list[str]:
        def f(x: float) -> float:
            if x != answers_at:
                raise error
            return x

        op = replace(step("f", "x", FLOAT), guard=Guard(fallback=("graph", "zero")))
        g = graph([value("x", FLOAT)], [node("f", op, "x", value("y", FLOAT))], "y", FLOAT)
        cases = [Case(str(x), {"x": x}) for x in (0.0, 1.0)]
        verdict = proof(g, g, cases, ModelStore(), steps(f=f, zero=lambda: 0.0))
        assert verdict.verdict == "equal" and "stood_in" not in verdict.model_dump()
        return [note for found in verdict.diagnostics(HERE) for note in (found.code, *found.notes)]

    code, note = guarded(TypeError("no such thing"), 7.0)
    assert code == "W0803" and note.startswith("TypeError: no such thing, at test_equivalence.py:")
    assert guarded(TypeError("no such thing"), 1.0) == []
    assert guarded(ConnectionRefusedError("the world is away"), 7.0) == []


def test_a_step_that_is_not_a_function_of_its_arguments_is_found() -> None:
    g = graph([value("x", FLOAT)], [node("f", step("f", "x", FLOAT), "x", value("y", FLOAT))], "y", FLOAT)
    verdict = proof(g, g, [Case("a", {"x": 0.0})], ModelStore(), steps(f=lambda x: x + random.random()))
    assert [d.code for d in verdict.diagnostics(HERE)] == ["E0801"]


def test_a_step_that_changes_its_argument_does_not_spoil_the_other_form() -> None:
    many = Tensor(DType.F32, (3,))
    g = graph([value("x", many)], [node("f", step("f", "x", many), "x", value("y", many))], "y", many)

    def f(x: np.ndarray) -> np.ndarray:
        x += 1
        return x

    assert proof(g, g, [Case("a", {"x": np.zeros(3, np.float32)})], ModelStore(), steps(f=f)).verdict == "equal"


def test_a_model_that_mixes_rows_is_left_out_of_batches_with_its_reason() -> None:
    store = ModelStore()
    g = one_model(store, centred(), "x", "y", ROW, ROW)
    (batch,) = proof(g, g, rows(5), store).batches
    assert batch.rows == 0 and batch.one_by_one is not None and "ReduceMean" in batch.one_by_one


def test_rows_that_mix_are_caught_when_the_list_of_operators_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    # the list is what a mistake would be in; the check must not depend on it
    monkeypatch.setattr("dagc.models.store.mixing", lambda model: None)
    store = ModelStore()
    g = one_model(store, centred(), "x", "y", ROW, ROW)
    verdict = proof(g, g, rows(5), store)
    assert {f.code for f in verdict.failures} == {"E0804"}
    assert [d.code for d in verdict.diagnostics(HERE)] == ["E0804"]


def test_a_case_on_a_split_of_a_tree_is_reported_and_its_neighbours_are_not() -> None:
    store = ModelStore()
    g = one_model(store, stump(0.3), "x", "y", Tensor(DType.F32, (2,)), Tensor(DType.F32, (1,)))
    cases = [Case(name, {"x": np.float32([x, 1])}) for name, x in (("on", 0.3), ("under", 0.29), ("over", 0.31))]
    verdict = proof(g, g, cases, store)
    found = verdict.sensitivity
    assert verdict.verdict == "equal"
    assert [(s.case, s.node, s.feed, s.output) for s in found.straddling] == [("on", "model", "x[0]", "y")]
    assert (found.examined, found.left_out) == (3, 0)
    (warning,) = verdict.diagnostics(HERE)
    assert warning.code == "W0801" and warning.notes == ("straddling: on",)


def test_a_stored_response_that_only_another_rounding_missed_is_said_to_straddle() -> None:
    store = ModelStore()
    g = one_model(store, stump(0.3), "x", "y", Tensor(DType.F32, (2,)), Tensor(DType.F32, (1,)))
    verdict = proof(g, g, [Case("requests/on.json", {"x": np.float32([0.3, 1])}, expected=Expected([1.0]))], store)
    error, warning = verdict.diagnostics(HERE)
    assert (error.code, warning.code) == ("E0802", "W0801")
    assert error.notes[1].startswith("1 of them at a decision boundary")


def test_feeds_too_large_to_nudge_are_counted_as_left_out() -> None:
    store = ModelStore()
    g = one_model(store, score(2000), "x", "score", Tensor(DType.F32, (2000,)), ONE)
    verdict = proof(g, g, rows(2, 2000), store)
    assert (verdict.sensitivity.examined, verdict.sensitivity.left_out) == (0, 2)


def test_a_float64_made_of_float32_feeds_straddles_nothing_by_following_their_steps() -> None:
    widened = [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.DOUBLE)]
    made = model(widened, [("x", TensorProto.FLOAT, ["N", 3])], [("y", TensorProto.DOUBLE, ["N", 3])])
    store = ModelStore()
    verdict = proof(*[one_model(store, made, "x", "y", ROW, Tensor(DType.F64, (3,)))] * 2, rows(3), store)
    assert verdict.diagnostics(HERE) == ()
