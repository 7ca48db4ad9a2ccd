"""The task driver: one asyncio task per request, for endpoints whose steps wait for the world.

The answer leaves at the deadline whatever the task does: a step that swallows its cancellation delays nobody.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Coroutine
from typing import TypeVar, overload

from .admission import Queue, Ticket
from .answer import EXPIRED, Answer
from .batcher import BY_HAND
from .current import CURRENT
from .glue import Glue, fatal
from .observer import Watch
from .standing import contained
from .stopwatch import Draw

CLOCK_S = 0.002
"""By so much an alarm may be early, and the next one late."""

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


class Waiting:
    """Drives the requests of one endpoint whose steps wait."""

    def __init__(self, glue: Glue, queue: Queue, watch: Watch) -> None:
        self._glue = glue
        self.draw = Draw(glue)
        self._queue = queue
        self._watch = watch
        self._tasks: dict[Ticket, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._rings_at = math.inf

    def begin(self, ticket: Ticket) -> None:
        """Start a request at the loop's next turn, and its clock now."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._alarm, self._rings_at, self._tasks = loop, None, math.inf, {}
        task = self._tasks[ticket] = loop.create_task(self._serve(ticket))
        ticket.on_cancel = task.cancel
        if ticket.deadline < self._rings_at:
            self._set_alarm(loop, ticket.deadline)
        self._queue.tell()

    def _set_alarm(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        """One for all: a timer for each, with what cancels it, takes 2 to 5 us a request."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._rings_at = loop.call_at(at, self._ring, loop), at

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the requests whose time is over."""
        now = time.monotonic()
        for ticket, task in tuple(self._tasks.items()):
            if task.done():  # cancelled before it began
                del self._tasks[ticket]
            elif ticket.open and ticket.deadline <= now + CLOCK_S:
                self._late(ticket, "waiting")
                task.cancel()
        self._alarm, self._rings_at = None, math.inf
        if left := [ticket.deadline for ticket in self._tasks if ticket.open]:
            self._set_alarm(loop, max(min(left), now + CLOCK_S))

    async def _serve(self, ticket: Ticket) -> None:
        try:
            if ticket.deadline <= time.monotonic():
                self._late(ticket, "dequeue")
                return
            CURRENT.set(ticket)
            ticket.settle(await self._answer(ticket))
        except asyncio.CancelledError as error:
            if not ticket.open:  # by the deadline or because the client left
                raise
            ticket.settle(self._glue.explain(error, ticket))
        finally:
            self._tasks.pop(ticket, None)
            self._queue.tell()

    async def _answer(self, ticket: Ticket) -> Answer:
        glue = self.draw.next()
        try:
            return glue.codec.encode(await glue.start(ticket))
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if fatal(error):
                raise
            return self._glue.explain(error, ticket)

    def _late(self, ticket: Ticket, stage: str) -> None:
        if not ticket.open:
            return
        self._watch.observer.deadline(stage)
        ticket.settle(EXPIRED)


@overload
async def together(first: Awaitable[A], second: Awaitable[B], /) -> tuple[A, B]: ...
@overload
async def together(first: Awaitable[A], second: Awaitable[B], third: Awaitable[C], /) -> tuple[A, B, C]: ...
@overload
async def together(*awaitables: Awaitable[A]) -> tuple[A, ...]: ...
async def together(*awaitables: Awaitable[object]) -> tuple[object, ...]:
    """The results of all, waited for at the same time, in the order given.

    The first that fails cancels the others and its own exception is raised, not a group. Under the turn
    driver they run one after the other, which is the same where none waits.
    """
    if BY_HAND.get():
        return await _in_order(awaitables)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(contained(awaitable)) for awaitable in awaitables]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return tuple([task.result() for task in tasks])


async def _in_order(awaitables: tuple[Awaitable[object], ...]) -> tuple[object, ...]:
    results: list[object] = []
    try:
        for awaitable in awaitables:
            results.append(await awaitable)
    finally:
        for unbegun in awaitables[len(results) + 1 :]:
            if isinstance(unbegun, Coroutine):
                unbegun.close()
    return tuple(results)
