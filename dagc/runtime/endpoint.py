"""One graph behind `POST route`: its queue, the driver of its requests, and its other ways in."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from . import on_demand
from .access import Access
from .admission import Queue, Ticket
from .answer import Answer
from .batcher import Batcher
from .glue import Coding, Glue
from .observer import Watch
from .scope import FlaggingCodec
from .settings import EndpointSettings, Limits
from .stopwatch import timed
from .turn import Turn
from .waiting import Waiting

if TYPE_CHECKING:
    from .otlp import Exporter


class Endpoint:
    """One graph behind `POST route`, as the front sees it."""

    of_bytes: "Endpoint | None" = None
    """The way in for bodies that are the bytes of its one parameter."""
    access: Access | None = None
    """Who may use it; `None`: everybody."""

    def __init__(
        self, settings: EndpointSettings, glue: Glue, batcher: Batcher, watch: Watch, queue: Queue
    ) -> None:
        self._settings = settings
        self._batcher = batcher
        self._others: list[Endpoint] = []
        self.name = settings.name
        self.version = settings.version
        self.route = settings.route
        self.waits = settings.waits
        self.limits: Limits = settings.limits
        self._queue = queue
        self._glue = glue
        self._watch = watch
        self._driver = Waiting(glue, self._queue, watch) if self.waits else Turn(glue, batcher, watch)
        if isinstance(self._driver, Turn):
            queue.relief.append(self._driver.catch_up)
        self._begin = self._driver.begin

    @property
    def in_flight(self) -> int:
        """Requests accepted and not yet answered."""
        return self._queue.held

    def has_room(self, requests: int) -> bool:
        """Whether so many more requests may come in at once; if not, that is counted as one turned away."""
        if self._queue.held + requests <= self._queue.limit:
            return True
        self._watch.observer.shed("queue_full")
        return False

    def time(self, steps: Sequence[str], every: int) -> None:
        """Time `steps`, reading and writing in one turn of `every`; main.py is loaded by now."""
        self._driver.draw.begin(timed(self._glue, steps, self._watch), every)
        for other in self._others:
            other.time(steps, every)

    def also(self, codec: Coding) -> "Endpoint":
        """The same endpoint, with the same queue and sessions, for requests and answers in another form."""
        written = FlaggingCodec(codec) if self._settings.nodes else codec
        glue = replace(self._glue, codec=written)
        other = Endpoint(self._settings, glue, self._batcher, self._watch, self._queue)
        self._others.append(other)
        return other

    def trace(self, exporter: "Exporter", steps: Sequence[str]) -> None:
        """From now on requests have spans, and so have `steps` in them."""
        draw = self._driver.draw
        spanned = (on_demand.traced(each, self.route, steps, exporter) for each in (draw.plain, draw.timed))
        draw.plain, draw.timed = spanned
        for other in self._others:
            other.trace(exporter, steps)

    def accept(self, body: bytes, deadline: float, reply: Callable[[Answer], None]) -> Ticket:
        """The ticket of a request taken in; call it on the event loop.

        `deadline` is on the loop's clock. `reply` is called once, later, on the same loop, never inside `accept`;
        never after `Ticket.cancel`. Without room, or time, for one more it is a 503 at the loop's next turn.
        """
        ticket = self._queue.admit(body, deadline, reply)
        if ticket.queue is not None:
            self._begin(ticket)
        return ticket
