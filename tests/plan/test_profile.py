"""What a profile changes in a plan, and how its numbers add up to a prediction."""

import json

import pytest

from dagc.diagnostics import CompileError
from dagc.ir.ops import RunModel
from dagc.plan.batching import HEAVY_MS, MAX_BATCH, max_batch
from dagc.plan.prediction import CODEC_MS, FRONT_MS, HOP_MS, RUN_MS, predicted, total_ms
from dagc.plan.profile import (
    EndpointProfile,
    Front,
    Machine,
    Profile,
    SessionProfile,
    SessionUse,
    Spread,
    StepProfile,
    outdated,
    read_profile,
)
from dagc.plan.service_plan import Argument, CallStage, EachStage, RunStage, Session, TogetherStage
from tests.running import ROOT

MACHINE = Machine(processor="a CPU", cpus=2, system="linux x86_64", python="3.11", onnxruntime="1.32.0")


def spread(ms: float) -> Spread:
    return Spread(p50_ms=ms, p99_ms=2 * ms)


def measured_session(run=0.05, fixed=0.04, row=0.01, sha256="a" * 64, name="score") -> SessionProfile:
    alone = spread(fixed + row)
    return SessionProfile(
        name=name, sha256=sha256, run=spread(run), alone=alone, together=spread(fixed + 64 * row), batch=64,
        fixed_ms=fixed, row_ms=row,
    )  # fmt: skip


def profile(
    *sessions: SessionProfile, steps: dict[str, float] | None = None, used: dict | None = None, **calls: float
) -> Profile:
    names = {f"graph.{step}": count for step, count in calls.items()}
    endpoint = EndpointProfile(
        name="fraud", requests=100, decode=spread(0.02), encode=spread(0.01), measured=spread(9.0),
        steps=names, sessions=used or {},
    )  # fmt: skip
    return Profile(
        dagc="0.1.0", machine=MACHINE, front=Front(turn=spread(0.1), task=spread(0.15), run_ms=0.03),
        sessions=sessions, steps=tuple(StepProfile(name=f"graph.{n}", call=spread(ms)) for n, ms in
        (steps or {}).items()), endpoints=(endpoint,),
    )  # fmt: skip


def call(name: str, *, waits: bool = False) -> CallStage:
    return CallStage(targets=("x",), module="graph", qualname=name, arguments=(), waits=waits, lines=())


def run(session: str = "score") -> RunStage:
    return RunStage(targets=("y",), session=session, arguments=(), lines=())


def session(name: str = "score", max_batch: int = 64) -> Session:
    return Session(
        name=name, model="m", sha256="a" * 64, feeds=(), fetches=(), parts=(), lines=(), max_batch=max_batch
    )


def each(*stages: object) -> EachStage:
    return EachStage(
        target="x", function="f", item="i", items=Argument(name="l"), max_items=9, stages=stages, result=(),
        returns_tuple=False, waits=False, line="1", lines=(),
    )  # fmt: skip


def parts(stages, known, estimates=None):
    sessions = {"score": session()}
    found = predicted("fraud", stages, sessions, known, estimates or {})
    return {part.part: part.ms for part in found}, found


def test_the_parts_of_a_request_add_up():
    known = profile(measured_session(), steps={"encode": 0.5}, encode=1.0, used={"score": use(1, 1)})
    found, whole = parts((call("encode"), run()), known)
    assert found == pytest.approx(
        {"front": 0.1, "JSON in": 0.02, "encode": 0.5, "score": 0.05 + 0.03, "JSON out": 0.01}
    )
    assert [part.part for part in whole] == ["front", "JSON in", "encode", "score", "JSON out"]
    assert total_ms(whole) == pytest.approx(0.1 + 0.02 + 0.5 + 0.05 + 0.03 + 0.01)
    assert {part.source for part in whole} == {"measured"}


def use(runs: float, rows: float) -> SessionUse:
    return SessionUse(runs=runs, rows=rows)


def test_steps_that_overlap_cost_what_the_longest_costs():
    known = profile(steps={"look": 3.0, "ask": 5.0}, look=1.0, ask=1.0)
    both = TogetherStage(calls=(call("look", waits=True), call("ask", waits=True)))
    found, whole = parts((both,), known)
    assert found["look | ask"] == 5.0
    assert found["front"] == 0.15, "where steps wait, a request is a task"
    assert total_ms(whole) == pytest.approx(0.15 + 0.02 + 5.0 + 0.01)


def test_the_items_of_a_list_count_as_often_as_they_were_counted():
    known = profile(measured_session(), steps={"crop": 0.2}, crop=3.5, used={"score": use(1, 3.5)})
    found, _ = parts((each(call("crop"), run()),), known)
    assert found["crop"] == pytest.approx(3.5 * 0.2)
    assert found["score"] == pytest.approx(0.05 + 0.03 + 2.5 * 0.01), "one run of 3.5 rows"


def test_a_step_in_two_places_is_shared_out_among_them():
    known = profile(steps={"scale": 0.4}, scale=2.0)
    _, whole = parts((call("scale"), call("scale")), known)
    assert total_ms(whole) == pytest.approx(0.1 + 0.02 + 2 * 0.4 + 0.01)


def test_a_heavy_session_pays_for_the_way_to_a_thread_and_back():
    known = profile(measured_session(run=30.0, fixed=1.0, row=29.0), used={"score": use(1, 1)})
    found, _ = parts((run(),), known)
    assert found["score"] == pytest.approx(30.0 + HOP_MS)


def test_without_a_profile_the_model_is_estimated_and_a_step_is_unknown():
    found, whole = parts((call("encode"), run()), None, {"a" * 64: 0.4})
    assert [part.source for part in whole] == ["estimated", "estimated", "unknown", "estimated", "estimated"]
    assert total_ms(whole) == pytest.approx(FRONT_MS + 2 * CODEC_MS + 0.4 + RUN_MS)
    assert found["score"] == pytest.approx(0.4 + RUN_MS)


def test_a_session_with_another_model_is_estimated_instead():
    known = profile(measured_session(sha256="b" * 64))
    _, whole = parts((run(),), known, {"a" * 64: 0.4})
    assert {part.part: part.source for part in whole}["score"] == "estimated"


def test_a_session_that_is_called_otherwise_since_costs_what_was_measured():
    known = profile(measured_session(name="score_then"), used={"score_then": SessionUse(runs=1.0, rows=1.0)})
    (found,) = [p for p in predicted("fraud", [run()], {"score": session()}, known, {}) if p.part == "score"]
    assert (found.ms, found.source) == (pytest.approx(0.05 + 0.03), "measured")


@pytest.mark.parametrize(
    ("fixed", "row", "size"), [(0.025, 0.003, 64), (1.0, 1.0, 8), (0.0, 5.0, 1), (0.1, 0.1, 16), (10.0, 0.1, 64)]
)
def test_a_batch_is_as_large_as_it_saves_a_tenth_and_ends_soon(fixed, row, size):
    found = max_batch(measured_session(run=fixed + row, fixed=fixed, row=row), deadline_s=1.0)
    assert found == size
    assert found == 1 or fixed + found * row <= (250 if fixed + row > HEAVY_MS else 10)


def test_a_short_deadline_makes_batches_of_heavy_models_small():
    heavy = measured_session(run=12.0, fixed=10.0, row=2.0)
    assert max_batch(heavy, deadline_s=10.0) == 32
    assert max_batch(heavy, deadline_s=0.1) == 4, "10 + 4 * 2 ms is under a quarter of 100 ms, 8 rows are over"


def test_a_plan_takes_its_numbers_from_the_profile(sketch, planned, model_facts):
    graph = sketch().model("score", "x").graph("score")
    (node,) = graph.nodes
    assert isinstance(node.op, RunModel)
    facts = {"a": model_facts()}
    known = profile(measured_session(run=3.0, fixed=1.0, row=2.0, sha256="a" * 64), used={"score": use(1, 1)})
    (made,) = planned([graph], facts, profile=known).services[0].sessions
    assert (made.run_ms, made.max_batch) == (3.0, 8)
    (plain,) = planned([graph], facts).services[0].sessions
    assert (plain.run_ms, plain.max_batch) == (None, MAX_BATCH)


def test_each_session_the_profile_does_not_know_is_told():
    known = profile(measured_session(sha256="b" * 64, name="score"))
    (found,) = outdated(known, [session()])
    assert found.code == "W0503" and "another model" in found.message
    (new,) = outdated(known, [session("rank")])
    assert "was not measured" in new.message
    assert not list(outdated(None, [session()]))


def test_a_profile_is_read_as_it_was_written(tmp_path):
    known = profile(measured_session(), steps={"encode": 0.5}, encode=1.0, used={"score": use(1, 2.5)})
    (tmp_path / "profile.json").write_text(json.dumps(known.document()))
    assert read_profile(tmp_path / "profile.json") == known
    assert read_profile(tmp_path / "none.json") is None


@pytest.mark.parametrize("text", ["", "{}", '{"version": 2}', "[1]"])
def test_what_is_no_profile_is_refused_with_what_to_do(tmp_path, text):
    (tmp_path / "profile.json").write_text(text)
    with pytest.raises(CompileError) as raised:
        read_profile(tmp_path / "profile.json")
    (found,) = raised.value.report.diagnostics
    assert found.code == "E0512" and found.help and "dagc profile" in found.help


def test_compiler_and_runtime_agree_on_what_is_heavy():
    text = (ROOT / "dagc" / "runtime" / "session.py").read_text()
    assert f"HEAVY_MS = {HEAVY_MS}\n" in text
