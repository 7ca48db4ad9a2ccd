"""`each`: a coroutine for every item of a list, all advancing together, so that their sessions' runs are shared.

The turn driver knows one coroutine a request, and that waits for one run at a time. So the items ride by
themselves: each puts its runs in the lanes and goes on when a result comes. Only one of those that wait is lent to
the request, whose coroutine waits for that one's run; each time it comes, the next one is lent.
"""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from itertools import islice
from typing import Generic, TypeVar

from .answer import refusal
from .batcher import BY_HAND, Failure, Run
from .codec import BadRequest
from .glue import fatal

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOG = logging.getLogger("dagc.runtime")


async def each(
    function: Callable[[Item], Coroutine[object, object, Result]], items: Iterable[Item], *, max_items: int
) -> list[Result]:
    """What `function` returns for each item, in the order of the items; no items give an empty list.

    The first failure closes the other items' coroutines and is raised.

    Raises:
        BadRequest: 422 `too_many_items`, there are more than `max_items`.
    """
    found = list(islice(items, max_items + 1))
    if len(found) > max_items:
        message = f"at most {max_items} items are taken, more were given"
        raise BadRequest(refusal(422, "too_many_items", message))
    if BY_HAND.get():
        return await _Fork([function(item) for item in found])
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_contained(function, item)) for item in found]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


async def _contained(function: Callable[[Item], Coroutine[object, object, Result]], item: Item) -> Result:
    """One item in a task of its own; a task lets SystemExit through to the loop, which would end the service."""
    try:
        return await function(item)
    except SystemExit as error:
        raise RuntimeError("a step ended the process") from error


class _Fork(Generic[Result]):
    """The items of one call under the turn driver; awaiting it gives their results in order."""

    __slots__ = ("_branches", "error", "open", "strange")

    def __init__(self, coroutines: Sequence[Coroutine[object, object, Result]]) -> None:
        self._branches = [_Branch(self, coroutine) for coroutine in coroutines]
        self.open = True
        self.error: BaseException | None = None
        self.strange: object = None

    def __await__(self) -> Generator[object, object, list[Result]]:
        try:
            lent = self._start()
            while lent is not None and self.open:
                outcome = yield from lent.ride_with_the_request()
                if self.open:  # no other item has failed meanwhile
                    lent.advance(outcome)
                    lent = self._next(lent)
            if self.strange is not None:
                yield self.strange  # a step waited for the world: the driver knows what to say
            if self.error is not None:
                raise self.error
            return [result for branch in self._branches for result in branch.results]
        finally:
            self._close()

    def stop(self, *, error: BaseException | None = None, strange: object = None) -> None:
        """Let no item go on: one has failed, or waits for something that is no run."""
        self.open = False
        self.error = self.error or error
        self.strange = self.strange or strange

    def _start(self) -> "_Branch[Result] | None":
        """Begin all items and put their runs in the lanes, but for the last one's, which is returned."""
        held: _Branch[Result] | None = None
        for branch in self._branches:
            branch.advance(None)
            if not self.open:
                return None
            if branch.run is not None:
                if held is not None:
                    held.board()
                held = branch
        return held

    def _next(self, last: "_Branch[Result]") -> "_Branch[Result] | None":
        """The item to lend after `last` has gone on.

        Best is one whose run comes late: what others ask for meanwhile should stand before it in its lane. A run
        whose results are being handed out right now would be asked for twice: only where there is no other.
        """
        waiting = [branch for branch in self._branches if branch.run is not None and branch is not last]
        idle = [branch for branch in waiting if not branch.is_being_served]
        if last.run is not None:
            elsewhere = [branch for branch in idle if branch.run is not None and branch.run.lane != last.run.lane]
            if not elsewhere:
                return last
            last.board()
            return elsewhere[-1]
        return next(reversed(idle or waiting), None)

    def _close(self) -> None:
        self.open = False
        for branch in self._branches:
            if not branch.results:
                branch.close()


class _Branch(Generic[Result]):
    """One item's coroutine, and the context its steps see. `results` is empty until it has returned."""

    __slots__ = ("_context", "_coroutine", "_seat", "fork", "results", "run")

    def __init__(self, fork: _Fork[Result], coroutine: Coroutine[object, object, Result]) -> None:
        self.fork = fork
        self._coroutine = coroutine
        self._context = contextvars.copy_context()
        self._seat: _Seat[Result] | None = None
        self.run: Run | None = None
        self.results: list[Result] = []

    @property
    def is_being_served(self) -> bool:
        """Whether its own place in a lane is part of the run whose results are being handed out."""
        return self._seat is not None and self._seat.taken

    def board(self) -> None:
        """Put the run in its lane."""
        if self.run is not None:
            self._seat = _Seat(self)
            self.run.batcher.add(self.run, self._seat)

    def holds(self, seat: "_Seat[Result]") -> bool:
        """Whether the item still waits for what a place in a lane brings."""
        return self._seat is seat and self.fork.open

    def ride_with_the_request(self) -> Generator[object, object, object]:
        """Have the request wait for the run; a place of the item's own is void from now on."""
        self._seat = None
        try:
            return (yield self.run)
        except Exception as error:  # the driver raises a session's failure here
            return Failure(error)

    def advance(self, outcome: object) -> None:
        """Run the coroutine to its next session or its end."""
        self.run = self._seat = None
        try:
            if type(outcome) is Failure:
                asked = self._context.run(self._coroutine.throw, outcome.error)
            else:
                asked = self._context.run(self._coroutine.send, outcome)
        except StopIteration as done:
            self.results.append(done.value)
        except BaseException as raised:
            if fatal(raised):
                raise
            self.fork.stop(error=raised)
        else:
            if type(asked) is Run:
                self.run = asked
            else:
                self.fork.stop(strange=asked)

    def close(self) -> None:
        """Let the coroutine tidy up; one that has ended has nothing to do."""
        try:
            self._context.run(self._coroutine.close)
        except Exception as error:
            _LOG.error("a step failed while its request was being closed: %s", type(error).__name__)


class _Seat(Generic[Result]):
    """An item's own place in a lane. `taken` from when its run begins."""

    __slots__ = ("_branch", "taken")

    def __init__(self, branch: _Branch[Result]) -> None:
        self._branch = branch
        self.taken = False

    def wanted(self, now: float) -> bool:
        """Whether the item still waits for this run."""
        self.taken = self._branch.holds(self)
        return self.taken

    def deliver(self, outcome: object) -> None:
        """Go on with a result, or with a failure raised at the `await`, and ask for the next run."""
        if self._branch.holds(self):
            self._branch.advance(outcome)
            self._branch.board()
