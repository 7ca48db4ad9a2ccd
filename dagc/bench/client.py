"""A client over keep-alive connections that offers a service load and checks what it answers.

In a closed loop each connection sends again when it is answered; in an open loop requests are due at times fixed
beforehand, whether or not the server keeps up. There latency counts from when a request was due, so a server that
stalls cannot hide it (coordinated omission, as in Gil Tene's wrk2). What the client costs itself is told.
"""

import gc
import random
import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from dagc.bench.answers import Answers
from dagc.bench.key import authorization

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection:\s*close", re.IGNORECASE)
_SLACK_S = 0.05
"""A request that finds no free connection for so long is not sent. Were it kept until its deadline, a server that
is behind would be sent only requests that are about to expire, which no crowd of clients does."""
_BURST = 32
"""Requests sent before answers are looked at again."""
_PATIENCE_S = 5.0
_BOTH = selectors.EVENT_READ | selectors.EVENT_WRITE


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go."""

    host: str
    port: int
    path: str

    def request(self, body: bytes) -> bytes:
        """The whole of a request, as it goes over the wire."""
        fields = {
            "host": f"{self.host}:{self.port}",
            "content-type": "application/json",
            "content-length": str(len(body)),
            **authorization(),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


@dataclass(frozen=True, slots=True)
class Load:
    """How much to send: over `connections` for `seconds`; without a `rate` a second, a closed loop."""

    seconds: float
    connections: int
    rate: float | None = None
    deadline_s: float = 1.0
    most: int | None = None
    """Requests after which a closed loop ends, if that is before `seconds`."""


@dataclass(slots=True)
class Outcome:
    """What came of a load.

    Attributes:
        due: requests that were due; `unsent` of them found no free connection in time.
        latencies_s: of right answers 200, sorted.
        wrong: answers 200 that were not the right ones; `example` is the first of them.
        lost: sent and never answered, or the connection was reset.
        idle_share: of the client's time in which it had nothing to do; near 0 means the client was the limit.
    """

    due: int = 0
    unsent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    wrong: int = 0
    example: str = ""
    lost: int = 0
    seconds: float = 0.0
    client_cpu_s: float = 0.0
    idle_share: float = 1.0

    @property
    def errors(self) -> int:
        """Wrong, lost and refused."""
        return self.wrong + self.lost + sum(count for status, count in self.statuses.items() if status != 200)

    def within(self, deadline_s: float) -> int:
        """Right answers that came in time."""
        return sum(latency <= deadline_s for latency in self.latencies_s)

    def percentile_ms(self, percent: float) -> float:
        """The latency that so many percent of the right answers had or beat; 0 when there are none."""
        if not self.latencies_s:
            return 0.0
        at = min(len(self.latencies_s) - 1, int(len(self.latencies_s) * percent / 100))
        return self.latencies_s[at] * 1000


class _Connection:
    """A keep-alive connection with at most one request under way: number `question`, due at `due`."""

    __slots__ = ("due", "outgoing", "question", "received", "socket")

    def __init__(self, target: Target) -> None:
        self.socket = socket.create_connection((target.host, target.port), _PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due: float | None = None
        self.question = 0
        self.outgoing = b""
        self.received = b""


def offer(target: Target, answers: Answers, load: Load) -> Outcome:
    """What came of offering `load` with the questions of `answers` in turn.

    Raises:
        OSError: nothing accepts connections there.
    """
    client = _Client(target, answers, load)
    collecting = gc.isenabled()
    gc.disable()
    try:
        return client.run()
    finally:
        client.close()
        if collecting:
            gc.enable()


class _Client:
    def __init__(self, target: Target, answers: Answers, load: Load) -> None:
        self._target = target
        self._answers = answers
        self._load = load
        self._requests = [target.request(question.body) for question in answers.questions]
        self._selector = selectors.DefaultSelector()
        self._free: list[_Connection] = []
        self._busy = 0
        self._sent = 0
        self._outcome = Outcome()
        self._start = 0.0
        for _ in range(load.connections):
            self._connect()

    def run(self) -> Outcome:
        """Everything sent, and answered or given up."""
        outcome, load = self._outcome, self._load
        due = None if load.rate is None else _due_times(load.rate, load.seconds)
        cpu, idle_s = time.process_time(), 0.0
        self._start = time.perf_counter()
        while True:
            now = time.perf_counter() - self._start
            pause = self._send(now) if due is None else self._send_due(due, now)
            # What is late by more than the deadline is waited for no longer.
            if pause is None and (not self._busy or now > load.seconds + load.deadline_s):
                break
            before = time.perf_counter()
            events = self._selector.select(0.05 if pause is None else min(pause, 0.05))
            if not events:
                idle_s += time.perf_counter() - before
            for key, ready in events:
                self._turn(key.data, ready)
        outcome.due = self._sent if due is None else len(due)
        outcome.lost += self._busy
        outcome.seconds = load.seconds if due is not None else time.perf_counter() - self._start
        outcome.client_cpu_s = time.process_time() - cpu
        elapsed = time.perf_counter() - self._start
        # Blocked in `select` it uses no CPU, whether or not something came of it.
        outcome.idle_share = max(0.0, 1.0 - max(outcome.client_cpu_s, 1e-9) / elapsed)
        outcome.latencies_s.sort()
        return outcome

    def close(self) -> None:
        """Closes every connection."""
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()

    def _connect(self) -> None:
        connection = _Connection(self._target)
        connection.socket.setblocking(False)
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        self._free.append(connection)

    def _send(self, now: float) -> float | None:
        """A closed loop: every free connection sends. `None` when it is over."""
        load = self._load
        if now >= load.seconds or (load.most is not None and self._sent >= load.most):
            return None
        while self._free:
            self._ask(now)
        return 1.0

    def _send_due(self, due: Sequence[float], now: float) -> float | None:
        """An open loop: what is due is sent, or given up when no connection is free. Seconds until the next."""
        last = min(len(due), self._sent + _BURST)
        while self._sent < last and due[self._sent] <= now:
            if self._free:
                self._ask(due[self._sent])
            elif due[self._sent] < now - _SLACK_S:
                self._sent += 1
                self._outcome.unsent += 1
            else:
                break
        return None if self._sent == len(due) else max(0.0, due[self._sent] - now)

    def _ask(self, due: float) -> None:
        connection = self._free.pop()
        connection.question = self._sent % len(self._requests)
        connection.due = due
        self._sent += 1
        self._busy += 1
        request = self._requests[connection.question]
        try:
            sent = connection.socket.send(request)
        except OSError:
            self._lose(connection)
            return
        if sent < len(request):  # larger than the kernel's buffer
            connection.outgoing = request[sent:]
            self._selector.modify(connection.socket, _BOTH, connection)

    def _turn(self, connection: _Connection, events: int) -> None:
        if events & selectors.EVENT_READ:
            self._receive(connection)
        elif connection.outgoing:
            self._send_rest(connection)

    def _send_rest(self, connection: _Connection) -> None:
        try:
            sent = connection.socket.send(connection.outgoing)
        except BlockingIOError:
            return
        except OSError:
            self._lose(connection)
            return
        connection.outgoing = connection.outgoing[sent:]
        if not connection.outgoing:
            self._selector.modify(connection.socket, selectors.EVENT_READ, connection)

    def _receive(self, connection: _Connection) -> None:
        try:
            arrived = connection.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            arrived = b""
        if not arrived:
            self._lose(connection)
            return
        connection.received += arrived
        received = connection.received
        head = received.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(received, 0, head)
        if length is not None and len(received) < head + 4 + int(length[1]):
            return
        self._answered(connection, int(received[9:12]), received[head + 4 :])
        if _CLOSES.search(received, 0, head):
            self._drop(connection)
            self._connect()
        connection.received = b""

    def _answered(self, connection: _Connection, status: int, body: bytes) -> None:
        outcome, due = self._outcome, connection.due
        if due is None:  # an answer nobody asked for
            outcome.wrong += 1
            return
        connection.due = None
        self._busy -= 1
        self._free.append(connection)
        outcome.statuses[status] += 1
        if status != 200:
            return
        latency = time.perf_counter() - self._start - due
        if self._answers.is_right(connection.question, body):
            outcome.latencies_s.append(latency)
            return
        outcome.wrong += 1
        outcome.example = outcome.example or body[:200].decode("utf-8", "replace")

    def _lose(self, connection: _Connection) -> None:
        if connection.due is not None:
            connection.due = None
            self._busy -= 1
            self._outcome.lost += 1
        else:
            self._free.remove(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._connect()

    def _drop(self, connection: _Connection) -> None:
        self._free.remove(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()


def _due_times(rate: float, seconds: float) -> list[float]:
    """When requests are due, in seconds from the start: a Poisson process, the same one every time."""
    random_gaps, now, times = random.Random(7), 0.0, []
    while (now := now + random_gaps.expovariate(rate)) < seconds:
        times.append(now)
    return times
