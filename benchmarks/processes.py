"""One server process and everything below it: started, measured through /proc, and stopped exactly.

This process declares itself the reaper of its descendants (Linux `PR_SET_CHILD_SUBREAPER`), so whatever a server
starts stays below it, also what detaches itself. Nothing else is ever signalled.
"""

import ctypes
import os
import resource
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.machine import TICKS

PR_SET_CHILD_SUBREAPER = 36
OPEN_FILES = 65_536
STOP_S = 10.0
"""What a server is given to stop by itself before it is killed."""


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent has gone."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class ServerProcess:
    """A running server; a context manager that stops it. One at a time: all our descendants are its own.

    Args:
        command: what to run.
        folder: its working directory.
        environment: its whole environment.
        log: the file of its output.
        cores: the CPUs it may use.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        log: Path,
        cores: Sequence[int] | None = None,
        stop_signal: int = signal.SIGTERM,
    ) -> None:
        left = descendants()
        if left:
            raise RuntimeError(f"processes of the previous server are still there: {left}")
        self._stop_signal = stop_signal
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self.started = time.perf_counter()
        with log.open("wb") as output:
            self._root = subprocess.Popen(
                list(command),
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_prepare(cores),
            )

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def ended(self) -> bool:
        """Whether the process that was started is gone."""
        return self._root.poll() is not None

    def cpu_s(self) -> float:
        """CPU seconds used so far by all of the server's processes that live."""
        return sum(_cpu_s(pid) for pid in descendants())

    def memory(self) -> tuple[int, float]:
        """Number of processes, and their proportional set size in MB (2**20 bytes)."""
        sizes = [size for pid in descendants() if (size := _pss_kib(pid)) is not None]
        return len(sizes), round(sum(sizes) / 1024, 1)

    def tail(self, lines: int = 12) -> str:
        """The end of the server's output."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """Ask it to stop, wait, then end what is left of it."""
        with suppress(ProcessLookupError):
            self._root.send_signal(self._stop_signal)
        with suppress(subprocess.TimeoutExpired):
            self._root.wait(STOP_S)
        for last, wait_s in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
            for pid in descendants():
                with suppress(ProcessLookupError):
                    os.kill(pid, last)
            self._wait_for_all(wait_s)

    def _wait_for_all(self, wait_s: float) -> None:
        end = time.monotonic() + wait_s
        while descendants() and time.monotonic() < end:
            self._reap()
            time.sleep(0.02)
        self._reap()

    def _reap(self) -> None:
        self._root.poll()
        for pid in _children()[os.getpid()]:
            if pid != self._root.pid:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


def descendants() -> list[int]:
    """Every living process below this one."""
    below = _children()
    found: list[int] = []
    ahead = list(below[os.getpid()])
    while ahead:
        pid = ahead.pop()
        ahead.extend(below[pid])
        if _state(pid) not in {"Z", "X", None}:
            found.append(pid)
    return found


def _children() -> Mapping[int, list[int]]:
    below: defaultdict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            below[int(fields[1])].append(int(entry.name))
    return below


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (state) on; the second may hold blanks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
    except OSError:
        return None


def _state(pid: int) -> str | None:
    fields = _stat(pid)
    return fields[0] if fields else None


def _cpu_s(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def _pss_kib(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    except OSError:
        return None
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), None)


def _prepare(cores: Sequence[int] | None) -> Callable[[], None]:
    """Run in the child before the server: its CPUs, and as many open files as are allowed."""

    def prepare() -> None:
        if cores:
            os.sched_setaffinity(0, cores)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        soft = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    return prepare
