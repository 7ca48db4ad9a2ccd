"""The turn driver and the batcher, through real models: who shares a run, who fails, who gets whose answer."""

import asyncio
import json
import random
import time

import pytest

from dagc.runtime.turn import TURN_S

GRAPH = """
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

import dagc
from dagc import f32

Score = Annotated[NDArray[np.float32], f32()]


class Order(BaseModel):
    index: int
    scale: float
    canary: str
    act: str = ""


class Reply(BaseModel):
    canary: str
    score: float


LOOKED = []


@dagc.step
def look(order: Order) -> int:
    LOOKED.append(order.canary)
    if order.act == "refuse":
        raise dagc.Refuse("not today", field="act", status=409)
    if order.act == "raise":
        raise ValueError(order.canary)
    if order.act == "exit":
        raise SystemExit(3)
    if order.act == "validate":
        Reply.model_validate({"canary": 5})
    return order.index


@dagc.step
def reply(order: Order, score: Score) -> Reply:
    if order.act == "late":
        raise KeyError(order.canary)
    if order.act == "nan":
        return Reply(canary=order.canary, score=float("nan"))
    return Reply(canary=order.canary, score=float(score))


@dagc.graph
def pick(order: Order) -> Reply:
    raise NotImplementedError
"""
MAIN = """
service = Service(__file__)
picking = service.session("picking")


@service.endpoint(graph.pick)
async def pick(order: graph.Order) -> graph.Reply:
    index = graph.look(order)
    score = await picking(index, order.scale)
    return graph.reply(order, score)
"""
FEEDS = {"index": ("i64", ()), "scale": ("f32", ())}
ROUTE = "/v1/pick"


@pytest.fixture(params=[False, True], ids=["turn", "waiting"])
def waits(request):
    return request.param


@pytest.fixture
def served(kit, folder, picker, waits):
    return serve(kit, folder, picker, waits)


def serve(kit, folder, picker, waits, max_batch=64, one_by_one=None, turn_s=60.0, **limits):
    settings = kit.session("picking", FEEDS, {"score": ("f32", ())}, max_batch, one_by_one)
    end = kit.endpoint("pick", parameters=["order"], body="order", waits=waits, **limits)
    return folder.write(GRAPH, MAIN, [end], [(settings, picker)]).serve(turn_s)


def order(index=1, scale=1.0, canary="c", **more):
    return {"index": index, "scale": scale, "canary": canary, **more}


def code(answer):
    return answer[0], answer[1]["error"]["code"]


def test_requests_of_one_loop_turn_share_one_run(served, kit):
    served.main.service.observer = seen = kit.Counted()
    answers = served.ask(ROUTE, *[order(i, 2.0, f"c{i}") for i in range(50)])
    assert answers == [(200, {"canary": f"c{i}", "score": 2.0 * i}) for i in range(50)]
    assert seen.batches == [("picking", 50)]
    assert seen.flying == 0


def test_a_batch_is_never_larger_than_the_session_allows(kit, folder, picker, waits):
    served = serve(kit, folder, picker, waits, max_batch=16)
    served.main.service.observer = seen = kit.Counted()
    answers = served.ask(ROUTE, *[order(i) for i in range(40)])
    assert [answer[1]["score"] for answer in answers] == list(range(40))
    assert [size for _, size in seen.batches] == [16, 16, 8]


def test_requests_that_may_not_share_run_one_by_one(kit, folder, picker, waits):
    served = serve(kit, folder, picker, waits, one_by_one="operator `Softmax` over axis 0 mixes rows")
    served.main.service.observer = seen = kit.Counted()
    served.ask(ROUTE, *[order(i) for i in range(5)])
    assert [size for _, size in seen.batches] == [1] * 5


def test_a_poison_fails_alone(served, kit):
    answers = served.ask(ROUTE, *[order(5000 if i == 37 else i) for i in range(64)])
    assert code(answers[37]) == (500, "internal")
    assert [answer[1]["score"] for i, answer in enumerate(answers) if i != 37] == [i for i in range(64) if i != 37]


def test_halving_runs_far_less_than_one_by_one(served):
    ran = []
    model = served.main.service._sessions["picking"]._model
    wrapped = type("Counting", (), {"run": lambda self, *a: (ran.append(len(a[1]["index"])), model.run(*a))[1]})()
    served.main.service._sessions["picking"]._model = wrapped
    served.ask(ROUTE, *[order(5000 if i == 37 else i) for i in range(64)])
    assert len(ran) <= 1 + 2 * 6
    assert ran[0] == 64


def test_what_a_step_raises_is_the_answer_of_its_request_alone(served):
    acts = ["", "refuse", "raise", "exit", "validate", "late", "nan", ""]
    answers = served.ask(ROUTE, *[order(i, canary=f"secret{i}", act=act) for i, act in enumerate(acts)])
    assert answers[0] == (200, {"canary": "secret0", "score": 0.0})
    assert answers[7] == (200, {"canary": "secret7", "score": 7.0})
    assert answers[1] == (409, {"error": {"code": "refused", "message": "not today", "field": "act"}})
    assert [code(answer) for answer in answers[2:6]] == [(500, "internal")] * 4
    assert code(answers[6]) == (500, "non_finite_answer")
    assert answers[6][1]["error"]["field"] == "score"


def test_failures_are_logged_with_the_request_id_and_without_the_payload(served, caplog):
    async def ask():
        first = served.call(ROUTE, order(canary="topsecret", act="raise"))
        first.ticket.request_id = b"id-7"
        second = served.call(ROUTE, order(5000, canary="topsecret"))
        second.ticket.request_id = b"id-8"
        return await asyncio.gather(first, second)

    answers = asyncio.run(ask())
    assert "id-7" in caplog.text
    assert "ValueError at graph.py:" in caplog.text
    assert "id-8" in caplog.text
    assert "session `picking`" in caplog.text
    assert "topsecret" not in caplog.text
    assert b"topsecret" not in answers[0].body + answers[1].body


def test_a_number_too_large_for_the_model_is_the_request_s_fault(served):
    answers = served.ask(ROUTE, order(2**63), order(2**64), order(1, 1e39), order(3))
    assert code(answers[0]) == (422, "out_of_range")
    assert code(answers[1]) == (422, "validation")
    assert code(answers[2]) == (422, "out_of_range")
    assert answers[2][1]["error"]["field"] == "scale"
    assert answers[3][0] == 200


def test_an_answer_never_comes_inside_accept_and_comes_once(served):
    async def ask():
        got = []
        loop = asyncio.get_running_loop()
        endpoint = served.main.service.endpoints[ROUTE]
        bodies = [json.dumps(order(i)).encode() for i in range(5)] + [b"", b"{", json.dumps(order(5000)).encode()]
        for body in bodies:
            endpoint.accept(body, loop.time() + 5, got.append)
        assert got == []
        async with asyncio.timeout(30):
            while len(got) < len(bodies):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.02)
        return got, endpoint.in_flight

    got, held = asyncio.run(ask())
    assert len(got) == 8
    assert held == 0


def test_a_burst_larger_than_the_queue_is_worked_on_as_it_arrives(kit, folder, picker):
    """Refusing costs nearly what a light model costs; refused clients only come again."""
    served = serve(kit, folder, picker, False, max_queue=10)
    served.main.service.observer = seen = kit.Counted()
    answers = served.ask(ROUTE, *[order(i % 50) for i in range(95)])
    assert [status for status, _ in answers] == [200] * 95
    assert [body["canary"] for _, body in answers] == ["c"] * 95
    assert seen.sheds == []
    assert max(size for _, size in seen.batches) == 10


def test_a_full_queue_is_answered_503_at_the_next_turn_and_the_admitted_200(kit, folder, picker):
    served = serve(kit, folder, picker, True, max_queue=10)
    served.main.service.observer = seen = kit.Counted()
    answers = served.ask(ROUTE, *[order(i) for i in range(15)])
    assert [status for status, _ in answers] == [200] * 10 + [503] * 5
    assert seen.sheds == ["queue_full"] * 5
    assert served.ask(ROUTE, order(1))[0][0] == 200

    async def shed():
        calls = [served.call(ROUTE, order(i)) for i in range(11)]
        return await calls[-1]

    answer = asyncio.run(shed())
    assert (b"retry-after", b"1") in answer.headers


def test_a_cancelled_request_is_never_answered_and_frees_its_place(kit, folder, picker, waits):
    served = serve(kit, folder, picker, waits, max_queue=3)

    async def ask():
        endpoint = served.main.service.endpoints[ROUTE]
        gone = [served.call(ROUTE, order(1)), served.call(ROUTE, order(2)), served.call(ROUTE, order(9))]
        for future in gone:
            future.ticket.cancel()
            future.ticket.cancel()
        assert endpoint.in_flight == 0
        answer = await served.call(ROUTE, order(3))
        await asyncio.sleep(0.02)
        return [future.done() for future in gone], answer.status, endpoint.in_flight

    assert asyncio.run(ask()) == ([False] * 3, 200, 0)
    assert served.main.graph.LOOKED == ["c"]


def test_an_expired_request_gets_504_and_never_reaches_the_session(served, kit):
    served.main.service.observer = seen = kit.Counted()

    async def ask():
        late = [served.call(ROUTE, order(i), timeout_s=-0.001) for i in range(5)]
        return await asyncio.gather(*late, served.call(ROUTE, order(7)))

    answers = asyncio.run(ask())
    assert [answer.status for answer in answers] == [504] * 5 + [200]
    assert seen.batches == [("picking", 1)]
    assert seen.stages == ["dequeue"] * 5
    assert served.main.graph.LOOKED == ["c"]


def test_a_request_that_expires_while_others_run_gets_504_and_is_not_run(kit, folder, picker):
    served = serve(kit, folder, picker, False, one_by_one="the test says so")
    held = served.main.service._sessions["picking"]
    model = held._model
    ran = []

    class Slow:
        def run(self, *arguments):
            ran.append(1)
            time.sleep(0.02)
            return model.run(*arguments)

    held._model = Slow()
    held._bound.clear()

    async def ask():
        return await asyncio.gather(*[served.call(ROUTE, order(i), timeout_s=0.09) for i in range(20)])

    statuses = [answer.status for answer in asyncio.run(ask())]
    assert statuses == sorted(statuses)
    assert statuses.count(200) == len(ran) - 1 or statuses.count(200) == len(ran)
    assert statuses.count(504) >= 14


async def turns_while(calls):
    """How many turns the loop makes until all calls are answered."""
    turns, waiting = 0, asyncio.gather(*calls)
    while not waiting.done():
        await asyncio.sleep(0)
        turns += 1
    return turns


@pytest.mark.parametrize("body", [order(7), order("no number")], ids=["good", "refused"])
def test_the_loop_turns_while_a_burst_is_served(kit, folder, picker, body):
    served = serve(kit, folder, picker, False, turn_s=TURN_S)

    async def ask():
        return await turns_while([served.call(ROUTE, body) for _ in range(20_000)])

    assert asyncio.run(ask()) > 6


def test_the_loop_turns_between_slow_runs(kit, folder, picker, waits):
    served = serve(kit, folder, picker, waits, one_by_one="the test says so", turn_s=TURN_S)
    held = served.main.service._sessions["picking"]
    model = held._model
    held._model = type("Slow", (), {"run": lambda self, *a: (time.sleep(0.01), model.run(*a))[1]})()
    held._bound.clear()

    async def ask():
        return await turns_while([served.call(ROUTE, order(7)) for _ in range(20)])

    assert asyncio.run(ask()) >= 20


def test_ten_thousand_mixed_requests_get_their_own_answers(served, kit):
    """10 % poison, 5 % refused, failing, expired, cancelled, broken: no answer is another's."""
    draw = random.Random(7)
    kinds = draw.choices(
        ["good", "poison", "refuse", "raise", "late", "expired", "cancelled", "broken"],
        [60, 10, 5, 5, 5, 5, 5, 5],
        k=10_000,
    )
    wanted = {"good": 200, "poison": 500, "refuse": 409, "raise": 500, "late": 500, "expired": 504, "broken": 422}

    async def one(number, kind):
        index = 5000 + number if kind == "poison" else number % 1000
        body = order(index, scale=float(number % 7), canary=f"canary-{number}", act=kind)
        if kind == "broken":
            body["scale"] = "x"
        call = served.call(ROUTE, body, timeout_s=-1 if kind == "expired" else 60)
        if kind == "cancelled":
            for _ in range(draw.randrange(3)):
                await asyncio.sleep(0)
            call.ticket.cancel()
            await asyncio.sleep(0.001)
            return call.done(), None
        answer = await call
        return answer.status, json.loads(answer.body)

    async def everything():
        results = []
        for at in range(0, len(kinds), 500):
            chunk = [one(number, kinds[number]) for number in range(at, min(at + 500, len(kinds)))]
            results += await asyncio.gather(*chunk)
        return results

    results = asyncio.run(everything())
    wrong = 0
    for number, (kind, (status, body)) in enumerate(zip(kinds, results, strict=True)):
        if kind == "cancelled":
            continue  # answered before the cancel, or never
        if status != wanted[kind]:
            wrong += 1
        elif kind == "good":
            wrong += body != {"canary": f"canary-{number}", "score": float(number % 1000) * (number % 7)}
        else:
            wrong += f"canary-{number}" in json.dumps(body)
    assert wrong == 0
    assert served.main.service.endpoints[ROUTE].in_flight == 0


def test_both_drivers_give_equal_answers(kit, folder, picker, tmp_path):
    draw = random.Random(3)
    acts = ["", "", "refuse", "raise", "late", "nan"]
    bodies = [order(draw.randrange(1200), draw.random(), f"c{i}", act=draw.choice(acts)) for i in range(500)]
    bodies += [b"", b"{", b'{"index":1,"index":2,"scale":1,"canary":""}', b"[]", b'{"index":NaN}']
    turn = serve(kit, folder, picker, False).ask(ROUTE, *bodies)
    waiting = serve(kit, type(folder)(tmp_path / "other"), picker, True).ask(ROUTE, *bodies)
    assert turn == waiting


def test_the_order_of_arrival_changes_no_answer(served):
    bodies = [order(i, i / 7, f"c{i}") for i in range(100)]
    forwards = served.ask(ROUTE, *bodies)
    assert served.ask(ROUTE, *reversed(bodies)) == forwards[::-1]
