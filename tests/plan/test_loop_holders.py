"""Plain steps that take long are told of, with what to do: by the profile, or by what a build has seen of them."""

from pathlib import Path

import pytest

from dagc.diagnostics import Report
from dagc.dsl.load import load
from dagc.ir.graph import Graph
from dagc.plan.loop_holders import MEASURED_MS, SEEN_MS, measured_holders, seen_holders
from dagc.plan.profile import EndpointProfile, Front, Machine, Profile, Spread, StepProfile

GRAPH = """
import dagc


@dagc.step
def plain(number: int) -> int:
    return number


@dagc.step(run="thread")
def aside(number: int) -> int:
    return number


@dagc.step
async def waits(number: int) -> int:
    return number


@dagc.step(batch=True)
def lists(numbers: list[int]) -> list[int]:
    return numbers


@dagc.graph
def demo(number: int) -> int:
    return lists(waits(aside(plain(plain(number)))))
"""
STEPS = ("plain", "aside", "waits", "lists")


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    (tmp_path / "graph.py").write_text(GRAPH)
    (traced,) = load(tmp_path / "graph.py", Report(str(tmp_path)))
    return traced.graph


def profile(ms: float) -> Profile:
    nothing = Spread(p50_ms=0.01, p99_ms=0.01)
    steps = tuple(StepProfile(name=f"graph.{name}", call=Spread(p50_ms=ms, p99_ms=ms)) for name in STEPS)
    endpoint = EndpointProfile(
        name="demo", requests=9, decode=nothing, encode=nothing, measured=nothing, steps={}, sessions={}
    )
    machine = Machine(processor="a CPU", cpus=2, system="linux x86_64", python="3.11", onnxruntime="1.32.0")
    front = Front(turn=nothing, task=nothing, run_ms=0.01)
    return Profile(dagc="0", machine=machine, front=front, sessions=(), steps=steps, endpoints=(endpoint,))


def test_the_profile_names_each_plain_step_that_takes_long_once(graph) -> None:
    found = list(measured_holders([graph, graph], profile(2 * MEASURED_MS)))
    assert [each.message for each in found] == [
        "step `plain` holds the event loop for 20 ms",
        "step `lists` holds the event loop for 20 ms",
    ]
    assert {each.code for each in found} == {"W0504"}
    assert 'run="thread"' in (found[0].help or "")
    assert found[0].span is not None
    assert found[0].span.line == 27


def test_short_steps_are_not_told_of(graph) -> None:
    assert not list(measured_holders([graph], profile(MEASURED_MS)))
    assert not list(measured_holders([graph], None))
    medians = {("graph", name): SEEN_MS / 1000 for name in STEPS}
    assert not list(seen_holders([graph], medians, None))


def test_what_a_build_has_seen_counts_where_nothing_was_measured(graph) -> None:
    medians = {("graph", name): 3 * SEEN_MS / 1000 for name in STEPS}
    assert [each.message for each in seen_holders([graph], medians, None)] == [
        "step `plain` holds the event loop for 150 ms",
        "step `lists` holds the event loop for 150 ms",
    ]
    assert not list(seen_holders([graph], medians, profile(0.1)))
