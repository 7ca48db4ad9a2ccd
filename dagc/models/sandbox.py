"""The limited process that looks at models, from the compiler's side: whatever becomes of it is a `ModelError`.

One process answers for all models of a build, because its imports cost more than most models do. It is started
ahead where a model is known to come, and anew after one that brought it down.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from dagc.models.frames import BrokenFrameError, read_frame, write_frame
from dagc.models.known import Json
from dagc.models.limits import Limits, time_exceeded
from dagc.models.model_error import ModelError

_START_S = 60.0
_PASSED_ON = ("LD_LIBRARY_PATH", "PYTHONPATH")


@dataclass(slots=True)
class _Process:
    popen: subprocess.Popen[bytes]
    requests: IO[bytes]
    answers: IO[bytes]
    complaints: IO[bytes]
    ready: bool = False
    overdue: bool = False


class Sandbox:
    """The process, there or not. Safe for several threads: they wait for one another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: _Process | None = None

    def start(self) -> None:
        """Begin to start the process and return at once."""
        with self._lock:
            self._running()

    def ask(
        self, name: str, head: Mapping[str, Json], body: bytes, limits: Limits
    ) -> tuple[dict[str, Json], bytes]:
        """The process's answer about the model called `name`.

        Raises:
            ModelError: E0411 when the process broke down over it, E0412 when it took too long.
        """
        with self._lock:
            process = self._running()
            self._await_start(process, name)
            asked: dict[str, Json] = {
                **head, "name": name, "memory_mib": limits.memory_mib, "seconds": limits.seconds
            }  # fmt: skip
            answer = _exchanged(process, asked, body, limits.wall_s)
            if answer is None:
                overdue, ended = process.overdue, self._stopped()
                raise time_exceeded(name, limits) if overdue else _ended(name, ended, limits)
            if answer[0].get("last") is not False:
                self._stopped()
            return answer

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._stopped()

    def _running(self) -> _Process:
        if self._process is None:
            self._process = _started()
        return self._process

    def _await_start(self, process: _Process, name: str) -> None:
        if process.ready:
            return
        with _killed_after(process, _START_S):
            process.ready = _received(process) is not None
        if process.ready:
            return
        process.complaints.seek(0)
        lines = process.complaints.read(10_000).decode("utf-8", "replace").strip().splitlines()
        self._stopped()
        raise ModelError(
            "E0411",
            f"`{name}` cannot be looked at: the process that does it does not start",
            tuple(lines[-1:]),
            "reinstall dagc, onnx and onnxruntime into this environment",
        )

    def _stopped(self) -> int:
        """End the process if there is one; returns how it ended, negative for a signal."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with suppress(OSError):
            process.requests.close()  # it leaves when its requests end
        try:
            ended = process.popen.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.popen.kill()
            ended = process.popen.wait()
        process.answers.close()
        process.complaints.close()
        return ended


@cache
def sandbox() -> Sandbox:
    """The one process of this process."""
    shared = Sandbox()
    atexit.register(shared.close)
    return shared


def _started() -> _Process:
    complaints = TemporaryFile()  # noqa: SIM115  (it is closed with the process)
    popen = subprocess.Popen(
        [sys.executable, "-P", "-m", "dagc.models.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        env=_environment(),
        cwd="/",  # onnxruntime looks for files of a model without a path in the current folder
        start_new_session=True,  # an interrupt at the terminal is for the compiler alone
    )
    if popen.stdin is None or popen.stdout is None:
        raise AssertionError("both are pipes")
    return _Process(popen, popen.stdin, popen.stdout, complaints)


def _environment() -> dict[str, str]:
    """Nothing of the user's but where Python's modules and libraries are; one thread, no telemetry."""
    ours = str(Path(__file__).parents[2])
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    path = os.pathsep.join([ours, *filter(None, [passed.get("PYTHONPATH")])])
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**passed, **threads, "PYTHONPATH": path, "ORT_DISABLE_TELEMETRY": "1", "LC_ALL": "C.UTF-8"}


def _exchanged(
    process: _Process, head: Mapping[str, Json], body: bytes, seconds: float
) -> tuple[dict[str, Json], bytes] | None:
    with _killed_after(process, seconds):
        try:
            write_frame(process.requests, head, body)
        except OSError:
            return None
        return _received(process)


def _received(process: _Process) -> tuple[dict[str, Json], bytes] | None:
    try:
        return read_frame(process.answers)
    except (BrokenFrameError, OSError):
        return None


class _killed_after:  # noqa: N801  (reads as the statement it begins)
    """Kills the process when the block takes longer; whoever waits in it for the process sees its pipes end."""

    def __init__(self, process: _Process, seconds: float) -> None:
        self._process = process
        self._clock = threading.Timer(seconds, self._kill)
        self._clock.daemon = True

    def __enter__(self) -> None:
        self._clock.start()

    def __exit__(self, *_: object) -> None:
        self._clock.cancel()

    def _kill(self) -> None:
        self._process.overdue = True
        self._process.popen.kill()


def _ended(name: str, how: int, limits: Limits) -> ModelError:
    if how == -signal.SIGXCPU:
        return time_exceeded(name, limits)
    if how == -signal.SIGKILL:
        return ModelError(
            "E0412", f"looking at `{name}` was ended by the system, most likely for its use of memory"
        )
    word = signal.Signals(-how).name if how < 0 else f"exit status {how}"
    return ModelError(
        "E0411",
        f"`{name}` crashes the runtime",
        (f"onnx or onnxruntime ended with {word} while the model was looked at",),
        "do not serve this file; export the model again, or report the crash to onnxruntime",
    )
