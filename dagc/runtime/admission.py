"""Who may enter: a bounded count per endpoint, and one ticket per request that is answered at most once.

Whoever would be answered after its deadline is refused at once: work on it would only make the others late.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .answer import EXPIRED, FULL, Answer
from .observer import Watch
from .trace_context import NO_TRACE

_LOG = logging.getLogger("dagc.runtime")

DEEP = 4
"""Requests from which on a pace is known and a wait foretold; fewer say nothing of many."""
MOST_OF_TIME = 0.5
"""The part of its time that a request may be foretold to wait. Near 1 every other answer comes just too late."""
WATCHED_S = 0.1
"""After so long the pace is seen anew; the first time as soon as it can be."""


@dataclass(slots=True)
class Queue:
    """How many requests of one endpoint are accepted and unanswered, and how many may be.

    A queue that is `served_in_turn` foretells how long a new request waits: as long as those before it take at the
    pace of late. It has one while it is never empty when a turn of work ends. Steps that wait wait side by side
    and foretell nothing.
    """

    limit: int
    watch: Watch
    served_in_turn: bool = False
    relief: list[Callable[[], None]] = field(default_factory=list)
    held: int = 0
    served: int = 0
    told: int = 0
    _seen: int = 0
    _pace_s: float = 0.0
    _since: float = 0.0
    _served_then: int = 0

    def __post_init__(self) -> None:
        self.watch.at_end.append(self.tell)

    def admit(self, body: bytes, deadline: float, reply: Callable[[Answer], None]) -> "Ticket":
        """A ticket; without `queue`, answered 503, when the queue is full or the answer would come too late."""
        if (reason := self._why_not(deadline)) and self.relief:
            for work in self.relief:
                work()
            reason = self._why_not(deadline)
        if reason:
            return self._shed(reason, reply)
        self.held += 1
        return Ticket(self, body, deadline, reply)

    def tell(self) -> None:
        """Report how the requests in flight changed since the last report; called when a turn of work is over."""
        if change := self.held - self.told:
            self.told = self.held
            self.watch.observer.in_flight(change)
        if not self.held:
            self._since = self._pace_s = 0.0
        elif self.served_in_turn and self.served != self._seen:
            self._seen = self.served
            self._see_pace()

    def _why_not(self, deadline: float) -> str:
        """The reason to refuse one more request; empty when there is none."""
        held = self.held
        if held >= self.limit:
            return "queue_full"
        if held < DEEP or not self._pace_s:
            return ""
        return "too_late" if held * self._pace_s > (deadline - time.monotonic()) * MOST_OF_TIME > 0.0 else ""

    def _see_pace(self) -> None:
        """Work was done, and somebody waited all along: how much of it in how long is the pace."""
        now, served = time.monotonic(), self.served - self._served_then
        if not self._since:
            self._since, self._served_then = now, self.served
        elif now - self._since >= WATCHED_S or (not self._pace_s and served >= DEEP):
            self._pace_s = (now - self._since) / served
            self._since, self._served_then = now, self.served

    def _shed(self, reason: str, reply: Callable[[Answer], None]) -> "Ticket":
        """A ticket that is answered 503 at the loop's next turn, holds no place in the queue and is not open."""
        self.watch.observer.shed(reason)
        ticket = Ticket(None, b"", 0.0, reply)
        asyncio.get_running_loop().call_soon(ticket.settle, FULL)
        return ticket


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
