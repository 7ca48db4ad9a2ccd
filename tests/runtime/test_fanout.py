"""`each` through real models under both drivers: who shares a run, the order, the bounds, who fails with whom."""

import asyncio
import json
import random

import pytest

GRAPH = """
import asyncio
import contextvars

from pydantic import BaseModel

import dagc

LEAVE = []
LOOKED = []
CLOSED = []
CANARY = contextvars.ContextVar("canary", default="nobody")


class Line(BaseModel):
    index: int
    act: str = ""


class Order(BaseModel):
    canary: str
    scale: float = 1.0
    lines: list[Line]


class Box(BaseModel):
    canary: str
    orders: list[Order]


class Reply(BaseModel):
    canary: str
    scores: list[float]


def look(line: Line) -> int:
    LOOKED.append(line.index)
    if line.act == "leave":
        LEAVE[0]()
    if line.act == "refuse":
        raise dagc.Refuse("not this line", field="lines", status=409)
    if line.act == "raise":
        raise ValueError("a fault")
    if line.act == "exit":
        raise SystemExit(3)
    return line.index


def seen(canary: str) -> str:
    # what another item or another request has set is not seen here
    before = CANARY.get()
    CANARY.set(canary)
    return before


async def pause(seconds: float) -> None:
    await asyncio.sleep(seconds)


def pick(order: Order) -> Reply: ...
def twice(order: Order) -> Reply: ...
def some(order: Order) -> Reply: ...
def box(box: Box) -> list[Reply]: ...
def odd(order: Order) -> Reply: ...
def wander(order: Order) -> Reply: ...
"""
MAIN = """
from dagc_runtime import each

service = Service(__file__)
picking = service.session("picking")
shaping = service.session("shaping")


@service.endpoint(graph.pick)
async def pick(order: graph.Order) -> graph.Reply:
    async def price(line):
        try:
            return await picking(graph.look(line), order.scale)
        finally:
            graph.CLOSED.append(line.index)

    scores = await each(price, order.lines, max_items=4)
    return graph.Reply(canary=order.canary, scores=[float(score) for score in scores])


@service.endpoint(graph.twice)
async def twice(order: graph.Order) -> graph.Reply:
    async def price(line):
        first = await picking(graph.look(line), order.scale)
        assert graph.seen(f"{order.canary} {line.index}") == "nobody"
        second = await picking(int(first.item()), order.scale)
        assert graph.CANARY.get() == f"{order.canary} {line.index}"
        return second

    scores = await each(price, order.lines, max_items=200)
    assert graph.CANARY.get() == "nobody"
    return graph.Reply(canary=order.canary, scores=[float(score) for score in scores])


@service.endpoint(graph.some)
async def some(order: graph.Order) -> graph.Reply:
    async def price(line):
        if line.act == "none":
            return 0.0
        first = await shaping([1.0] * line.index if line.act == "list" else graph.np.ones(line.index, "f4"))
        if line.act == "once":
            return first[0]
        return await picking(line.index, first[0].item())

    scores = await each(price, order.lines, max_items=200)
    return graph.Reply(canary=order.canary, scores=[float(score) for score in scores])


@service.endpoint(graph.box)
async def box(box: graph.Box) -> list[graph.Reply]:
    async def whole(order):
        async def price(line):
            return await picking(graph.look(line), order.scale)

        scores = await each(price, order.lines, max_items=3)
        return graph.Reply(canary=order.canary, scores=[float(score) for score in scores])

    return await each(whole, box.orders, max_items=3)


@service.endpoint(graph.odd)
async def odd(order: graph.Order) -> graph.Reply:
    async def price(line):
        if line.act == "wait":
            await graph.pause(0.001)
        return await picking(line.index, order.scale)

    scores = await each(price, order.lines, max_items=4)
    return graph.Reply(canary=order.canary, scores=[float(score) for score in scores])


@service.endpoint(graph.wander)
async def wander(order: graph.Order) -> graph.Reply:
    async def price(line):
        value = float(line.index)
        for way in line.act:
            if way == "p":
                value = float(await picking(int(value), 1.0)) + order.scale
            else:
                value += float((await shaping(graph.np.ones(int(way), "f4")))[0])
        return value

    scores = await each(price, order.lines, max_items=200)
    return graph.Reply(canary=order.canary, scores=scores)
"""
FEEDS = {"index": ("i64", ()), "scale": ("f32", ())}
BODIES = {"pick": "order", "twice": "order", "some": "order", "box": "box", "odd": "order", "wander": "order"}


@pytest.fixture(params=[False, True], ids=["turn", "waiting"])
def waits(request):
    return request.param


@pytest.fixture
def served(kit, folder, picker, waits):
    shaper = kit.model([("Add", "x x", "y")], {"x": ("f32", ("n",))}, {"y": ("f32", ("n",))})
    sessions = [
        (kit.session("picking", FEEDS, {"score": ("f32", ())}), picker),
        (kit.session("shaping", {"x": ("f32", ("n",))}, {"y": ("f32", ("n",))}), shaper),
    ]
    endpoints = [kit.endpoint(n, parameters=[body], body=body, waits=waits) for n, body in BODIES.items()]
    served = folder.write(f"import numpy as np\n{GRAPH}", MAIN, endpoints, sessions).serve()
    served.main.service.observer = served.counted = kit.Counted()
    return served


def order(canary, *indices, scale=1.0, **acts):
    lines = [{"index": index, "act": acts.get(f"at{at}", "")} for at, index in enumerate(indices)]
    return {"canary": canary, "scale": scale, "lines": lines}


def reply(canary, *scores):
    return 200, {"canary": canary, "scores": list(scores)}


def test_items_of_all_requests_of_a_turn_form_one_batch_and_come_back_in_order(served):
    bodies = [order(f"c{n}", *range(n, 2 * n), scale=2.0) for n in range(5)]
    wanted = [reply(f"c{n}", *(2.0 * index for index in range(n, 2 * n))) for n in range(5)]
    assert served.ask("/v1/pick", *bodies) == wanted
    assert served.counted.batches == [("picking", 10)]


def test_each_stage_of_all_items_is_one_batch(served):
    bodies = [order(f"c{n}", 3, 1, 2, scale=2.0) for n in range(4)]
    assert served.ask("/v1/twice", *bodies) == [reply(f"c{n}", 12.0, 4.0, 8.0) for n in range(4)]
    assert served.counted.batches == [("picking", 12), ("picking", 12)]


def test_more_items_than_a_run_takes_fill_as_many_runs_as_they_need(served):
    assert served.ask("/v1/twice", order("a", *range(130))) == [reply("a", *map(float, range(130)))]
    sizes = [size for _, size in served.counted.batches]
    assert sum(sizes) == 260 and sizes.count(64) == 4 and len(sizes) <= 6


def test_no_items_give_an_empty_list_without_a_run(served):
    assert served.ask("/v1/pick", order("a"), order("b")) == [reply("a"), reply("b")]
    assert served.counted.batches == []


def test_items_that_end_early_or_differ_in_shape_are_regrouped_in_order(served):
    acts = {"at0": "none", "at2": "once", "at4": "none", "at5": "once"}
    bodies = [order("a", 2, 3, 2, 3, 2, 1, **acts), order("b", 3, 1, 2, at0="once")]
    assert served.ask("/v1/some", *bodies) == [reply("a", 0, 6, 2, 6, 0, 2), reply("b", 2, 2, 4)]
    shaped = [size for name, size in served.counted.batches if name == "shaping"]
    assert sorted(shaped) == [2, 2, 3]
    assert sum(size for name, size in served.counted.batches if name == "picking") == 4


def test_the_last_item_may_be_the_first_to_end(served):
    indices = [2] * 10 + [5]
    assert served.ask("/v1/some", order("a", *indices, at10="once")) == [reply("a", *[4.0] * 10, 2.0)]
    assert served.ask("/v1/some", order("a", *indices, at10="none")) == [reply("a", *[4.0] * 10, 0.0)]
    picked = [size for name, size in served.counted.batches if name == "picking"]
    assert picked == [10, 10]


def test_a_fan_out_in_a_fan_out_shares_one_batch(served):
    def boxed(number):
        return {"canary": f"b{number}", "orders": [order(f"o{n}", *range(n), scale=number) for n in range(4)][1:]}

    answers = served.ask("/v1/box", *map(boxed, range(3)))
    assert answers == [
        (200, [reply(f"o{n}", *(float(number * i) for i in range(n)))[1] for n in range(1, 4)])
        for number in range(3)
    ]
    assert served.counted.batches == [("picking", 18)]


def test_too_many_items_are_refused_before_any_work(served):
    refused, answered = served.ask("/v1/pick", order("a", *range(5)), order("b", *range(4)))
    assert refused[0] == 422 and refused[1]["error"]["code"] == "too_many_items"
    assert refused[1]["error"]["message"] == "at most 4 items are taken, more were given"
    assert answered == reply("b", 0, 1, 2, 3)
    assert served.main.graph.LOOKED == [0, 1, 2, 3]


def test_the_bound_holds_inside_a_fan_out_too(served):
    inner = {"canary": "b", "orders": [order("a", 1), order("b", *range(4))]}
    outer = {"canary": "b", "orders": [order("a", 1)] * 4}
    for status, body in served.ask("/v1/box", inner, outer):
        assert (status, body["error"]["code"]) == (422, "too_many_items")


@pytest.mark.parametrize(("act", "status"), [("refuse", 409), ("raise", 500), ("exit", 500)])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_item_that_fails_fails_its_request_only_and_closes_the_others(served, act, status, at):
    answers = served.ask("/v1/pick", order("a", 1, 2), order("bad", 5, 6, 7, **{f"at{at}": act}), order("c", 3))
    assert [answer[0] for answer in answers] == [200, status, 200]
    assert answers[0] == reply("a", 1, 2) and answers[2] == reply("c", 3)
    begun = [index for index in served.main.graph.LOOKED if index > 4]
    assert sorted(index for index in served.main.graph.CLOSED if index > 4) == sorted(begun)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_item_whose_run_fails_fails_its_request_only(served, at):
    poisoned = [5, 6, 7]
    poisoned[at] = 10_000_000
    answers = served.ask("/v1/pick", order("a", 1, 2), order("bad", *poisoned), order("c", 3))
    assert [answer[0] for answer in answers] == [200, 500, 200]
    assert answers[0] == reply("a", 1, 2) and answers[2] == reply("c", 3)
    assert sorted(served.main.graph.CLOSED) == sorted([1, 2, 3, *poisoned])


def test_a_step_may_catch_what_its_run_raised(served):
    scores = served.ask("/v1/box", {"canary": "x", "orders": [order("a", 10_000_000), order("b", 1)]})
    assert scores[0][0] == 500


def test_a_client_that_leaves_takes_its_items_with_it(served):
    async def leave():
        left = served.call("/v1/twice", order("left", *range(100), at50="leave"))
        served.main.graph.LEAVE.append(left.ticket.cancel)
        return json.loads((await served.call("/v1/twice", order("stays", 7))).body)

    assert asyncio.run(leave()) == {"canary": "stays", "scores": [7.0]}
    assert sum(size for _, size in served.counted.batches) <= 100 + 2


def test_requests_never_see_each_others_items(served):
    bodies = [order(f"c{n}", *range(n % 7), scale=float(n % 100)) for n in range(300)]
    answers = served.ask("/v1/twice", *bodies)
    assert answers == [reply(f"c{n}", *(float(i * (n % 100) ** 2) for i in range(n % 7))) for n in range(300)]


@pytest.mark.parametrize("seed", range(8))
def test_items_that_go_different_ways_meet_where_they_can(served, seed):
    """Each way is a string of runs: `p` picks, a digit shapes that many numbers."""
    rng = random.Random(seed)
    orders = [
        [(rng.randrange(9), "".join(rng.choices("p123", k=rng.randrange(5)))) for _ in range(rng.randrange(12))]
        for _ in range(rng.randrange(1, 6))
    ]
    bodies = [
        {"canary": f"{n}", "scale": n, "lines": [{"index": index, "act": ways} for index, ways in lines]}
        for n, lines in enumerate(orders)
    ]
    wanted = [
        reply(f"{n}", *(index + sum(n if way == "p" else 2 for way in ways) for index, ways in lines))
        for n, lines in enumerate(orders)
    ]
    assert served.ask("/v1/wander", *bodies) == wanted
    needed = sum(len(ways) for lines in orders for _, ways in lines)
    # asked for twice: at most a row or two a request
    assert needed <= sum(size for _, size in served.counted.batches) <= needed + 2 * len(orders)


def test_an_item_that_waits_for_the_world_needs_the_task_driver(served, waits):
    ((status, body),) = served.ask("/v1/odd", order("a", 1, 2, 3, at1="wait"))
    assert (status, body) == reply("a", 1, 2, 3) if waits else status == 500
    assert served.ask("/v1/odd", order("b", 4)) == [reply("b", 4)]
