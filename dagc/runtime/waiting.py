"""The task driver: one asyncio task per request, for endpoints whose steps wait for the world.

The answer leaves at the deadline whatever the task does: a step that swallows its cancellation delays nobody.
"""

import asyncio
import time
from collections.abc import Awaitable, Coroutine
from typing import TypeVar, overload

from .admission import Queue, Ticket
from .answer import EXPIRED, Answer
from .batcher import BY_HAND
from .current import CURRENT
from .glue import Glue, fatal
from .observer import Watch
from .stopwatch import Draw

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
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, ticket: Ticket) -> None:
        """Start a request at the loop's next turn, and its clock now."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._serve(ticket))
        timer = loop.call_at(ticket.deadline, self._expire, ticket, task)
        ticket.on_cancel = task.cancel
        self._tasks.add(task)

        def forget(done: asyncio.Task[None]) -> None:
            timer.cancel()
            self._tasks.discard(done)
            self._queue.tell()

        task.add_done_callback(forget)
        self._queue.tell()

    async def _serve(self, ticket: Ticket) -> None:
        if ticket.deadline <= time.monotonic():
            self._late(ticket, "dequeue")
            return
        CURRENT.set(ticket)
        try:
            answer = await self._answer(ticket)
        except asyncio.CancelledError as error:
            if not ticket.open:  # by the deadline or because the client left
                raise
            answer = self._glue.explain(error, ticket)
        ticket.settle(answer)

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

    def _expire(self, ticket: Ticket, task: asyncio.Task[None]) -> None:
        self._late(ticket, "waiting")
        task.cancel()

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
            tasks = [group.create_task(_as_coroutine(awaitable)) for awaitable in awaitables]
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


async def _as_coroutine(awaitable: Awaitable[object]) -> object:
    return await awaitable
