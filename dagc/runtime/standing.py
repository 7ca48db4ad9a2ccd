"""`fallback` and `quorum`: branches beside each other, of which a late one is given up and never waited for.

A branch that swallows its cancellation runs on by itself; the answer does not.
"""

import asyncio
import time
from collections.abc import Awaitable, Coroutine, Sequence
from typing import TypeVar

from .answer import Unanswered, refusal
from .codec import BadRequest
from .current import UNTIL
from .scope import SCOPE, Branch

Result = TypeVar("Result")


class Late(TimeoutError):
    """A branch has not answered in its time."""


async def fallback(primary: Branch, backup: Branch, *, node: str, within_s: float | None = None) -> object:
    """What `primary` returns; where it fails, or takes longer than `within_s`, what `backup` returns.

    A refusal, or a request that is at fault itself, is no failure. Without `within_s` both drivers can drive it.
    """
    try:
        return await (primary() if within_s is None else in_time(primary(), within_s))
    except (Exception, SystemExit) as error:
        if is_refusal(error):
            raise
        SCOPE.get().fell_back(node, error)
    return await backup()


async def quorum(members: Sequence[Branch], *, node: str, need: int, within_s: float) -> list[object]:
    """The answers of the members that have come within `within_s`, in the members' order.

    Raises:
        Unanswered: they are fewer than `need`: 504 where some were late, else 503.
    """
    tasks = [_begun(member(), within_s) for member in members]
    try:
        await _until(tasks, len(members) - need, within_s)
    finally:
        late = [task for task in tasks if not task.done()]
        for task in tasks:  # one that has failed is heard too, where the request was cancelled in that very turn
            give_up(task)
    answers = [task.result() for task in tasks if task.done() and not _failed(task)]
    SCOPE.get().counted(node, len(answers), len(members))
    if len(answers) >= need:
        return answers
    message = f"{len(answers)} of {len(members)} members answered, {need} are needed"
    raise Unanswered(refusal(504, "quorum_late", message) if late else refusal(503, "quorum_failed", message))


async def in_time(branch: Coroutine[object, object, Result], within_s: float) -> Result:
    """What the branch returns.

    Raises:
        Late: not within that many seconds.
    """
    task = _begun(branch, within_s)
    try:
        await asyncio.wait((task,), timeout=within_s)
    finally:  # it is late, or the request itself was cancelled, maybe in the very turn in which the branch failed
        if task.done():
            _heard(task)
        else:
            give_up(task)
    if not task.done():
        raise Late(f"no answer within {within_s:g} s")
    if task.cancelled():
        raise RuntimeError("a step cancelled itself")
    return task.result()


async def contained(branch: Awaitable[Result]) -> Result:
    """The branch in a task of its own; a task lets SystemExit through to the loop, which would end the service."""
    try:
        return await branch
    except SystemExit as error:
        raise RuntimeError("a step ended the process") from error


def _begun(branch: Coroutine[object, object, Result], within_s: float) -> "asyncio.Task[Result]":
    """The branch as a task that knows how long it is waited for."""
    before = UNTIL.set(min(UNTIL.get(), time.monotonic() + within_s))
    try:
        return asyncio.create_task(contained(branch))
    finally:
        UNTIL.reset(before)


def give_up(task: "asyncio.Task[Result]") -> None:
    """Cancel the task and wait for nothing; what it still says is heard by nobody."""
    task.cancel()
    task.add_done_callback(_heard)


def is_refusal(error: BaseException) -> bool:
    """Whether the error answers the request (4xx), so that nothing stands in for it."""
    return isinstance(error, BadRequest) or any(kind.__name__ == "Refuse" for kind in type(error).__mro__)


async def _until(tasks: Sequence["asyncio.Task[object]"], spare: int, within_s: float) -> None:
    """Until all have ended, or more than `spare` have failed, or the time is over. Raises a refusal."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    waiting = set(tasks)
    while waiting and (left_s := until - loop.time()) > 0:
        done, waiting = await asyncio.wait(waiting, timeout=left_s, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            error = None if task.cancelled() else task.exception()
            if error is not None and is_refusal(error):
                raise error
        if sum(map(_failed, tasks)) > spare:
            return


def _failed(task: "asyncio.Task[object]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _heard(task: "asyncio.Task[Result]") -> None:
    if not task.cancelled():
        task.exception()
