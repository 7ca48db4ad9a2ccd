"""Threads beside the event loop for runs that take long: onnxruntime lets go of Python's lock while it computes.

Not more of them than CPUs, and no queue: what waits for a free thread stays in its lane, where the next batch
grows.
"""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .cpu_limit import cpu_limit

Result = TypeVar("Result")

NICE = 10
"""With it a loop beside busy threads refuses in 1-2 ms, without in up to 1222."""


class Executor:
    """Runs functions in threads and hands their results back on the loop. Set `size` before the first."""

    def __init__(self, threads: str = "dagc-run", size: int | None = None) -> None:
        self.size = cpu_limit() if size is None else size
        self._threads = threads
        self._running = 0
        self._pool: ThreadPoolExecutor | None = None

    @property
    def is_free(self) -> bool:
        """Whether a thread would begin at once."""
        return self._running < self.size

    def run(self, work: Callable[[], Result], land: Callable[[Result], None]) -> None:
        """Call `work`, which must not raise, in a thread and then `land` with its result on this loop."""
        if self._pool is None:  # not earlier: threads do not survive a fork
            self._pool = ThreadPoolExecutor(self.size, self._threads, initializer=be_nice)
        self._running += 1
        self._pool.submit(self._run, asyncio.get_running_loop(), work, land)

    def _run(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[], Result],
        land: Callable[[Result], None],
    ) -> None:
        result = work()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(self._land, land, result)

    def _land(self, land: Callable[[Result], None], result: Result) -> None:
        self._running -= 1
        land(result)


def be_nice() -> None:
    """Let the loop's thread go first."""
    if sys.platform == "linux":  # where a priority is a thread's own
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
