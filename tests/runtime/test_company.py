"""Runs whose first request waits for others, as `dagc.batch(max_size, max_wait_ms=N)` asks."""

import asyncio
import json
import time

import pytest

from tests.runtime.pick import GRAPH, PORTS, ROUTE

MAIN = """
service = Service(__file__)
twice = service.session("twice")


@service.endpoint(graph.pick)
async def pick(row):
    return await twice(row)
"""
LONG_MS = 60_000.0
"""Half of what is left of a request's 30 s counts, where that is less."""
SOON_S = 10.0


@pytest.fixture(params=[False, True], ids=["turn", "waiting"])
def made(kit, folder, request):
    """A service of which one model waits for company, and what its metrics are told."""

    def make(max_wait_ms: float, max_batch: int = 4, one_by_one: str | None = None):
        doubling = kit.model([("Add", "x x", "y")], *PORTS)
        settings = kit.session("twice", *PORTS, max_batch, one_by_one) | {"max_wait_ms": max_wait_ms}
        end = kit.endpoint("pick", parameters=["row"], body=None, waits=request.param)
        served = folder.write(GRAPH, MAIN, [end], [(settings, doubling)]).serve()
        served.main.service.observer = seen = kit.Counted()
        return served, seen

    return make


def row(number: int) -> dict[str, list[float]]:
    return {"row": [float(number)] * 4}


async def apart(served, count: int, **options) -> list:
    """Answers to requests that come in loop turns of their own."""
    asked = []
    for number in range(count):
        asked.append(served.call(ROUTE, row(number), **options))
        await asyncio.sleep(0.01)
    return await asyncio.gather(*asked)


def test_requests_that_come_one_after_the_other_share_a_run_as_soon_as_it_is_full(made):
    served, seen = made(LONG_MS, max_batch=4)
    begun = time.monotonic()
    answers = asyncio.run(apart(served, 4))
    assert [json.loads(answer.body) for answer in answers] == [[2.0 * n] * 4 for n in range(4)]
    assert seen.batches == [("twice", 4)]
    assert time.monotonic() - begun < SOON_S  # a full run waits for nobody
    assert "twice" in seen.waits


def test_a_lone_request_goes_when_its_patience_ends(made):
    served, seen = made(50.0)
    begun = time.monotonic()
    assert served.ask(ROUTE, row(1)) == [(200, [2.0] * 4)]
    assert 0.045 < time.monotonic() - begun < SOON_S
    assert seen.batches == [("twice", 1)]


def test_more_than_a_run_holds_leave_in_full_runs_and_the_rest_waits(made):
    served, seen = made(60.0, max_batch=4)
    assert [status for status, _ in served.ask(ROUTE, *map(row, range(10)))] == [200] * 10
    assert [size for _, size in seen.batches] == [4, 4, 2]


def test_nobody_waits_past_its_deadline_and_whoever_has_little_time_takes_the_others_along(made):
    served, seen = made(LONG_MS, max_batch=64)

    async def ask() -> list:
        patient = served.call(ROUTE, row(1))
        hurried = served.call(ROUTE, row(2), timeout_s=3.0)
        return await asyncio.gather(patient, hurried)

    begun = time.monotonic()
    assert [answer.status for answer in asyncio.run(ask())] == [200, 200]
    assert time.monotonic() - begun < SOON_S
    assert seen.batches == [("twice", 2)]


def test_one_that_leaves_while_it_waits_is_not_run_and_does_not_hold_up_those_behind_it(made):
    served, seen = made(800.0, max_batch=64)

    async def ask() -> object:
        gone = served.call(ROUTE, row(1))
        await asyncio.sleep(0.02)
        gone.ticket.cancel()
        return await served.call(ROUTE, row(2))

    assert asyncio.run(ask()).status == 200
    assert seen.batches == [("twice", 1)]
    assert seen.flying == 0


def test_where_requests_may_not_share_a_run_nobody_waits(made):
    served, seen = made(LONG_MS, one_by_one="a reason")
    begun = time.monotonic()
    assert served.ask(ROUTE, row(1)) == [(200, [2.0] * 4)]
    assert time.monotonic() - begun < SOON_S
    assert seen.batches == [("twice", 1)]


def test_a_full_queue_is_worked_off_at_once(kit, folder):
    doubling = kit.model([("Add", "x x", "y")], *PORTS)
    settings = kit.session("twice", *PORTS) | {"max_wait_ms": 900.0}
    end = kit.endpoint("pick", parameters=["row"], body=None, max_queue=3)
    served = folder.write(GRAPH, MAIN, [end], [(settings, doubling)]).serve()
    assert [status for status, _ in served.ask(ROUTE, *map(row, range(7)))] == [200] * 7
