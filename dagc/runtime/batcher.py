"""Requests to sessions, gathered in lanes: whatever has arrived when the loop gets here shares one run.

One batcher serves both drivers: hand-driven coroutines and asyncio tasks stand in the same lanes. Nobody waits for
company, but where a service was told to. After `TURN_S` of work the loop gets a turn, and heavy sessions run in
threads, so that probes answer under load.
"""

import asyncio
import contextvars
import logging
import math
import time
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from .company import Company, waits_until
from .executor import Executor
from .feed import Example, FeedError, OutOfRange
from .observer import Watch
from .runnable import Runnable, WrongLength
from .session import Session

_LOG = logging.getLogger("dagc.runtime")

TURN_S = 0.005
"""Work done before other callbacks of the loop run. A run itself cannot be interrupted."""
SWEEP_S = 0.02
"""How often those who wait for a run in a thread are looked at."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a request gets instead of a result."""

    error: Exception


BY_HAND: contextvars.ContextVar[bool] = contextvars.ContextVar("dagc_by_hand", default=False)
"""Whether the turn driver, not a task, drives this coroutine (`asyncio.current_task` costs ten times more)."""


class SessionFailed(RuntimeError):
    """A run failed for this one request; the cause is onnxruntime's error."""


class Rider(Protocol):
    """Who asked for a run."""

    def wanted(self, now: float) -> bool:
        """Whether the result is still of use. A rider that says no tidies up and is asked nothing more."""

    def deliver(self, outcome: object) -> None:
        """Take the result, or a `Failure`."""


class Run:
    """One example on its way through a session, or a step of lists: what `await scoring(row)` waits for."""

    __slots__ = ("batcher", "example", "lane", "session", "since", "trace", "until")

    trace: object
    """The span that asked for it, set only where it has one."""

    def __init__(self, batcher: "Batcher", session: Runnable, example: Example) -> None:
        self.batcher = batcher
        self.session = session
        self.example = example
        self.lane = session.lane(example)
        self.since = time.monotonic() if session.is_heavy or session.max_wait_s else 0.0
        self.until = waits_until(session.max_wait_s) if session.max_wait_s else 0.0

    def __await__(self) -> Generator[object, object, object]:
        if BY_HAND.get():  # the turn driver takes the run itself and sends the result
            return (yield self)
        return (yield from self.batcher.join(self).__await__())


class SessionCall:
    """A session as the glue calls it: `await call(value, ...)` returns its outputs for one example."""

    __slots__ = ("_batcher", "session")

    def __init__(self, batcher: "Batcher", session: Session) -> None:
        self._batcher = batcher
        self.session = session

    def __call__(self, *values: object) -> Run:
        """An awaitable of the session's outputs: one value, or a tuple of them."""
        session = self.session  # another one may take its place: a run keeps that which it began with
        return Run(self._batcher, session, session.example(values))


Batch = list[tuple[Run, Rider]]


class Batcher:
    """All sessions' lanes. Everything but the runs of heavy sessions happens on the event loop's thread."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._lanes: dict[Hashable, Batch] = {}
        self._scheduled = False
        self._left = 0
        self._company = Company(self.wake)
        self.patient = False
        """Whether some session waits for company: then riders have to say how long they may."""
        self.executor = Executor()
        self.linked: Callable[[str, Batch, float], None] | None = None
        """Told of every batch that has run, where spans are exported."""

    def add(self, run: Run, rider: Rider) -> None:
        """Put a run in its lane. `work` or `wake` must follow."""
        lane = self._lanes.get(run.lane)
        if lane is None:
            self._lanes[run.lane] = [(run, rider)]
        else:
            lane.append((run, rider))
        if run.until:
            self._company.expect(run.lane, run.until)

    def join(self, run: Run) -> asyncio.Future[object]:
        """A future of the run's result, for a task to wait on."""
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self.add(run, _Waiter(future))
        self.wake()
        return future

    def wake(self) -> None:
        """See that `work` is called at the loop's next turn, in no request's context."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._wake_up, context=contextvars.Context())

    def work(self) -> None:
        """Run what stands in the lanes, the oldest lane first, until none can run or the turn is over."""
        now = time.monotonic()
        until = now + TURN_S
        while (name := self._next_lane(now)) is not None:
            if now >= until:
                self.wake()
                break
            if batch := self._take(name, now):
                self._run(batch, now)
            now = time.monotonic()
        self._company.set_alarm(now)
        self._tell()

    def catch_up(self) -> None:
        """Run whatever can run now, however long it takes. The turn is not over: nobody is told that it is.

        There is no room for more company.
        """
        while (name := self._next_lane(math.inf)) is not None:
            now = time.monotonic()
            if batch := self._take(name, now):
                self._run(batch, now)

    def _next_lane(self, now: float) -> Hashable | None:
        """The oldest lane whose session can run now."""
        for name, lane in self._lanes.items():
            session = lane[0][0].session
            if session.max_wait_s and len(lane) < _most(session) and self._company.is_awaited(name, now):
                continue
            if not session.is_heavy or (session.executor or self.executor).is_free:
                return name
        return None

    def _tell(self) -> None:
        self._watch.end_turn()
        left = sum(map(len, self._lanes.values())) if self._lanes else 0
        if left != self._left:
            self._left = left
            self._watch.observer.queue_depth(left)

    def _wake_up(self) -> None:
        self._scheduled = False
        self.work()

    def _take(self, name: Hashable, now: float) -> Batch:
        """The lane's next batch, without those whom nobody waits for. What is left of the lane goes to the end."""
        lane = self._lanes.pop(name)
        session = lane[0][0].session
        most = session.size(len(lane)) if session.is_heavy else session.max_batch
        if len(lane) > most:
            self._lanes[name] = lane[most:]
        if session.max_wait_s:
            self._company.expect_no_more(name, [run.until for run, _ in lane[most:]])
        return [(run, rider) for run, rider in lane[:most] if rider.wanted(now)]

    def _run(self, batch: Batch, started: float) -> None:
        session = batch[0][0].session
        examples = [run.example for run, _ in batch]
        if session.is_heavy or session.max_wait_s:
            self._watch.observer.waited(session.name, started - batch[0][0].since)
        if not session.is_heavy:
            outcomes = run_each(session, examples)
            seconds = time.monotonic() - started
            session.took(seconds)
            self._deliver(batch, outcomes, seconds)
            return
        executor = session.executor or self.executor
        executor.run(partial(run_each, session, examples), partial(self._land, batch, started))
        asyncio.get_running_loop().call_later(SWEEP_S, self._sweep, batch)

    def _land(self, batch: Batch, started: float, outcomes: list[object]) -> None:
        """A thread has run a batch."""
        seconds = time.monotonic() - started
        if not any(type(outcome) is Failure for outcome in outcomes):  # halving says nothing of whole batches
            first = batch[0][0]
            first.session.learn(first.example, len(batch), seconds)
        self._deliver(batch, outcomes, seconds)
        batch.clear()
        self.work()

    def _deliver(self, batch: Batch, outcomes: list[object], seconds: float) -> None:
        session = batch[0][0].session
        self._watch.observer.batch(session.name, len(batch), seconds)
        if self.linked is not None:
            self.linked(session.name, batch, seconds)
        for (_, rider), outcome in zip(batch, outcomes, strict=True):
            try:
                rider.deliver(outcome)
            except Exception:  # one rider's fault must not strand the others of the batch
                _LOG.exception("a result of session `%s` could not be handed on", session.name)

    def _sweep(self, batch: Batch) -> None:
        """While a thread runs a batch, see to those in it and behind it whose time is up."""
        if not batch:
            return
        now = time.monotonic()
        for _, rider in batch:
            rider.wanted(now)
        for name, lane in tuple(self._lanes.items()):
            if not (kept := [(run, rider) for run, rider in lane if rider.wanted(now)]):
                del self._lanes[name]
                self._company.expect_no_more(name, ())
            else:
                self._lanes[name] = kept
        self._tell()
        asyncio.get_running_loop().call_later(SWEEP_S, self._sweep, batch)


def _most(session: Runnable) -> int:
    """How many requests are company enough: as many as a run would take, were they all here."""
    return session.size(session.max_batch) if session.is_heavy else session.max_batch


def run_each(session: Runnable, examples: Sequence[Example]) -> list[object]:
    """Each example's result or `Failure`, in order. A failed batch is halved until the poison stands alone.

    Halving costs about 2 log2(n) runs for one bad example among n; running all n alone would cost n.
    """
    try:
        return session.run(examples)
    except WrongLength as error:  # no example is to blame
        return [Failure(WrongLength(*error.args)) for _ in examples]
    except Exception as error:
        if len(examples) == 1:
            if session.is_step or isinstance(error, FeedError | OutOfRange):
                return [Failure(error)]
            failed = SessionFailed(f"session `{session.name}` failed: {type(error).__name__}")
            failed.__cause__ = error
            return [Failure(failed)]
    half = len(examples) // 2
    return run_each(session, examples[:half]) + run_each(session, examples[half:])


class _Waiter:
    """A task that waits on a future; cancelled tasks leave cancelled futures behind."""

    __slots__ = ("_future",)

    def __init__(self, future: asyncio.Future[object]) -> None:
        self._future = future

    def wanted(self, now: float) -> bool:
        return not self._future.done()

    def deliver(self, outcome: object) -> None:
        if self._future.done():  # `set_result` would raise, and the rest of the batch would hang
            return
        if type(outcome) is Failure:
            self._future.set_exception(outcome.error)
        else:
            self._future.set_result(outcome)
