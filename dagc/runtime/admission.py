"""Who may enter: a bounded count per endpoint, and one ticket per request that is answered at most once."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from .answer import FULL, Answer
from .observer import Watch

_LOG = logging.getLogger("dagc.runtime")


@dataclass(slots=True)
class Queue:
    """How many requests of one endpoint are accepted and unanswered, and how many may be."""

    limit: int
    watch: Watch
    held: int = 0
    told: int = 0

    def __post_init__(self) -> None:
        self.watch.gauges.append(self.tell)

    def admit(self, body: bytes, deadline: float, reply: Callable[[Answer], None]) -> "Ticket | None":
        """A ticket, or `None` when the queue is full."""
        if self.held >= self.limit:
            return None
        self.held += 1
        return Ticket(self, body, deadline, reply)

    def shed(self, reply: Callable[[Answer], None]) -> "Ticket":
        """A ticket that is answered 503 at the loop's next turn and holds no place in the queue."""
        self.watch.observer.shed("queue_full")
        ticket = Ticket(None, b"", 0.0, reply)
        asyncio.get_running_loop().call_soon(ticket.settle, FULL)
        return ticket

    def tell(self) -> None:
        """Report how the requests in flight changed since the last report."""
        if change := self.held - self.told:
            self.told = self.held
            self.watch.observer.in_flight(change)


class Ticket:
    """One request on its way. `deadline` is on the loop's clock, which is `time.monotonic`.

    The front may set `request_id` after `accept` returned: work begins at the loop's next turn.
    """

    __slots__ = ("_queue", "_reply", "body", "deadline", "on_cancel", "open", "request_id")

    def __init__(self, queue: Queue | None, body: bytes, deadline: float, reply: Callable[[Answer], None]) -> None:
        self._queue = queue
        self._reply = reply
        self.body = body
        self.deadline = deadline
        self.open = True
        self.request_id = b""
        self.on_cancel: Callable[[], object] | None = None

    def settle(self, answer: Answer) -> None:
        """Send the one answer. Does nothing when one was sent before or the client has gone."""
        if not self.open:
            return
        self.open = False
        if self._queue is not None:
            self._queue.held -= 1
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
        if self._queue is not None:
            self._queue.held -= 1
            self._queue.tell()
        if self.on_cancel is not None:
            self.on_cancel()
