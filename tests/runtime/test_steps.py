"""Steps beside the loop and steps of lists: in threads, in processes, for several requests at once."""

import asyncio
import os
import shutil
import time
from pathlib import Path

import pytest

import dagc.runtime

SHIM = Path(dagc.runtime.__file__).parent / "shim" / "__init__.py"
GRAPH = """
import asyncio
import contextvars
import datetime
import os
import pathlib
import threading
import time
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import f32

NAME = contextvars.ContextVar("name", default="nobody")
CALLS = []
FREE = threading.Event()


class Ask(BaseModel):
    index: int
    act: str = ""


class Seen(BaseModel):
    index: int
    at: datetime.datetime
    kind: Literal["small", "large"]
    rows: list[Annotated[NDArray[np.float32], f32("n", 2)]]
    raw: bytes
    pid: int
    more: dict[str, int | None] = Field(default={}, alias="extra")


class Found(NamedTuple):
    seen: Seen
    score: float


@dagc.step(run="thread")
def slow(ask: Ask) -> int:
    CALLS.append((ask.index, threading.current_thread().name))
    if ask.act == "name":
        assert NAME.get() == str(ask.index)
    if ask.act == "hang":
        assert FREE.wait(60)
    if ask.act == "refuse":
        raise dagc.Refuse("not that", field="act", status=409)
    if ask.act == "fail":
        raise ValueError("secret")
    if ask.act == "stop":
        raise StopIteration
    if ask.act == "exit":
        raise SystemExit(3)
    return ask.index + 1


@dagc.step
def named(ask: Ask) -> Ask:
    NAME.set(str(ask.index))
    return ask


@dagc.step(run="process")
def away(ask: Ask, row: Annotated[NDArray[np.float32], f32(3)]) -> Found:
    if ask.act == "die":
        os._exit(1)
    if ask.act == "hang":
        time.sleep(600)
    if ask.act == "refuse":
        raise dagc.Refuse("not that", field="act", status=409)
    if ask.act == "fail":
        raise ValueError("secret")
    if ask.act == "exit":
        raise SystemExit(3)
    at = datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC)
    rows = [row[:2].reshape(1, 2), np.full((2, 2), np.nan, np.float32)]
    seen = Seen(
        index=ask.index, at=at, kind="small", rows=rows, raw=bytes(range(256)), pid=os.getpid(), extra={"a": None}
    )
    return Found(seen, float("inf") if ask.act == "inf" else 0.5)


@dagc.step(run="process", retries=1)
def frail(ask: Ask) -> int:
    died = pathlib.Path(__file__).with_name(f"died{ask.index}")
    if ask.act == "die" and not died.exists():
        died.touch()
        os._exit(1)
    return ask.index


@dagc.step(batch=True)
def lists(asks: list[Ask], shift: list[int]) -> list[int]:
    CALLS.append(len(asks))
    if any(ask.act == "fail" for ask in asks):
        raise ValueError("secret")
    if any(ask.act == "refuse" for ask in asks):
        raise dagc.Refuse("not that", field="act")
    if any(ask.act == "exit" for ask in asks):
        raise SystemExit(3)
    if any(ask.act == "short" for ask in asks):
        return [1]
    return [ask.index + by for ask, by in zip(asks, shift, strict=True)]


@dagc.step(batch=True, run="thread")
def lists_aside(asks: list[Ask], shift: list[int]) -> list[int]:
    if any(ask.act == "hang" for ask in asks):
        assert FREE.wait(60)
    return lists.__dagc_lists__(asks, shift)


@dagc.step(batch=True, run="process")
def lists_away(asks: list[Ask], shift: list[int]) -> list[tuple[int, int, int]]:
    return [(ask.index + by, len(asks), os.getpid()) for ask, by in zip(asks, shift, strict=True)]


@dagc.step(batch=True)
async def lists_awaited(asks: list[Ask], shift: list[int]) -> list[int]:
    await asyncio.sleep(0)
    return lists.__dagc_lists__(asks, shift)


@dagc.graph
def in_thread(ask: Ask) -> int: ...
@dagc.graph
def in_process(ask: Ask) -> dict[str, object]: ...
@dagc.graph
def retried(ask: Ask) -> int: ...
@dagc.graph
def guarded(ask: Ask) -> int: ...
@dagc.graph
def in_lists(ask: Ask) -> int: ...
@dagc.graph
def in_lists_aside(ask: Ask) -> int: ...
@dagc.graph
def in_lists_away(ask: Ask) -> tuple[int, int, int]: ...
@dagc.graph
def in_lists_awaited(ask: Ask) -> int: ...
def stand_in() -> int:
    return -1
@dagc.step(run="thread")
def timed(ask: Ask) -> int:
    return slow(ask)
"""
MAIN = """
import numpy as np

service = Service(__file__)
slow_step = service.step(graph.slow)
timed_step = service.step(graph.timed, fallback=graph.stand_in)
away_step = service.step(graph.away)
frail_step = service.step(graph.frail)
lists_step = service.step(graph.lists)
lists_aside_step = service.step(graph.lists_aside)
lists_away_step = service.step(graph.lists_away)
lists_awaited_step = service.step(graph.lists_awaited)


@service.endpoint(graph.in_thread)
async def in_thread(ask):
    return await slow_step(graph.named(ask))

@service.endpoint(graph.guarded)
async def guarded(ask):
    return await timed_step(ask)

@service.endpoint(graph.in_process)
async def in_process(ask):
    seen, score = await away_step(ask, row=np.arange(3, dtype=np.float32))
    assert type(seen) is graph.Seen and seen.raw == bytes(range(256)) and seen.at.year == 2026
    assert seen.rows[0].tolist() == [[0.0, 1.0]] and np.isnan(seen.rows[1]).all() and seen.more == {"a": None}
    return {"index": seen.index, "pid": seen.pid, "infinite": score == float("inf")}

@service.endpoint(graph.retried)
async def retried(ask):
    return await frail_step(ask)

@service.endpoint(graph.in_lists)
async def in_lists(ask):
    return await lists_step(ask, shift=100)

@service.endpoint(graph.in_lists_aside)
async def in_lists_aside(ask):
    return await lists_aside_step(ask, 100)

@service.endpoint(graph.in_lists_away)
async def in_lists_away(ask):
    return await lists_away_step(ask, 100)

@service.endpoint(graph.in_lists_awaited)
async def in_lists_awaited(ask):
    return await lists_awaited_step(ask, 100)
"""


@pytest.fixture
def served(kit, folder):
    plain = {"timeout_s": None, "retries": 0}
    guards = [
        {"step": "graph.slow", "run": "thread", **plain},
        {"step": "graph.timed", "run": "thread", "timeout_s": 1.0, "retries": 0},
        {"step": "graph.away", "run": "process", **plain},
        {"step": "graph.frail", "run": "process", "timeout_s": None, "retries": 1},
        {"step": "graph.lists", "max_batch": 64, **plain},
        {"step": "graph.lists_aside", "run": "thread", "max_batch": 64, **plain},
        {"step": "graph.lists_away", "run": "process", "max_batch": 64, **plain},
        {"step": "graph.lists_awaited", "max_batch": 64, **plain},
    ]
    lists = ["in_lists_aside", "in_lists_away", "in_lists_awaited"]
    names = ["in_thread", "in_process", "guarded", "retried", *lists]
    ends = [kit.endpoint(name, parameters=["ask"], body="ask", waits=True, deadline_s=5.0) for name in names]
    ends.append(kit.endpoint("in_lists", parameters=["ask"], body="ask", deadline_s=5.0))
    nodes = [{"name": "timed", "kind": "fallback"}]
    ends[2]["nodes"] = nodes
    written = folder.write(GRAPH, MAIN, ends, [], guards=guards)
    shutil.copy(SHIM, folder.path / "dagc" / "__init__.py")
    served = written.serve()
    served.main.service.observer = served.counted = kit.Counted()
    yield served
    served.main.graph.FREE.set()
    served.main.service._places.close()


@pytest.fixture
def apart(served):
    """The service with its processes."""
    served.main.service.share_cpus(1)
    return served


def _asks(count, **more):
    return [{"index": index, **more} for index in range(count)]


def test_a_step_in_a_thread_answers_with_its_requests_context(served):
    assert served.ask("/v1/in_thread", *_asks(20, act="name")) == [(200, index + 1) for index in range(20)]
    assert all(thread.startswith("dagc-step-thread") for _, thread in served.main.graph.CALLS)


def test_what_a_step_in_a_thread_raises_answers_its_request_only(served):
    acts = ["", "refuse", "fail", "stop", "exit", ""]
    answers = served.ask("/v1/in_thread", *[{"index": at, "act": act} for at, act in enumerate(acts)])
    assert [status for status, _ in answers] == [200, 409, 500, 500, 500, 200]
    assert answers[1][1]["error"] == {"code": "refused", "message": "not that", "field": "act"}
    assert "secret" not in str(answers)


def test_the_answer_leaves_at_its_deadline_and_the_thread_keeps_its_place(served, monkeypatch):
    monkeypatch.setenv("DAGC_STEP_THREADS", "2")
    served.main.service.share_cpus(1)
    asked = []

    async def ask():
        hung = [served.call("/v1/in_thread", {"index": 1, "act": "hang"}, timeout_s=1.0) for _ in range(2)]
        waiting = served.call("/v1/in_thread", {"index": 2}, timeout_s=1.0)
        asked.extend(answer.status for answer in await asyncio.gather(*hung, waiting))
        refused = await served.call("/v1/in_thread", {"index": 3})  # every thread is lost
        asked.append(refused.status)
        assert served.main.service.is_stuck
        served.main.graph.FREE.set()
        while served.main.service.is_stuck:
            await asyncio.sleep(0.01)
        asked.append((await served.call("/v1/in_thread", {"index": 4})).status)

    asyncio.run(ask())
    assert asked == [504, 504, 504, 503, 200]
    assert served.counted.sheds == ["steps_full"]
    assert [index for index, _ in served.main.graph.CALLS] == [1, 1, 4]


def test_a_full_line_refuses(served, monkeypatch):
    monkeypatch.setenv("DAGC_STEP_THREADS", "1")
    served.main.service.share_cpus(1)

    async def ask():
        calls = [served.call("/v1/in_thread", {"index": 0, "act": "hang"})]
        calls += [served.call("/v1/in_thread", {"index": at}) for at in range(1, 20)]
        await asyncio.sleep(0.2)
        served.main.graph.FREE.set()
        return [answer.status for answer in await asyncio.gather(*calls)]

    statuses = asyncio.run(ask())
    assert statuses == [200] * 17 + [503] * 3


def test_a_step_in_a_thread_may_be_timed_and_stood_in_for(served, caplog):
    async def ask():
        answer = await served.call("/v1/guarded", {"index": 1, "act": "hang"})
        served.main.graph.FREE.set()
        return answer

    answer = asyncio.run(ask())
    assert (answer.status, answer.body) == (200, b"-1")
    assert answer.headers == ((b"x-dagc-degraded", b"timed"),)
    (told,) = (record for record in caplog.records if "backup" in record.message)
    assert "`timed` failed" in told.message and told.exc_info[0].__name__ == "Late"
    assert served.ask("/v1/guarded", {"index": 1}) == [(200, 2)]


def test_a_step_in_a_process_gets_and_gives_typed_values(apart):
    (status, found), (_, other) = apart.ask("/v1/in_process", {"index": 7}, {"index": 8, "act": "inf"})
    assert status == 200
    assert found["index"] == 7
    assert found["pid"] != os.getpid()
    assert other["infinite"]


def test_what_a_step_in_a_process_raises_answers_its_request_only(apart):
    acts = ["refuse", "fail", "exit", ""]
    answers = apart.ask("/v1/in_process", *[{"index": at, "act": act} for at, act in enumerate(acts)])
    assert [status for status, _ in answers] == [409, 500, 500, 200]
    assert answers[0][1]["error"] == {"code": "refused", "message": "not that", "field": "act"}


def test_a_process_that_dies_fails_its_request_only_and_is_replaced(apart):
    ((status, before),) = apart.ask("/v1/in_process", {"index": 1})
    assert status == 200
    assert [status for status, _ in apart.ask("/v1/in_process", {"index": 2, "act": "die"})] == [500]
    ((status, after),) = apart.ask("/v1/in_process", {"index": 3})
    assert (status, after["pid"] == before["pid"]) == (200, False)


def test_while_no_process_lives_the_service_is_not_ready_and_requests_wait_for_one(apart):
    service, processes = apart.main.service, apart.main.service._places._processes
    assert service.lacks is None
    (child, other) = processes._free
    for each in (child, other):
        each._child.kill()
    _until(lambda: child.has_ended and other.has_ended)
    assert "being replaced" in service.lacks
    ((status, found),) = apart.ask("/v1/in_process", {"index": 1})
    assert status == 200
    assert found["pid"] not in (child._child.pid, other._child.pid)
    assert service.lacks is None


def test_a_process_that_was_dead_before_it_was_asked_costs_nobody_anything(apart):
    processes = apart.main.service._places._processes
    with processes._changed:  # taken and put back, so that nobody has seen its end
        dead = processes._free.pop()
    dead._child.kill()
    _until(lambda: dead.has_ended)
    with processes._changed:
        processes._free.append(dead)
    ((status, found),) = apart.ask("/v1/in_process", {"index": 1})
    assert (status, found["pid"] == dead._child.pid) == (200, False)


def test_a_step_that_may_be_retried_outlives_its_process(apart):
    assert apart.ask("/v1/retried", {"index": 1, "act": "die"}) == [(200, 1)]
    assert ("dagc_retries_total", "graph.frail", "answered") in apart.counted.events


def test_a_process_that_hangs_is_killed(apart):
    processes = apart.main.service._places._processes
    hung = processes._free[-1]

    async def ask():
        late = await apart.call("/v1/in_process", {"index": 1, "act": "hang"}, timeout_s=2.0)
        before = time.monotonic()
        while not hung.has_ended and time.monotonic() < before + 60:
            await asyncio.sleep(0.05)
        return late.status, await apart.call("/v1/in_process", {"index": 2})

    late, answer = asyncio.run(ask())
    assert (late, answer.status, hung.has_ended) == (504, 200, True)


def _until(is_so):
    ends = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.mark.parametrize("route", ["/v1/in_lists", "/v1/in_lists_aside", "/v1/in_lists_awaited"])
def test_requests_that_arrive_together_share_a_call_of_a_step_of_lists(served, route):
    answers = served.ask(route, *_asks(40)) + served.ask(route, *_asks(40))
    assert answers == [(200, index + 100) for index in range(40)] * 2
    assert sum(served.main.graph.CALLS) == 80
    assert len(served.main.graph.CALLS) < 20


@pytest.mark.parametrize("route", ["/v1/in_lists", "/v1/in_lists_aside", "/v1/in_lists_awaited"])
@pytest.mark.parametrize(("act", "status"), [("fail", 500), ("refuse", 422), ("exit", 500)])
def test_a_poisoned_item_of_a_step_of_lists_fails_alone(served, route, act, status):
    bodies = _asks(16)
    bodies[5]["act"] = act
    wanted = [(200, index + 100) for index in range(16)]
    answers = served.ask(route, *bodies)
    assert answers[5][0] == status
    assert answers[:5] + answers[6:] == wanted[:5] + wanted[6:]


def test_too_few_results_fail_their_batch_only(served):
    bodies = _asks(4)
    bodies[2]["act"] = "short"
    assert [status for status, _ in served.ask("/v1/in_lists", *bodies)] == [500] * 4
    assert served.main.graph.CALLS == [4]
    assert [status for status, _ in served.ask("/v1/in_lists", *_asks(4))] == [200] * 4


def test_a_step_of_lists_in_a_process_shares_calls_too(apart):
    answers = apart.ask("/v1/in_lists_away", *_asks(30))
    assert [value[0] for _, value in answers] == [index + 100 for index in range(30)]
    assert max(value[1] for _, value in answers) > 1


def test_plain_calls_of_a_step_of_lists_take_single_values(served):
    graph = served.main.graph
    assert graph.lists(graph.Ask(index=1), 2) == 3
    assert asyncio.run(graph.lists_awaited(graph.Ask(index=1), shift=2)) == 3
