"""Calls of steps in threads beside the loop: so many at a time, a bounded line behind them, in order.

A thread cannot be ended. A call that nobody waits for any more keeps its place until it returns, and when all
places are taken by such calls, new ones are refused at once: to stand in that line would be to wait for nothing.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from functools import partial

from .answer import FULL, Unanswered
from .batcher import Failure
from .executor import Executor
from .observer import Watch

WAITING = 16
"""Calls that may stand in line for each thread."""


class _Call:
    """One call, waiting or under way."""

    __slots__ = ("given_up", "result", "work")

    def __init__(self, work: Callable[[], object], result: asyncio.Future[object]) -> None:
        self.work = work
        self.result = result
        self.given_up = False


class StepQueue:
    """The calls of one kind of threads, on one loop."""

    def __init__(self, executor: Executor, watch: Watch) -> None:
        self.executor = executor
        self._watch = watch
        self._waiting: deque[_Call] = deque()
        self._lost = 0

    async def call(self, work: Callable[[], object]) -> object:
        """What `work` returns or raises, called in a thread with this task's context variables.

        Raises:
            Unanswered: 503, the line is full or will not move.
        """
        context = contextvars.copy_context()
        call = _Call(partial(context.run, work), asyncio.get_running_loop().create_future())
        if self.executor.is_free:
            self._begin(call)
        elif self._lost >= self.executor.size or len(self._waiting) >= WAITING * self.executor.size:
            self._watch.observer.shed("steps_full")
            raise Unanswered(FULL)
        else:
            self._waiting.append(call)
        try:
            return await call.result
        except asyncio.CancelledError:
            self._give_up(call)
            raise

    @property
    def is_stuck(self) -> bool:
        """Whether a thread works on something that nobody waits for."""
        return self._lost > 0

    def _begin(self, call: _Call) -> None:
        self.executor.run(partial(outcome_of, call.work), partial(self._land, call))

    def _give_up(self, call: _Call) -> None:
        if call in self._waiting:
            self._waiting.remove(call)
        elif not call.given_up:
            call.given_up = True
            self._lost += 1

    def _land(self, call: _Call, outcome: object) -> None:
        self._lost -= call.given_up
        if not call.result.done():
            if type(outcome) is Failure:
                call.result.set_exception(outcome.error)
            else:
                call.result.set_result(outcome)
        if self._waiting:
            self._begin(self._waiting.popleft())


def outcome_of(work: Callable[[], object]) -> object:
    """What the work returns, or a `Failure`; never raises."""
    try:
        return work()
    except Exception as error:
        if isinstance(error, StopIteration):  # a future cannot hold it
            return Failure(RuntimeError("a step raised StopIteration"))
        return Failure(error)
    except BaseException as error:
        ended = RuntimeError(f"a step raised {type(error).__name__}")
        ended.__cause__ = error
        return Failure(ended)
