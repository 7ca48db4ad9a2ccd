"""An async step of lists: the calls of one loop turn become one call, which is awaited for all of them.

The idea is that of Facebook's DataLoader: many look-ups of single things become one of several.
"""

import asyncio
import contextvars
import functools
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import cast

from .batch_step import results_of
from .observer import Watch
from .runnable import WrongLength

Lists = Callable[..., Coroutine[object, object, object]]


@dataclass(slots=True, eq=False)
class _Call:
    """What one request gives, and waits for; `task` is what works for it and others."""

    names: tuple[str, ...]
    values: tuple[object, ...]
    result: asyncio.Future[object]
    together: "tuple[_Call, ...]" = ()
    task: asyncio.Task[None] | None = None


class AsyncBatch:
    """The calls of one step."""

    def __init__(self, lists: Callable[..., object], name: str, max_batch: int, watch: Watch) -> None:
        self._lists = cast(Lists, lists)
        self._name = name
        self._max_batch = max_batch
        self._watch = watch
        self._waiting: list[_Call] = []

    def shared(self, step: Callable[..., object]) -> Callable[..., object]:
        """What the glue awaits with the values of one request."""

        @functools.wraps(step)
        async def call(*given: object, **named: object) -> object:
            return await self._join((*given, *named.values()), tuple(named))

        return call

    async def _join(self, values: tuple[object, ...], names: tuple[str, ...]) -> object:
        loop = asyncio.get_running_loop()
        call = _Call(names, values, loop.create_future())
        if not self._waiting:
            loop.call_soon(self._begin, context=contextvars.Context())
        self._waiting.append(call)
        try:
            return await call.result
        except asyncio.CancelledError:
            if call.task is not None and all(other.result.done() for other in call.together):
                call.task.cancel()
            raise

    def _begin(self) -> None:
        """A task for each batch of calls that name the same values; the first lot of a turn is the whole turn."""
        waiting, self._waiting = self._waiting, []
        by_names: dict[tuple[str, ...], list[_Call]] = {}
        for call in waiting:
            if not call.result.done():
                by_names.setdefault(call.names, []).append(call)
        for calls in by_names.values():
            for at in range(0, len(calls), self._max_batch):
                batch = tuple(calls[at : at + self._max_batch])
                task = asyncio.get_running_loop().create_task(self._run(batch))
                for call in batch:
                    call.together, call.task = batch, task

    async def _run(self, calls: Sequence[_Call]) -> None:
        """One call for all; where it fails, it is halved until the poison stands alone."""
        begun = time.monotonic()
        columns = [list(column) for column in zip(*[call.values for call in calls], strict=True)]
        bare = len(columns) - len(calls[0].names)
        named = dict(zip(calls[0].names, columns[bare:], strict=True))
        try:
            found = results_of(len(calls), await self._lists(*columns[:bare], **named))
        except WrongLength as error:
            _fail(calls, error)
        except asyncio.CancelledError:
            _fail(calls, RuntimeError("a step cancelled itself"))
            raise
        except (Exception, SystemExit) as error:
            if len(calls) == 1:
                _fail(calls, error if isinstance(error, Exception) else RuntimeError("a step ended the process"))
                return
            half = len(calls) // 2
            await self._run(calls[:half])
            await self._run(calls[half:])
        else:
            self._watch.observer.batch(self._name, len(calls), time.monotonic() - begun)
            for call, result in zip(calls, found, strict=True):
                if not call.result.done():
                    call.result.set_result(result)


def _fail(calls: Sequence[_Call], error: Exception) -> None:
    for call in calls:
        if not call.result.done():
            call.result.set_exception(WrongLength(*error.args) if isinstance(error, WrongLength) else error)
