"""Where the steps of a service run: on the loop, in threads, in processes; alone, or for several requests."""

import asyncio
import functools
import os
from collections.abc import Callable
from pathlib import Path

from .async_batch import AsyncBatch
from .batch_step import BatchStep, shared
from .batcher import Batcher
from .cpu_limit import cpu_limit
from .executor import Executor
from .observer import Watch
from .processes import Processes
from .settings import GuardSettings, StartError
from .step_queue import StepQueue

Step = Callable[..., object]

MORE_THREADS = 4
"""Beside one for each CPU, as Python's own pool has: most threads of steps wait."""
LEAST_PROCESSES = 2
"""Of a worker: while one that has died is replaced, a second or more of a CPU, another one answers."""


class StepPlaces:
    """The threads and processes of one worker, made when the first step wants them."""

    def __init__(self, folder: Path, batcher: Batcher, watch: Watch) -> None:
        self._folder = folder
        self._batcher = batcher
        self._watch = watch
        self._cpus = cpu_limit()
        self._queues: dict[str, StepQueue] = {}
        self._batches: dict[str, Executor] = {}
        self._processes: Processes | None = None

    def begin(self, workers: int) -> None:
        """This worker, one of so many, begins to serve: processes are started, if some step has one."""
        self._cpus = max(1, cpu_limit() // workers)
        for run, queue in self._queues.items():
            queue.executor.size = self._size(run)
        for executor in self._batches.values():
            executor.size = self._cpus
        if self._processes is not None:
            self._processes.start(max(LEAST_PROCESSES, self._cpus))

    @property
    def is_stuck(self) -> bool:
        """Whether a thread is in a step that nobody waits for any more."""
        return any(queue.is_stuck for queue in self._queues.values())

    @property
    def lacks(self) -> str | None:
        """What steps are waiting for, if there is none of it."""
        lost = self._processes is not None and self._processes.are_lost
        return "the processes of its steps have died and are being replaced" if lost else None

    def step(self, step: Step, settings: GuardSettings, longest_s: float) -> Step:
        """What the glue calls in the place of a step: itself, or a coroutine function that runs it elsewhere.

        `longest_s` is how long a process may take for it.

        Raises:
            StartError: `steps`, DAGC_STEP_THREADS is no number.
        """
        if settings.run == "inline" and settings.max_batch is None:
            return step
        lists: Step = getattr(step, "__dagc_lists__", step)
        if settings.max_batch is not None and asyncio.iscoroutinefunction(lists):
            return AsyncBatch(lists, settings.step, settings.max_batch, self._watch).shared(step)
        work = lists
        if settings.run == "process":
            work = self._processes_().caller(settings.step, min(longest_s, settings.timeout_s or longest_s))
        if settings.max_batch is not None:
            runs = BatchStep(settings.step, work, settings.max_batch, self._executor(settings.run))
            return shared(step, self._batcher, runs)
        return _alone(step, work, self._queue(settings.run))

    def close(self) -> None:
        """End the processes."""
        if self._processes is not None:
            self._processes.close()

    def _queue(self, run: str) -> StepQueue:
        if run not in self._queues:
            self._queues[run] = StepQueue(Executor(f"dagc-step-{run}", self._size(run)), self._watch)
        return self._queues[run]

    def _executor(self, run: str) -> Executor | None:
        if run == "inline":
            return None
        if run not in self._batches:
            self._batches[run] = Executor(f"dagc-batch-{run}", self._cpus)
        return self._batches[run]

    def _size(self, run: str) -> int:
        return self._cpus if run == "process" else _threads(self._cpus)

    def _processes_(self) -> Processes:
        if self._processes is None:
            self._processes = Processes(self._folder)
        return self._processes


def _alone(step: Step, work: Step, queue: StepQueue) -> Step:
    @functools.wraps(step)
    async def call(*given: object, **named: object) -> object:
        return await queue.call(functools.partial(work, *given, **named))

    return call


def _threads(cpus: int) -> int:
    text = os.environ.get("DAGC_STEP_THREADS", "")
    if not text:
        return cpus + MORE_THREADS
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1024:
        raise StartError("steps", f"DAGC_STEP_THREADS must be a number from 1 to 1024, it is `{text[:40]}`")
    return int(text)
