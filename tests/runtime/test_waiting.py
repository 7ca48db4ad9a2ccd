"""The task driver: steps that wait, side by side, within the deadline, cancelled when nobody wants them."""

import asyncio
import json
import time

import pytest

from dagc.runtime.waiting import together

GRAPH = """
import asyncio
import contextvars

from pydantic import BaseModel

import dagc

SEEN = []
MEET = asyncio.Event()
NAME = contextvars.ContextVar("name", default="nobody")


class Ask(BaseModel):
    index: int
    act: str = ""
    wait_s: float = 0.001


class Reply(BaseModel):
    index: int
    score: float


@dagc.step
async def left(ask: Ask) -> int:
    try:
        await (MEET.wait() if ask.act == "meet" else asyncio.sleep(ask.wait_s))
    except asyncio.CancelledError:
        SEEN.append(("cancelled", ask.index))
        if ask.act == "swallow":
            await asyncio.sleep(30)
        raise
    if ask.act == "timeout":
        raise TimeoutError
    if ask.act == "cancel":
        raise asyncio.CancelledError
    return ask.index


@dagc.step
async def right(ask: Ask) -> float:
    assert NAME.get() == "nobody"
    NAME.set(str(ask.index))
    if ask.act == "refuse":
        raise dagc.Refuse("no", field="act")
    await asyncio.sleep(0)
    assert NAME.get() == str(ask.index)
    return 2.0


@dagc.step
def reply(ask: Ask, score: float) -> Reply:
    SEEN.append(("answered", ask.index))
    return Reply(index=ask.index, score=float(score))


@dagc.graph
def pick(ask: Ask) -> Reply:
    raise NotImplementedError
"""
MAIN = """
service = Service(__file__)
picking = service.session("picking")


@service.endpoint(graph.pick)
async def pick(ask: graph.Ask) -> graph.Reply:
    index, scale = await together(graph.left(ask), graph.right(ask))
    score = await picking(index, scale)
    return graph.reply(ask, score)
"""
ROUTE = "/v1/pick"


@pytest.fixture
def served(kit, folder, picker):
    feeds = {"index": ("i64", ()), "scale": ("f32", ())}
    end = kit.endpoint("pick", parameters=["ask"], body="ask", waits=True)
    settings = kit.session("picking", feeds, {"score": ("f32", ())})
    return folder.write(GRAPH, MAIN, [end], [(settings, picker)]).serve()


def seen(served):
    return served.main.graph.SEEN


def test_waiting_requests_meet_in_a_batch(served, kit):
    served.main.service.observer = counted = kit.Counted()

    async def ask():
        calls = [served.call(ROUTE, {"index": i, "act": "meet"}) for i in range(40)]
        await asyncio.sleep(0.01)
        served.main.graph.MEET.set()
        return [json.loads(answer.body) for answer in await asyncio.gather(*calls)]

    assert asyncio.run(ask()) == [{"index": i, "score": 2.0 * i} for i in range(40)]
    assert counted.batches == [("picking", 40)]
    assert counted.flying == 0


def test_the_answer_leaves_at_the_deadline_even_when_a_step_swallows_its_cancellation(served):
    async def ask():
        started = time.monotonic()
        answer = await served.call(ROUTE, {"index": 1, "wait_s": 5, "act": "swallow"}, timeout_s=0.5)
        return answer.status, time.monotonic() - started

    status, seconds = asyncio.run(ask())
    assert status == 504
    assert seconds < 10
    assert seen(served) == [("cancelled", 1)]


def test_each_request_ends_at_its_own_deadline(served):
    async def ask():
        order = []
        times = [(30, 30.0), (30, 1.1), (1.6, 30.0), (30, 0.3), (30, 0.7)]
        calls = [
            served.call(ROUTE, {"index": at, "wait_s": wait_s}, timeout_s=timeout_s)
            for at, (wait_s, timeout_s) in enumerate(times)
        ]
        for at, call in enumerate(calls):
            call.add_done_callback(lambda done, at=at: order.append((at, done.result().status)))
        await asyncio.wait(calls[1:])
        calls[0].ticket.cancel()
        return order

    assert asyncio.run(ask()) == [(3, 504), (4, 504), (1, 504), (2, 200)]


def test_a_client_that_leaves_cancels_its_steps(served):
    async def ask():
        call = served.call(ROUTE, {"index": 1, "wait_s": 5})
        never_began = served.call(ROUTE, {"index": 2, "wait_s": 5})
        never_began.ticket.cancel()
        await asyncio.sleep(0.02)
        call.ticket.cancel()
        async with asyncio.timeout(30):
            while len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0.01)
        return call.done()

    assert asyncio.run(ask()) is False
    assert seen(served) == [("cancelled", 1)]
    assert served.main.service.endpoints[ROUTE].in_flight == 0


def test_the_first_failure_cancels_the_sibling_and_is_the_answer(served):
    ((status, body),) = served.ask(ROUTE, {"index": 3, "act": "refuse", "wait_s": 5})
    assert (status, body["error"]) == (422, {"code": "refused", "message": "no", "field": "act"})
    assert seen(served) == [("cancelled", 3)]


@pytest.mark.parametrize("act", ["timeout", "cancel"])
def test_a_step_s_own_timeout_or_cancellation_is_a_failure_not_a_deadline(served, act):
    answers = served.ask(ROUTE, {"index": 3, "act": act}, {"index": 4})
    assert answers[0][0] == 500
    assert answers[1] == (200, {"index": 4, "score": 8.0})


def test_a_cancelled_request_does_not_hang_the_rest_of_its_batch(served):
    service = served.main.service

    async def ask():
        calls = [served.call(ROUTE, {"index": i, "wait_s": 0.01}) for i in range(20)]
        batcher = service._batcher
        add = batcher.add

        def leave(run, rider):
            add(run, rider)
            asyncio.get_running_loop().call_soon(calls[7].ticket.cancel)

        batcher.add = leave
        others = [call for at, call in enumerate(calls) if at != 7]
        answers = await asyncio.wait_for(asyncio.gather(*others), 30)
        return [json.loads(answer.body)["index"] for answer in answers]

    assert asyncio.run(ask()) == [i for i in range(20) if i != 7]


async def value(result):
    await asyncio.sleep(0)
    return result


async def fails(error):
    await asyncio.sleep(0)
    raise error


def test_together_keeps_the_order_and_raises_the_original_exception():
    async def run():
        assert await together(value(1), value("a"), value(None)) == (1, "a", None)
        assert await together() == ()
        with pytest.raises(KeyError):
            await together(value(1), fails(KeyError("x")), asyncio.sleep(60))

    asyncio.run(run())


def test_a_step_that_ends_the_process_beside_another_fails_its_request_only() -> None:
    async def ends() -> None:
        raise SystemExit(3)

    async def both() -> None:
        with pytest.raises(RuntimeError, match="ended the process"):
            await together(ends(), asyncio.sleep(60))

    asyncio.run(both())


def test_together_under_the_turn_driver_runs_one_after_the_other(kit, folder, picker):
    main = MAIN.replace("graph.left(ask), graph.right(ask)", "graph.quick(ask), picking(ask.index, 3.0)").replace(
        "score = await picking(index, scale)", "score = await picking(index, scale)"
    )
    graph = GRAPH + "\n\nasync def quick(ask: Ask) -> int:\n    return ask.index\n"
    feeds = {"index": ("i64", ()), "scale": ("f32", ())}
    end = kit.endpoint("pick", parameters=["ask"], body="ask")
    served = folder.write(
        graph, main, [end], [(kit.session("picking", feeds, {"score": ("f32", ())}), picker)]
    ).serve()
    answers = served.ask(ROUTE, *[{"index": i} for i in range(5)])
    assert answers == [(200, {"index": i, "score": 3.0 * i * i}) for i in range(5)]


def test_a_step_that_waits_in_an_endpoint_that_says_it_does_not_fails_alone(kit, folder, picker, caplog):
    feeds = {"index": ("i64", ()), "scale": ("f32", ())}
    end = kit.endpoint("pick", parameters=["ask"], body="ask", waits=False)
    main = MAIN.replace("graph.left(ask), graph.right(ask)", "graph.left(ask), graph.left(ask)")
    settings = kit.session("picking", feeds, {"score": ("f32", ())})
    served = folder.write(GRAPH, main, [end], [(settings, picker)]).serve()
    assert [status for status, _ in served.ask(ROUTE, {"index": 1}, {"bad": 1})] == [500, 422]
    assert "service.json says that none does" in caplog.text
