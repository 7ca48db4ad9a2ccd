"""Steps in processes of their own: a few a worker, loaded before it is ready, replaced at once when one dies.

Each has a thread that starts it, waits for its end, and starts the next: no request is what finds out that one is
missing, and none waits for a cold start while another one lives. A call blocks the thread it is made in.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import cast

from .crossing import Types, pack, unpack
from .current import remaining_s
from .settings import StartError
from .step_child import StepChild
from .step_process import function_of

_LOG = logging.getLogger("dagc.runtime")

GRACE_S = 1.0
"""After the time of a call, until its process is held to be stuck and killed."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
"""Between starts that come to nothing."""
MOST_ASKED = 2
"""Processes that one call is put to, where the first had died before: what kills its reader must not kill all."""


class ProcessFailed(RuntimeError):
    """A step failed in its process, or the process did; the text holds no values."""


class Refuse(Exception):
    """A step's refusal, from its process; the user's class is there."""

    def __init__(self, reason: str, field: str | None, status: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
        self.status = status


class Processes:
    """The processes of one worker. Any thread may call its methods."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._steps: list[str] = []
        self._free: list[StepChild] = []
        self._living: set[StepChild] = set()
        self._begun = False
        self._changed = threading.Condition()
        self._closed = threading.Event()

    @property
    def are_lost(self) -> bool:
        """Whether all have died and none has taken their place yet."""
        return self._begun and not self._living

    def caller(self, step: str, longest_s: float) -> Callable[..., object]:
        """The step `module.name` as a function that blocks until a process has answered, `longest_s` at most."""
        _, types = function_of(step)
        self._steps.append(step)
        return partial(self._call, step, types, longest_s + GRACE_S)

    def start(self, count: int) -> None:
        """Start so many, and have them import what they need; from now on there are so many.

        Raises:
            StartError: `steps`, one of them does not begin.
        """
        told: SimpleQueue[str | None] = SimpleQueue()
        for _ in range(count):
            threading.Thread(target=self._keep, args=(told.put,), name="dagc-step-process", daemon=True).start()
        why_not = next(filter(None, [told.get() for _ in range(count)]), None)
        if why_not is not None:
            self.close()
            raise StartError("steps", f"a process for steps does not begin: {why_not}")
        self._begun = True

    def close(self) -> None:
        """End those that nobody uses; the others end with their call, or with this process."""
        self._closed.set()
        with self._changed:
            while self._free:
                self._free.pop().end()

    def _call(self, step: str, types: Types, longest_s: float, /, *given: object, **named: object) -> object:
        question = pack({"step": step, "arguments": types.plain_arguments(given, named)})
        answer = self._answer(step, question, longest_s)
        return _result(cast("dict[str, object]", unpack(answer)), types)

    def _answer(self, step: str, question: bytes, longest_s: float) -> bytearray:
        left_s = remaining_s()
        until = time.monotonic() + (longest_s if left_s is None else min(longest_s, left_s))
        why = "died"
        for _ in range(MOST_ASKED):
            child = self._taken(step, until)
            try:
                answer = child.ask(question, longest_s)
            except ConnectionError:  # not begun: another one may be asked
                child.end()
            except (OSError, EOFError) as error:
                child.end()
                why = "took too long" if isinstance(error, TimeoutError) else "died"
                break
            else:
                self._offer(child)
                return answer
        raise ProcessFailed(f"the process of step `{step}` {why}")

    def _taken(self, step: str, until: float) -> StepChild:
        """The one that was used last, so that few are used where few are needed."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._free, until - time.monotonic()):
                raise ProcessFailed(f"no process was free for step `{step}` in time")
            return self._free.pop()

    def _offer(self, child: StepChild) -> None:
        """It is free now, if it lives."""
        with self._changed:
            if child.has_ended or self._closed.is_set():
                child.end()
                return
            self._living.add(child)
            self._free.append(child)
            self._changed.notify()

    def _keep(self, tell: Callable[[str | None], None]) -> None:
        """See to it that there is a process, in a thread of its own; `tell` hears why the first does not begin."""
        child: StepChild | str | None = self._loaded()
        tell(child if isinstance(child, str) else None)
        while isinstance(child, StepChild):
            self._offer(child)
            ending = child.wait()
            self._forget(child)
            if not self._closed.is_set():
                _LOG.error("a process for steps %s; another one takes its place", ending)
            child = self._next(0.0 if child.has_answered else FIRST_PAUSE_S)

    def _next(self, pause_s: float) -> StepChild | None:
        """The next process, as soon as one begins; `None` where none is wanted any more."""
        while not self._closed.wait(pause_s):
            found = self._loaded()
            if isinstance(found, StepChild):
                return found
            pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * pause_s))
            _LOG.error("a process for steps does not begin: %s; the next try is in %g s", found, pause_s)
        return None

    def _loaded(self) -> StepChild | str:
        """A process that has imported what its steps need, or why there is none."""
        try:
            child = StepChild(self._folder)
        except (OSError, MemoryError) as error:
            return type(error).__name__
        why_not = child.load(self._steps)
        if why_not is None:
            return child
        child.end()
        child.wait()
        return why_not

    def _forget(self, child: StepChild) -> None:
        """It has ended; who has it finds out by itself."""
        with self._changed:
            child.has_ended = True
            self._living.discard(child)
            if child in self._free:
                self._free.remove(child)
                child.end()


def _result(answer: dict[str, object], types: Types) -> object:
    if "result" in answer:
        return types.result(answer["result"])
    if "refused" in answer:
        reason, field, status = cast("tuple[str, str | None, int]", answer["refused"])
        raise Refuse(reason, field, status)
    name, place = cast("tuple[str, str]", answer["failed"])
    raise ProcessFailed(f"{name} at {place}")
