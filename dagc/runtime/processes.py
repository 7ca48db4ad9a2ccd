"""Steps in processes of their own: a few a worker, started when first needed, replaced when they die or hang.

Each is a fresh interpreter, not a fork: the worker has threads, whose locks a fork would copy as they stand. A
call blocks the thread it is made in.
"""

import logging
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

from .crossing import Types, pack, unpack
from .settings import StartError
from .step_process import function_of, receive, send

_LOG = logging.getLogger("dagc.runtime")

START_S = 60.0
GRACE_S = 1.0
"""After the time of a call, until its process is held to be stuck and killed."""


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
    """The processes of one worker: as many as there are calls at a time. Any thread may call its methods."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._free: deque[_Process] = deque()
        self._steps: list[str] = []

    def caller(self, step: str, longest_s: float) -> Callable[..., object]:
        """The step `module.name` as a function that blocks until a process has answered, `longest_s` at most."""
        _, types = function_of(step)
        self._steps.append(step)
        return partial(self._call, step, types, longest_s + GRACE_S)

    def start(self, count: int) -> None:
        """Start so many, and have them import what they need: no request is to wait for that.

        Raises:
            StartError: `steps`, one of them does not begin.
        """
        started = [_Process(self._folder) for _ in range(count)]
        question = pack({"load": self._steps})
        for process in started:
            try:
                told = cast("dict[str, object]", unpack(process.ask(question, START_S)))
            except (OSError, EOFError):
                told = {"failed": ["it died", "its start"]}
            if "failed" in told:
                name, place = cast("tuple[str, str]", told["failed"])
                raise StartError("steps", f"a process for steps does not begin: {name} at {place}")
        self._free.extend(started)

    def close(self) -> None:
        """End those that nobody uses; the others end with this process."""
        while self._free:
            self._free.pop().end()

    def _call(self, step: str, types: Types, longest_s: float, /, *given: object, **named: object) -> object:
        question = pack({"step": step, "arguments": types.plain_arguments(given, named)})
        process = self._taken()
        try:
            answer = process.ask(question, longest_s)
        except (OSError, EOFError) as error:
            process.end()
            self._free.append(_Process(self._folder))
            why = "took too long" if isinstance(error, TimeoutError) else "died"
            _LOG.error("the process of step `%s` %s; another one takes its place", step, why)
            raise ProcessFailed(f"the process of step `{step}` {why}") from None
        self._free.append(process)
        return _result(cast("dict[str, object]", unpack(answer)), types)

    def _taken(self) -> "_Process":
        """The one that was used last, so that few are used where few are needed; else a new one."""
        try:
            return self._free.pop()
        except IndexError:
            return _Process(self._folder)


def _result(answer: dict[str, object], types: Types) -> object:
    if "result" in answer:
        return types.result(answer["result"])
    if "refused" in answer:
        reason, field, status = cast("tuple[str, str | None, int]", answer["refused"])
        raise Refuse(reason, field, status)
    name, place = cast("tuple[str, str]", answer["failed"])
    raise ProcessFailed(f"{name} at {place}")


class _Process:
    """One process and our end of its socket."""

    def __init__(self, folder: Path) -> None:
        self._socket, theirs = socket.socketpair()
        path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        begin = f"from {__name__.rpartition('.')[0]}.step_process import main; main()"
        with theirs:
            # The interpreter itself and our own module, never a shell; what it runs comes by the socket.
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-c", begin, str(theirs.fileno()), str(folder)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
            )

    def ask(self, question: bytes, longest_s: float) -> bytearray:
        """The answer.

        Raises:
            EOFError, OSError: the process has died, or does not answer in time (`TimeoutError`).
        """
        self._socket.settimeout(longest_s)
        send(self._socket, question)
        answer = receive(self._socket)
        if answer is None:
            raise EOFError
        return answer

    def end(self) -> None:
        """Kill it and see it off."""
        self._socket.close()
        self._child.kill()
        self._child.wait()
