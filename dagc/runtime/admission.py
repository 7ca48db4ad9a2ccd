"""Who may enter: a bounded count per endpoint, and one ticket per request that is answered at most once.

Whoever would be answered after its deadline is refused at once: work on it would only make the others late.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from .answer import EXPIRED, FULL, Answer
from .observer import Watch
from .trace_context import NO_TRACE

_LOG = logging.getLogger("dagc.runtime")

DEEP = 16
"""Requests before a new one from which on its wait is foretold, and learned from; few say nothing of many."""
MOST_OF_TIME = 0.5
"""The part of its time that a request may be foretold to wait. Near 1 every other answer comes just too late."""


@dataclass(slots=True)
class Queue:
    """How many requests of one endpoint are accepted and unanswered, and how many may be.

    A queue that is `served_in_turn` foretells how long a new request waits. One request at a time is a probe: how
    long it took, over how many were served meanwhile, is the pace, trusted up to twice the depth it was learned
    at, since a burst is not slow in proportion. Steps that wait wait side by side and foretell nothing.
    """

    limit: int
    watch: Watch
    served_in_turn: bool = False
    relief: list[Callable[[], None]] = field(default_factory=list)
    waits_aside: Callable[[], bool] = bool
    held: int = 0
    served: int = 0
    refused: int = 0
    told: int = 0
    _pace_s: float = 0.0
    _learned_at: int = 0
    _probe: "Ticket | None" = None

    def __post_init__(self) -> None:
        self.watch.at_end.append(self.tell)

    def admit(self, body: bytes, deadline: float, reply: Callable[[Answer], None]) -> "Ticket":
        """A ticket; without `queue`, answered 503, when the queue is full or the answer would come too late."""
        if self.held >= self.limit:
            for work in self.relief:
                work()
            if self.held >= self.limit:
                return self._shed("queue_full", reply)
        if self.held >= DEEP and self.served_in_turn:
            now = time.monotonic()
            foretold_s = self.held * self._pace_s if self.held <= 2 * self._learned_at else 0.0
            if 0.0 < (deadline - now) * MOST_OF_TIME < foretold_s:
                return self._shed("too_late", reply)
            if self._probe is None or not self._probe.open:
                before = _Before(now, self.held, self.served, self.refused, self.waits_aside())
                learn = partial(self._learn, reply, before)
                self._probe = ticket = Ticket(self, body, deadline, learn)
                self.held += 1
                return ticket
        self.held += 1
        return Ticket(self, body, deadline, reply)

    def tell(self) -> None:
        """Report how the requests in flight changed since the last report."""
        if change := self.held - self.told:
            self.told = self.held
            self.watch.observer.in_flight(change)

    def _learn(self, reply: Callable[[Answer], None], before: "_Before", answer: Answer) -> None:
        """Hand on the probe's answer. One that was refused for its own faults may have left the queue early.

        Where the loop itself does the work, the time it spent on refusing others is not the work's: a pace that
        held it too would refuse ever more.
        """
        reply(answer)
        if answer.status not in (200, 504):
            return
        served, refused = max(1, self.served - before.served), self.refused - before.refused
        seconds = time.monotonic() - before.since
        pace_s = seconds / served if before.waits_aside else seconds / (served + refused)
        self._pace_s = (self._pace_s + pace_s) / 2 if self._pace_s else pace_s
        self._learned_at = before.held

    def _shed(self, reason: str, reply: Callable[[Answer], None]) -> "Ticket":
        """A ticket that is answered 503 at the loop's next turn, holds no place in the queue and is not open."""
        self.refused += 1
        self.watch.observer.shed(reason)
        ticket = Ticket(None, b"", 0.0, reply)
        asyncio.get_running_loop().call_soon(ticket.settle, FULL)
        return ticket


@dataclass(frozen=True, slots=True)
class _Before:
    """How things stood when a probe was sent."""

    since: float
    held: int
    served: int
    refused: int
    waits_aside: bool


class Ticket:
    """One request on its way. `deadline` is on the loop's clock, which is `time.monotonic`.

    The front may set `request_id`, `trace` and when it `arrived` (0: unknown) after `accept` returned: work
    begins at the loop's next turn. One that was refused at the door holds a place in no `queue`.
    """

    __slots__ = (
        "_reply", "arrived", "body", "deadline", "on_cancel", "open", "queue", "request_id", "trace",
    )  # fmt: skip

    def __init__(self, queue: Queue | None, body: bytes, deadline: float, reply: Callable[[Answer], None]) -> None:
        self.queue = queue
        self._reply = reply
        self.body = body
        self.deadline = deadline
        self.open = True
        self.request_id = b""
        self.trace = NO_TRACE
        self.arrived = 0.0
        self.on_cancel: Callable[[], object] | None = None

    def tell(self, ended: Callable[[Answer], None]) -> None:
        """`ended` is told of the answer too, before it leaves."""
        reply = self._reply

        def both(answer: Answer) -> None:
            ended(answer)
            reply(answer)

        self._reply = both

    def settle(self, answer: Answer) -> None:
        """Send the one answer. Does nothing when one was sent before or the client has gone."""
        if not self.open:
            return
        self.open = False
        if self.queue is not None:
            self.queue.held -= 1
            self.queue.served += answer is not EXPIRED
        try:
            self._reply(answer)
        except Exception:
            _LOG.exception("the answer to request `%s` could not be handed on", self.request_id.decode("latin-1"))

    def cancel(self) -> None:
        """The client has gone: no answer is sent, its place in the queue is free at once, its work stops."""
        if not self.open:
            return
        self.open = False
        self.body = b""
        if self.queue is not None:
            self.queue.held -= 1
            self.queue.tell()
        if self.on_cancel is not None:
            self.on_cancel()
