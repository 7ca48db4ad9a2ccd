"""An open-loop client: requests are due at times fixed beforehand, whether or not the server keeps up.

Latency counts from when a request was due, so a server that stalls cannot hide it (coordinated omission, as Gil
Tene's wrk2). Runs as a process of its own: `python -m benchmarks.openloop`, a JSON `Offer` in, an `Outcome` out.
A plain epoll loop, because it must outrun what it loads: about 25,000 requests a second on one core.
"""

import errno
import gc
import json
import os
import re
import resource
import select
import socket
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field

import numpy as np

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_GRACE_S = 1.0
"""Waited for answers after the last request; those that come past the deadline are late all the same."""
_PATIENCE_S = 5.0
_SLACK_S = 0.05
"""A request that could not be sent for this long (no connection was free, or the client itself is behind) is not
sent. Were it kept until its deadline, the server would be sent only requests that are about to expire, which no
crowd of clients does."""
_BURST = 32
"""Requests sent before answers are looked at again."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What to send. With `rate` None every connection sends again as soon as it is answered: saturation."""

    port: int
    path: str
    bodies: list[str]
    seconds: float
    rate: float | None
    connections: int
    deadline_s: float
    cores: list[int]
    seed: int = 7


@dataclass(slots=True)
class Outcome:
    """What came of it.

    Attributes:
        due: requests that were due; `unsent` of them could not be sent in time.
        good: answered 200 within the deadline.
        late: answered 200 after it.
        lost: sent and never answered, or the connection was reset.
        statuses: answers by status.
        accepted_p50_ms, accepted_p99_ms: of all answers 200, from when they were due.
        idle_share: of the client's time in which it had nothing to do; near 0 means the client was the limit.
    """

    due: int = 0
    unsent: int = 0
    good: int = 0
    late: int = 0
    lost: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    accepted_p50_ms: float = 0.0
    accepted_p99_ms: float = 0.0
    idle_share: float = 0.0
    open_connections: int = 0


class Connection:
    """A keep-alive connection with at most one request under way, due at `due`."""

    __slots__ = ("due", "outgoing", "received", "socket")

    def __init__(self, port: int, patience_s: float = 0.0) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(patience_s)
        self.socket.connect_ex(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.due: float | None = None
        self.outgoing = b""
        self.received = b""


class Client:
    """Sends an offer and counts what comes back."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._requests = [_request(offer, body.encode()) for body in offer.bodies]
        self._poll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._free: list[Connection] = []
        self._waiting = 0
        self._statuses: Counter[str] = Counter()
        self._latencies: list[float] = []
        self._outcome = Outcome()
        self._start = 0.0

    def run(self) -> Outcome:
        """Everything sent, and answered or given up."""
        due = _due_times(self._offer)
        self._connect()
        sent, idle_s = 0, 0.0
        end = self._offer.seconds
        self._start = time.perf_counter()
        while True:
            now = self._now()
            sent = self._send_due(due, sent, now)
            if (sent == len(due) or now > end) and (not self._waiting or now > end + _GRACE_S):
                break
            pause = 0.05 if sent == len(due) else due[sent] - now
            before = time.perf_counter()
            events = self._poll.poll(max(0.0, min(pause, 0.05)) if pause > 1e-3 or self._all_busy() else 0, 256)
            if not events:
                idle_s += time.perf_counter() - before
            for number, kind in events:
                self._turn(self._connections[number], kind)
        return self._summed_up(len(due) if self._offer.rate else sent, idle_s)

    def _connect(self) -> None:
        """Opens all connections beforehand: the test is of requests, not of how fast connections are accepted."""
        for _ in range(self._offer.connections):
            connection = Connection(self._offer.port, _PATIENCE_S)
            self._connections[connection.socket.fileno()] = connection
            self._poll.register(connection.socket, select.EPOLLIN)
            self._free.append(connection)
        time.sleep(0.5)

    def _now(self) -> float:
        return time.perf_counter() - self._start

    def _all_busy(self) -> bool:
        return not self._free and len(self._connections) >= self._offer.connections

    def _send_due(self, due: list[float], sent: int, now: float) -> int:
        """Sends what is due, or gives it up when no connection is free; gives how many are dealt with."""
        offer = self._offer
        while offer.rate and sent < len(due) and due[sent] < now - _SLACK_S:
            sent += 1
        last = min(len(due), sent + _BURST)
        while sent < last and due[sent] <= now <= offer.seconds and not self._all_busy():
            self._send(due[sent] if offer.rate else now, self._requests[sent % len(self._requests)])
            sent += 1
        return sent

    def _send(self, due: float, request: bytes) -> None:
        self._waiting += 1
        if not self._free:
            connection = Connection(self._offer.port)
            connection.due, connection.outgoing = due, request
            self._connections[connection.socket.fileno()] = connection
            self._poll.register(connection.socket, select.EPOLLIN | select.EPOLLOUT)
            return
        connection = self._free.pop()
        connection.due = due
        try:
            connection.socket.send(request)
        except OSError:
            self._close(connection)

    def _turn(self, connection: Connection, kind: int) -> None:
        try:
            if connection.outgoing and kind & select.EPOLLOUT:
                connection.socket.send(connection.outgoing)
                connection.outgoing = b""
                self._poll.modify(connection.socket, select.EPOLLIN)
                return
            data = connection.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        connection.received += data
        status = _status_of_whole(connection.received)
        if status is not None:
            self._answered(connection, status)

    def _answered(self, connection: Connection, status: str) -> None:
        if connection.due is None:  # more than was asked for
            self._close(connection)
            return
        latency = self._now() - connection.due
        connection.due = None
        connection.received = b""
        self._waiting -= 1
        self._statuses[status] += 1
        self._free.append(connection)
        if status == "200":
            self._latencies.append(latency)

    def _close(self, connection: Connection) -> None:
        self._poll.unregister(connection.socket)
        del self._connections[connection.socket.fileno()]
        connection.socket.close()
        if connection.due is None:
            self._free = [each for each in self._free if each is not connection]
        else:
            self._waiting -= 1
            self._outcome.lost += 1

    def _summed_up(self, due: int, idle_s: float) -> Outcome:
        outcome = self._outcome
        latencies = np.array(self._latencies or [0.0])
        outcome.due = due
        outcome.lost += self._waiting
        outcome.good = int((latencies <= self._offer.deadline_s).sum()) if self._latencies else 0
        outcome.late = len(self._latencies) - outcome.good
        outcome.statuses = dict(sorted(self._statuses.items()))
        outcome.seconds = self._offer.seconds
        outcome.accepted_p50_ms, outcome.accepted_p99_ms = (
            round(float(each) * 1e3, 3) for each in np.percentile(latencies, [50, 99])
        )
        outcome.idle_share = round(min(1.0, idle_s / self._now()), 3)
        outcome.open_connections = len(self._connections)
        outcome.unsent = due - sum(self._statuses.values()) - outcome.lost
        return outcome


def _due_times(offer: Offer) -> list[float]:
    """When requests are due, in seconds from the start: a Poisson process, the same for every server."""
    if offer.rate is None:
        return [0.0] * int(offer.seconds * 200_000)
    gaps = np.random.default_rng(offer.seed).exponential(
        1 / offer.rate, int(offer.rate * offer.seconds * 1.2) + 50
    )
    times = np.cumsum(gaps)
    found: list[float] = times[times < offer.seconds].tolist()
    return found


def _request(offer: Offer, body: bytes) -> bytes:
    head = f"POST {offer.path} HTTP/1.1\r\nhost: 127.0.0.1:{offer.port}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def _status_of_whole(received: bytes) -> str | None:
    """The status, once the answer is complete: by its length, or by the last chunk."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return None
    length = _LENGTH.search(received, 0, head)
    if length is not None:
        whole = len(received) >= head + 4 + int(length[1])
    else:
        whole = received.endswith(b"0\r\n\r\n")
    return received[9:12].decode() if whole else None


def main() -> None:
    """Read an `Offer` from standard input, write the `Outcome` to standard output."""
    offer = Offer(**json.load(sys.stdin))
    os.sched_setaffinity(0, offer.cores)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536) if hard > 0 else 65_536, hard))
    gc.disable()
    json.dump(asdict(Client(offer).run()), sys.stdout)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"open-loop client: {errno.errorcode.get(error.errno or 0, '')} {error}")
