"""How plain calls wait for async steps: on the loop of the caller of `aio`, else on the process's private loop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from dagc.diagnostics import Diagnostic
from dagc.dsl.complete import complete
from dagc.evaluate.private_loop import wait_for
from dagc.trace.recorder import here, refuse

P = ParamSpec("P")
R = TypeVar("R")

_callers_loop: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("dagc_callers_loop", default=None)
_running_step: ContextVar[str | None] = ContextVar("dagc_running_step", default=None)


@complete("await dagc.aio(graph)(request)")
def aio(function: Callable[P, R]) -> Callable[P, Coroutine[object, object, R]]:
    """The graph as an async function: `await dagc.aio(fraud)(payment)`.

    Its body runs in a worker thread, its async steps on the caller's running loop.
    """

    @wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        """The result, awaited."""
        token = _callers_loop.set(asyncio.get_running_loop())
        try:
            return await asyncio.to_thread(function, *args, **kwargs)
        finally:
            _callers_loop.reset(token)

    return call


def waited(awaitable: Awaitable[R]) -> R:
    """What the awaitable returns, while this thread waits."""
    loop = _callers_loop.get()
    if loop is None:
        return wait_for(awaitable)
    future = asyncio.run_coroutine_threadsafe(_await(awaitable), loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def refuse_inside_loop(kind: str, name: str, root: Path) -> None:
    """E0134 when this thread runs an event loop, which a plain call would block."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    refuse(
        Diagnostic.at(
            "E0134",
            f"{kind} `{name}` is called plainly inside a running event loop, which would stand still meanwhile",
            here(root),
            "called here",
            help=f"write `await dagc.aio({name})(...)`",
        )
    )


def refuse_inside_step(kind: str, name: str, root: Path) -> None:
    """E0121 when a step calls a model, a graph or an async step: in the service these are not functions there."""
    outer = _running_step.get()
    if outer is None:
        return
    refuse(
        Diagnostic.at(
            "E0121",
            f"step `{outer}` calls the {kind} `{name}`",
            here(root),
            "called here",
            help=f"call `{name}` in the graph body and pass its result to `{outer}`",
        )
    )


@contextmanager
def running_step(name: str) -> Iterator[None]:
    """Calls made inside are made by that step."""
    token = _running_step.set(name)
    try:
        yield
    finally:
        _running_step.reset(token)


async def _await(awaitable: Awaitable[R]) -> R:
    return await awaitable
