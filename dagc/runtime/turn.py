"""The turn driver: all requests of one loop turn advance together, by hand, with no task, future or timer each.

A task, a future and a timeout cost 15 us a request, half of what a small model's whole request costs.
"""

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Coroutine

from .admission import Ticket
from .answer import EXPIRED
from .batcher import BY_HAND, TURN_S, Batcher, Failure, Run
from .current import CURRENT
from .glue import Glue, fatal
from .observer import TURN, Watch
from .stopwatch import Draw

_FRESH = contextvars.Context()
_FRESH.run(BY_HAND.set, True)


SHARE = 3
"""Of four parts of its time an overloaded loop works for three, and reads and refuses for one: goodput stays over
0.7 of the most that a service does, and probes are heard within four times what one round of reading takes."""
BURST_S = 0.1
"""So long it may work in advance."""


class WaitedInTurn(RuntimeError):
    """A step waited for the world in an endpoint whose `waits` is false in service.json."""


class Turn:
    """Drives the requests of one endpoint whose steps never wait."""

    def __init__(self, glue: Glue, batcher: Batcher, watch: Watch) -> None:
        self.draw = Draw(glue)
        self.watch = watch
        self.batcher = batcher
        self._glue = glue
        self._since = 0.0
        self._owes_until = 0.0
        self._arrived: deque[Ticket] = deque()
        self._scheduled = False

    def begin(self, ticket: Ticket) -> None:
        """Start a request at the loop's next turn."""
        self._arrived.append(ticket)
        if not self._scheduled:
            self._wake()

    def catch_up(self) -> None:
        """Do now what the next turn would do, and all of it: more is read in one turn than is worked on.

        Nobody is heard, or answered, meanwhile: it owes them a third of the time that it takes.
        """
        began = time.monotonic()
        if self._owes_until - began > BURST_S / SHARE:
            return
        while self._arrived:
            ticket = self._arrived.popleft()
            if ticket.open:
                self._begin(ticket, self.draw.plain, began)
        self.batcher.catch_up()
        took_s = time.monotonic() - began
        self._owes_until = max(self._owes_until, began) + took_s + took_s / SHARE

    def _wake(self) -> None:
        self._scheduled = True
        self._glue = self.draw.next()
        if self._glue is not self.draw.plain:
            self._since = time.monotonic()
        asyncio.get_running_loop().call_soon(self._start, context=contextvars.Context())

    def _start(self) -> None:
        """Begin what arrived, until the turn is over, then run the sessions they ask for."""
        self._scheduled = False
        self.watch.turning = True
        now = time.monotonic()
        until = now + TURN_S
        glue = self._glue
        if glue is not self.draw.plain:
            self.watch.observer.waited(TURN, now - self._since)
        try:
            while self._arrived and now < until:
                ticket = self._arrived.popleft()
                if ticket.open:
                    self._begin(ticket, glue, now)
                glue = self.draw.plain
                now = time.monotonic()
        finally:
            if self._arrived:
                self._wake()
            self.batcher.work()

    def _begin(self, ticket: Ticket, glue: Glue, now: float) -> None:
        if ticket.deadline <= now:
            self.watch.observer.deadline("dequeue")
            ticket.settle(EXPIRED)
            return
        try:
            coroutine = glue.start(ticket)
        except BaseException as error:
            if fatal(error):
                raise
            ticket.settle(glue.explain(error, ticket))
            return
        _Ride(self, glue, ticket, coroutine).advance(None)


class _Ride:
    """One request's coroutine, and the context its steps see: what one sets, no other request reads."""

    __slots__ = ("_context", "_coroutine", "_glue", "_ticket", "_turn")

    def __init__(
        self, turn: Turn, glue: Glue, ticket: Ticket, coroutine: Coroutine[object, object, object]
    ) -> None:
        self._turn = turn
        self._glue = glue
        self._ticket = ticket
        self._coroutine = coroutine
        self._context = _FRESH.copy()
        if turn.batcher.patient:
            self._context.run(CURRENT.set, ticket)

    def wanted(self, now: float) -> bool:
        """Whether the client is still there and in time; if not, the coroutine is closed."""
        if self._ticket.open and self._ticket.deadline > now:
            return True
        self._close()
        if self._ticket.open:
            self._turn.watch.observer.deadline("session")
            self._ticket.settle(EXPIRED)
        return False

    def deliver(self, outcome: object) -> None:
        """Advance with a session's result, or with its error raised at the `await`."""
        if not self.wanted(time.monotonic()):
            return
        if type(outcome) is Failure:
            self.advance(None, outcome.error)
        else:
            self.advance(outcome)

    def advance(self, value: object, error: Exception | None = None) -> None:
        """Run the coroutine to its next session or its end."""
        glue = self._glue
        try:
            if error is None:
                asked = self._context.run(self._coroutine.send, value)
            else:
                asked = self._context.run(self._coroutine.throw, error)
        except StopIteration as done:
            self._finish(done.value)
            return
        except BaseException as raised:
            if fatal(raised):
                raise
            self._ticket.settle(glue.explain(raised, self._ticket))
            return
        if type(asked) is Run:
            self._turn.batcher.add(asked, self)
            return
        self._close()
        waited = WaitedInTurn(f"a step of `{glue.endpoint}` waited, service.json says that none does")
        self._ticket.settle(glue.explain(waited, self._ticket))

    def _finish(self, value: object) -> None:
        glue = self._glue
        try:
            answer = glue.codec.encode(value)
        except BaseException as error:
            if fatal(error):
                raise
            answer = glue.explain(error, self._ticket)
        self._ticket.settle(answer)

    def _close(self) -> None:
        try:
            self._context.run(self._coroutine.close)
        except Exception as error:
            self._glue.explain(error, self._ticket)
