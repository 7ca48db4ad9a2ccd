"""Several workers: a supervisor that starts them, replaces the dead, and passes the signal to stop on.

They are forked from one warmed process, so that models lie in memory once; where forking that process is not safe
each starts by itself. The supervisor holds the listening sockets: those who connect while a worker is replaced
wait and lose nothing. A pipe of each worker says that it is ready, and by its end that it is dead.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from .logs import tell
from .metrics import Metrics
from .settings import StartError

DEATHS = 5
DEATHS_WITHIN_S = 10.0
"""A worker that dies so often in so short a time will not be healed by one more start."""
_SPARE_S = 2.0
_SEAT = "DAGC_SEAT"
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Seat:
    """What one worker is given: its number, its sockets, the file of the numbers, and its end of the pipe."""

    number: int
    listener: socket.socket
    memory: int
    life: int
    grpc: socket.socket | None = None

    @classmethod
    def taken(cls) -> Seat | None:
        """The seat that this process was started for by `exec_worker`, if it was."""
        text = os.environ.pop(_SEAT, None)
        if text is None:
            return None
        number, listener, memory, life, *grpc = map(int, text.split())
        others = [socket.socket(fileno=each) for each in grpc]
        return cls(number, socket.socket(fileno=listener), memory, life, *others)

    def ready(self) -> None:
        """Tells the supervisor that this worker listens."""
        os.write(self.life, b"1")


def exec_worker(seat: Seat) -> NoReturn:
    """Becomes this very program from its beginning, with a seat in its environment."""
    kept = [seat.listener.fileno(), seat.memory, seat.life]
    if seat.grpc is not None:
        kept.append(seat.grpc.fileno())
    for number in kept:
        os.set_inheritable(number, True)
    os.environ[_SEAT] = " ".join(map(str, (seat.number, *kept)))
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def why_not_fork(listeners: Sequence[socket.socket]) -> str | None:
    """What forbids to fork this process, which has loaded the user's modules; `None` when nothing does.

    A thread is not copied, and a connection (SQLite's is a file) must not be used from two processes.
    """
    if threading.active_count() > 1:
        return f"{threading.active_count() - 1} threads are running"
    own = {listener.fileno() for listener in listeners}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:  # the folder's own descriptor
            continue
        if int(entry.name) > 2 and int(entry.name) not in own and _is_used(target):
            return f"`{Path(target).name}` is open"
    return None


def _is_used(target: str) -> bool:
    if target.startswith(("/memfd:dagc", "/dev/", "/proc/")):
        return False
    return target.startswith(("/", "socket:", "anon_inode:[eventpoll]"))


@dataclass(slots=True)
class _Child:
    number: int
    pid: int
    life: int
    ready: bool = False


@dataclass(slots=True)
class Supervisor:
    """Runs `begin` in a process for each listener until it is told to stop."""

    listeners: Sequence[socket.socket]
    metrics: Metrics
    memory: int
    begin: Callable[[Seat], None]
    announce: Callable[[], None]
    patience_s: float
    """From the signal to stop until workers that have not ended are killed."""
    grpc_listeners: Sequence[socket.socket] = ()
    """One more for each worker, or none."""
    _children: dict[int, _Child] = field(default_factory=dict)
    _deaths: dict[int, deque[float]] = field(default_factory=dict)
    _selector: selectors.DefaultSelector = field(default_factory=selectors.DefaultSelector)
    _woken: tuple[socket.socket, socket.socket] = field(default_factory=socket.socketpair)
    _announced: bool = False
    _kill_at: float | None = None
    _exit_code: int = 0

    def run(self) -> int:
        """The exit code: 0 when it was told to stop and every worker ended well."""
        self._catch_signals()
        self._start(0)
        while self._children:
            wait = None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())
            for key, _ in self._selector.select(wait):
                if isinstance(key.data, _Child):
                    self._read_pipe(key.data)
                else:
                    self._woken[0].recv(64)
                    self._stop(0)
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                self._signal(signal.SIGKILL)
        return self._exit_code

    def _catch_signals(self) -> None:
        for end in self._woken:
            end.setblocking(False)
        signal.set_wakeup_fd(self._woken[1].fileno())
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        self._selector.register(self._woken[0], selectors.EVENT_READ)

    def _start(self, number: int) -> None:
        read, write = os.pipe()
        parent = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # none is to meet a handler of ours in the child
        pid = os.fork()
        if pid == 0:
            grpc = self.grpc_listeners[number] if self.grpc_listeners else None
            self._be_worker(parent, Seat(number, self.listeners[number], self.memory, write, grpc), read)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os.close(write)
        child = self._children[number] = _Child(number, pid, read)
        self._selector.register(read, selectors.EVENT_READ, child)

    def _be_worker(self, parent: int, seat: Seat, read: int) -> NoReturn:
        code = 1
        try:
            _die_with(parent)
            self._let_go(seat, read)
            self.begin(seat)
            code = 0
        except StartError as error:
            tell("error", error.message, code=error.code)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except Exception as error:
            text = f"worker {seat.number} failed with {type(error).__name__}: {error}"
            tell("error", text, code="worker_failed")
        finally:
            for stream in filter(None, (sys.stdout, sys.stderr)):  # `None` where it was closed before we began
                with suppress(OSError, ValueError):  # a full disk: nothing may come between here and the exit
                    stream.flush()
            os._exit(code)

    def _let_go(self, seat: Seat, read: int) -> None:
        """Closes what is the supervisor's alone, and gives signals their usual meaning."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        self._selector.close()
        for end in self._woken:
            end.close()
        for life in (read, *(child.life for child in self._children.values())):
            os.close(life)
        for listener in (*self.listeners, *self.grpc_listeners):
            if listener is not seat.listener and listener is not seat.grpc:
                listener.close()

    def _read_pipe(self, child: _Child) -> None:
        if not os.read(child.life, 1):
            return self._reap(child)
        child.ready = True
        if self._announced or self._kill_at is not None:
            return None
        # What stops a start stops the first worker, and is said once.
        for number in range(len(self._children), len(self.listeners)):
            self._start(number)
        if all(other.ready for other in self._children.values()):
            self._announced = True
            self.announce()
        return None

    def _reap(self, child: _Child) -> None:
        self._selector.unregister(child.life)
        os.close(child.life)
        del self._children[child.number]
        code = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
        if self._kill_at is not None:
            self._exit_code = self._exit_code or (0 if code in (0, -signal.SIGTERM) else 1)
            return
        ending = f"ended with code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
        if not self._announced:
            if code != 1:  # a worker that ends with 1 has said why
                tell("error", f"worker {child.number} {ending} before it was ready", code="worker_failed")
            self._stop(1)
        elif self._is_hopeless(child.number):
            text = f"worker {child.number} died {DEATHS} times within {DEATHS_WITHIN_S:g} s, the last one {ending}"
            tell("error", text, code="worker_keeps_dying")
            self._stop(1)
        else:
            tell("warning", f"worker {child.number} {ending} and is replaced", code="worker_died")
            self.metrics.replaced(child.number)
            self._start(child.number)
            _reap_orphans({other.pid for other in self._children.values()})

    def _is_hopeless(self, number: int) -> bool:
        times = self._deaths.setdefault(number, deque(maxlen=DEATHS))
        times.append(time.monotonic())
        return len(times) == DEATHS and times[-1] - times[0] < DEATHS_WITHIN_S

    def _stop(self, code: int) -> None:
        """Passes the signal on; each worker closes its port itself, so ours must not keep it open."""
        self._exit_code = self._exit_code or code
        if self._kill_at is None:
            self._kill_at = time.monotonic() + self.patience_s + _SPARE_S
            for listener in (*self.listeners, *self.grpc_listeners):
                listener.close()
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        for child in self._children.values():
            os.kill(child.pid, number)


def _reap_orphans(own: Collection[int]) -> None:
    """See off children that are not `own`: process 1 of a container inherits what a dead worker began."""
    while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
        if found.si_pid in own:  # its pipe tells of it
            return
        os.waitpid(found.si_pid, 0)


def _die_with(parent: int) -> None:
    """SIGTERM for this process when its parent ends, however that happens."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)
