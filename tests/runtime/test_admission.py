"""Who is let into a queue, on a clock that the tests turn."""

import asyncio
from collections import Counter

import pytest

from dagc.runtime import admission
from dagc.runtime.admission import Queue, Ticket
from dagc.runtime.answer import Answer
from dagc.runtime.observer import NullObserver, Watch

DONE = Answer(200, b"{}")
DEADLINE_S = 1.0


class Shed(NullObserver):
    """Counts who was turned away, by the reason."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()

    def shed(self, reason: str) -> None:
        self.reasons[reason] += 1


class Line:
    """A queue whose requests are answered in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, limit: int = 100, served_in_turn: bool = True) -> None:
        self.now = 1000.0
        self.shed = Shed()
        self.answers: list[int] = []
        self.waiting: list[Ticket] = []
        self.queue = Queue(limit, Watch(self.shed), served_in_turn)
        monkeypatch.setattr(admission.time, "monotonic", lambda: self.now)

    def come(self, requests: int) -> int:
        """So many of these come at once; how many are let in."""

        async def admit() -> None:
            for _ in range(requests):
                ticket = self.queue.admit(
                    b"", self.now + DEADLINE_S, lambda answer: self.answers.append(answer.status)
                )
                if ticket.queue is not None:
                    self.waiting.append(ticket)
            await asyncio.sleep(0)

        before = len(self.waiting)
        asyncio.run(admit())
        return len(self.waiting) - before

    def work(self, runs: int, run_s: float) -> None:
        """So many turns of work with one request each."""
        for _ in range(runs):
            self.now += run_s
            self.waiting.pop(0).settle(DONE)
            self.queue.tell()


def test_a_request_that_would_wait_half_of_its_time_is_refused_at_once(monkeypatch):
    line = Line(monkeypatch)
    assert line.come(20) == 20, "nothing is known of its pace"
    line.work(18, 0.06)
    assert line.come(20) == 7, "eight before it wait 0.48 s, nine 0.54"
    assert line.shed.reasons == {"too_late": 13}
    assert line.answers.count(503) == 13


def test_the_pace_follows_the_work(monkeypatch):
    line = Line(monkeypatch)
    line.come(40)
    line.work(10, 0.06)
    line.work(20, 0.01)
    assert line.come(60) == 41, "at 0.01 s each"


def test_a_queue_that_was_empty_foretells_nothing(monkeypatch):
    """What held it up is over: a pace that was seen once would refuse for ever."""
    line = Line(monkeypatch)
    line.come(6)
    line.work(6, 2.0)
    line.now += 60
    assert line.come(50) == 50


def test_those_whose_clients_left_leave_no_pace_behind(monkeypatch):
    line = Line(monkeypatch)
    line.come(8)
    line.work(6, 2.0)
    for ticket in line.waiting:
        ticket.cancel()
    line.waiting.clear()
    line.now += 60
    assert line.come(50) == 50


def test_steps_that_wait_foretell_nothing(monkeypatch):
    line = Line(monkeypatch, served_in_turn=False)
    line.come(20)
    line.work(18, 0.06)
    assert line.come(80) == 80


def test_before_anybody_is_refused_what_was_read_is_worked_on(monkeypatch):
    line = Line(monkeypatch, limit=10)
    line.queue.relief.append(lambda: line.work(len(line.waiting), 0.0))
    line.come(35)
    assert line.answers == [200] * 30
    assert not line.shed.reasons
