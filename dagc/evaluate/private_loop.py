"""One event loop in a daemon thread, where steps that wait run: callers may be inside a running loop themselves.

It lives as long as the process: pools and clients of a user's module stay bound to the loop that made them. In the
end its generators are closed, and with them what they keep open.
"""

import asyncio
import atexit
import threading
from collections.abc import Awaitable
from contextlib import suppress
from functools import cache
from typing import TypeVar

Result = TypeVar("Result")

_THREAD = "dagc-private-loop"
_PATIENCE_S = 2.0


def wait_for(awaitable: Awaitable[Result], longest_s: float | None = None) -> Result:
    """What the awaitable returns or raises, computed on the private loop while the calling thread waits.

    Context variables of the caller are seen by the awaitable.

    Raises:
        TimeoutError: it took more than `longest_s` seconds.
        RuntimeError: called on the private loop itself, which would wait for itself for ever.
    """
    if threading.current_thread().name == _THREAD:
        raise RuntimeError("a step that waits cannot be run from inside another one; await it there")
    return asyncio.run_coroutine_threadsafe(_await(awaitable, longest_s), _loop()).result()


async def _await(awaitable: Awaitable[Result], longest_s: float | None) -> Result:
    async with asyncio.timeout(longest_s):
        return await awaitable


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name=_THREAD, daemon=True).start()
    atexit.register(_end, loop)
    return loop


def _end(loop: asyncio.AbstractEventLoop) -> None:
    with suppress(TimeoutError):
        asyncio.run_coroutine_threadsafe(loop.shutdown_asyncgens(), loop).result(_PATIENCE_S)
