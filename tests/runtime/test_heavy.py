"""Sessions that take long run beside the loop: probes answer, batches gather, deadlines hold."""

import asyncio
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.pick import GRAPH, PORTS, ROUTE

MAIN = """
service = Service(__file__)
wide = service.session("wide")


@service.endpoint(graph.pick)
async def pick(row):
    return await wide(row)
"""
SIZE = 700


@pytest.fixture(scope="session")
def tower(kit) -> bytes:
    """`y = x`, after some multiplications of large matrices whose result, times zero, is added."""
    square = np.full((SIZE, SIZE), 1e-3, np.float32)
    nodes = [
        ("MatMul", "square square", "m0"), ("MatMul", "m0 square", "m1"), ("Slice", "x from to axes", "one"),
        ("ReduceMax", "one", "top"), ("Mul", "m1 top", "m2"), ("MatMul", "m2 square", "m3"),
        ("ReduceMax", "m3", "m4"), ("Mul", "m4 zero", "nothing"), ("Add", "x nothing", "y"),
    ]  # fmt: skip
    return kit.model(
        nodes, *PORTS, square=("f32", square.shape, square.ravel()), zero=("f32", [], [0.0]),
        **{"from": ("i64", [1], [0]), "to": ("i64", [1], [1]), "axes": ("i64", [1], [1])},
    )  # fmt: skip


@pytest.fixture(params=[False, True], ids=["turn", "waiting"])
def served(kit, folder, tower, request):
    end = kit.endpoint("pick", parameters=["row"], body=None, waits=request.param)
    settings = kit.session("wide", *PORTS) | {"run_ms": None}
    served = folder.write(GRAPH, MAIN, [end], [(settings, tower)]).serve()
    assert served.main.service._sessions["wide"].is_heavy
    served.main.service.share_cpus(10_000)  # one thread
    return served


def row(number: float) -> dict:
    return {"row": [float(number)] * 4}


def test_the_loop_turns_while_a_heavy_session_runs_and_answers_are_equal(served, kit) -> None:
    served.main.service.observer = seen = kit.Counted()
    turns = 0

    async def ask():
        nonlocal turns
        waiting = asyncio.gather(*[served.call(ROUTE, row(n)) for n in range(150)])
        while not waiting.done():
            await asyncio.sleep(0)
            turns += 1
        return await waiting

    answers = asyncio.run(ask())
    assert [answer.body for answer in answers] == [b"[%b]" % b",".join([b"%d.0" % n] * 4) for n in range(150)]
    assert turns > 5 * len(seen.batches)
    assert sum(size for _, size in seen.batches) == 150
    assert seen.flying == 0


@pytest.fixture
def held(served) -> "Held":
    return Held(served.main.service._sessions["wide"])


class Held:
    """Runs that begin and end only when they may, and all are said to cost the same, whatever their size."""

    def __init__(self, session) -> None:
        self.ran: list[int] = []
        self.may_end = threading.Event()
        self._begun = threading.Event()
        self._run, self._learn = session.run, session.learn
        session.run, session.learn = self._held, self._costs_the_same

    async def begins(self) -> None:
        """Returns when the first run goes on."""
        assert await asyncio.to_thread(self._begun.wait, 60)

    def _held(self, examples):
        self.ran.append(len(examples))
        self._begun.set()
        assert self.may_end.wait(60)
        return self._run(examples)

    def _costs_the_same(self, example, count: int, _seconds: float) -> None:
        self._learn(example, count, 0.2)


def test_the_next_batch_gathers_while_one_runs(served, held) -> None:
    async def ask():
        first = served.call(ROUTE, row(0))
        await held.begins()
        rest = [served.call(ROUTE, row(n)) for n in range(1, 30)]
        await asyncio.sleep(0.01)
        held.may_end.set()
        return await asyncio.gather(first, *rest)

    answers = asyncio.run(ask())
    assert [answer.status for answer in answers] == [200] * 30
    assert held.ran == [1, 2, 4, 8, 15]  # doubled as long as an example gets cheaper


def test_a_request_is_answered_at_its_deadline_though_its_run_goes_on(served, held) -> None:
    async def ask():
        running = served.call(ROUTE, row(1), timeout_s=1.0)
        await held.begins()
        behind = served.call(ROUTE, row(2), timeout_s=0.1)
        statuses = [(await running).status, (await behind).status]
        held.may_end.set()
        return [*statuses, (await served.call(ROUTE, row(3))).status]

    assert asyncio.run(ask()) == [504, 504, 200]


def test_expired_and_cancelled_requests_never_reach_the_session(served, held) -> None:
    """O6: what nobody waits for any more is not run."""

    async def ask():
        first = served.call(ROUTE, row(0))
        await held.begins()
        late = [served.call(ROUTE, row(n), timeout_s=0.05) for n in range(10)]
        gone = [served.call(ROUTE, row(n)) for n in range(10)]
        good = [served.call(ROUTE, row(n)) for n in range(5)]
        await asyncio.sleep(0.02)
        for call in gone:
            call.ticket.cancel()
        expired = [(await call).status for call in late]
        held.may_end.set()
        return [(await first).status, *expired, *[(await call).status for call in good]]

    assert asyncio.run(ask()) == [200] + [504] * 10 + [200] * 5
    assert held.ran == [1, 2, 3]


def test_no_more_runs_go_on_than_there_are_threads_and_they_are_nice(served) -> None:
    served.main.service.share_cpus(1)
    size = served.main.service._batcher.executor.size
    running, most, lock = 0, 0, threading.Lock()
    nice: set[int] = set()
    session = served.main.service._sessions["wide"]

    def run(examples):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        stat = Path(f"/proc/self/task/{threading.get_native_id()}/stat").read_text()
        nice.add(int(stat.rpartition(")")[2].split()[16]))
        time.sleep(0.03)
        with lock:
            running -= 1
        return [example[0] for example in examples]

    session.run = run

    async def ask():
        calls = []
        for n in range(10):
            calls.append(served.call(ROUTE, row(n)))
            await asyncio.sleep(0.005)
        return await asyncio.gather(*calls)

    assert {answer.status for answer in asyncio.run(ask())} == {200}
    assert 1 <= most <= size
    assert min(nice) >= 10


@pytest.mark.parametrize(("run_ms", "heavy"), [(5.0, True), (0.1, False)])
def test_the_plan_s_number_decides_when_there_is_one(kit, folder, picker, run_ms, heavy) -> None:
    feeds = {"index": ("i64", ()), "scale": ("f32", ())}
    settings = kit.session("wide", feeds, {"score": ("f32", ())}) | {"run_ms": run_ms}
    end = kit.endpoint("pick", parameters=["row"], body=None)
    service = folder.write(GRAPH, MAIN, [end], [(settings, picker)]).serve().main.service
    assert service._sessions["wide"].is_heavy is heavy


def test_free_sizes_that_turn_out_slow_leave_the_loop(kit, folder) -> None:
    """What such a model took on sizes of 1, when the service began, says nothing of real ones."""
    doubled = kit.model([("Add", "x x", "y")], {"x": ("f32", ("W",))}, {"y": ("f32", ("W",))})
    settings = kit.session("wide", {"x": ("f32", ("W",))}, {"y": ("f32", ("W",))}) | {"run_ms": None}
    end = kit.endpoint("pick", parameters=["row"], body=None)
    served = folder.write(GRAPH, MAIN, [end], [(settings, doubled)]).serve()
    session = served.main.service._sessions["wide"]
    model = session._model
    assert not session.is_heavy
    session._model = type("Slow", (), {"run": lambda self, *a: (time.sleep(0.004), model.run(*a))[1]})()
    for number in range(8):
        assert served.ask(ROUTE, {"row": [1.0, 2.0, 3.0, float(number)]}) == [(200, [2.0, 4.0, 6.0, 2.0 * number])]
        assert session.is_heavy is (number >= 4), "five slow runs after another"
