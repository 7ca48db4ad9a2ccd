"""Processes that serve, and clients that speak to them in bytes: what a socket test needs."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ALONE = Path(__file__).parent / "served_alone.py"


@dataclass
class Reply:
    """One answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return json.loads(self.body)["error"]["code"]


@dataclass
class Wire:
    """A connection that sends what it is told and reads answer by answer."""

    port: int
    timeout: float = 60.0
    pipe: socket.socket = field(init=False)
    buffer: bytes = b""

    def __post_init__(self) -> None:
        self.pipe = socket.create_connection(("127.0.0.1", self.port), timeout=self.timeout)

    def send(self, content: bytes) -> "Wire":
        self.pipe.sendall(content)
        return self

    def post(self, path: str, body: object, *headers: str) -> "Wire":
        return self.send(request(path, body, *headers))

    def read(self, *, bodiless: bool = False) -> Reply:
        head = self._until(b"\r\n\r\n")
        first, *lines = head[:-4].decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        status = int(first.split()[1])
        if status == 100 or bodiless:
            return Reply(status, headers, b"")
        return Reply(status, headers, self._take(int(headers["content-length"])))

    def ask(self, path: str, body: object, *headers: str) -> Reply:
        return self.post(path, body, *headers).read()

    def ask_at_once(self, path: str, *bodies: object) -> list[Reply]:
        """The answers of requests sent in one piece of bytes, so that they arrive in one turn of the loop."""
        self.send(b"".join(request(path, body) for body in bodies))
        return [self.read() for _ in bodies]

    def runs(self) -> dict[str, tuple[int, int]]:
        """How many runs each session that ran has had, and how many rows were in them."""
        text = self.get("/metrics").body.decode()
        runs, rows = (
            dict(re.findall(rf'^dagc_batch_size_{of}\{{.*session="(\w+)".*\}} (\d+)', text, re.MULTILINE))
            for of in ("count", "sum")
        )
        return {session: (int(count), int(rows[session])) for session, count in runs.items() if int(count)}

    def get(self, path: str) -> Reply:
        return self.send(f"GET {path} HTTP/1.1\r\nhost: a\r\n\r\n".encode()).read()

    def ended(self) -> bool:
        """True when the other side closed and sent nothing more; a reset is not an end."""
        return self.buffer == b"" and self.pipe.recv(1) == b""

    def silent(self, seconds: float) -> bool:
        """True when nothing comes within this time."""
        self.pipe.settimeout(seconds)
        try:
            self.buffer += self.pipe.recv(65536)
        except TimeoutError:
            return True
        finally:
            self.pipe.settimeout(self.timeout)
        return False

    def close(self) -> None:
        self.pipe.close()

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            self._more()
        end = self.buffer.index(mark) + len(mark)
        return self._take(end)

    def _take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self._more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def _more(self) -> None:
        piece = self.pipe.recv(65536)
        if not piece:
            raise EOFError(f"the connection ended after {self.buffer[:200]!r}")
        self.buffer += piece


def request(path: str, body: object, *headers: str, method: str = "POST", version: str = "1.1") -> bytes:
    """A whole request with a content length."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/{version}", "host: a", f"content-length: {len(content)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


@dataclass
class Process:
    """A service in a process of its own."""

    child: subprocess.Popen[str]
    port: int

    def wire(self, timeout: float = 60.0) -> Wire:
        return Wire(self.port, timeout)

    def state(self) -> dict[str, int]:
        """What the endpoints of `served_alone.py` have seen."""
        wire = self.wire()
        found = wire.ask("/v1/state", {}).json
        wire.close()
        return found

    def stop(self, sig: int = signal.SIGTERM) -> None:
        self.child.send_signal(sig)

    def wait(self, timeout: float = 60.0) -> int:
        return self.child.wait(timeout)


Starter = Callable[..., Process]


@pytest.fixture(scope="module")
def start() -> Iterator[Starter]:
    """`start(*arguments, command=..., **environment)`: a process that said it is ready; all are ended after."""
    children: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, command: tuple[str, ...] = (str(ALONE),), **environment: str) -> Process:
        child = subprocess.Popen(
            [sys.executable, *command, "--port", "0", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "DAGC_ACCESS_LOG": "off", "DAGC_WORKERS": "1", **environment},
        )  # fmt: skip
        children.append(child)
        assert child.stdout is not None
        line = child.stdout.readline()
        assert " ready on http://127.0.0.1:" in line, child.communicate()
        return Process(child, int(line.rpartition(":")[2]))

    yield begin
    for child in children:
        if child.poll() is None:
            child.kill()
        child.communicate()


@pytest.fixture(scope="module")
def alone(start: Starter) -> Process:
    """One service that the tests of a file share."""
    return start("--drain-s", "0")


@pytest.fixture
def wire(alone: Process) -> Iterator[Wire]:
    """A fresh connection."""
    made = alone.wire()
    yield made
    made.close()


@pytest.fixture(scope="session")
def whole() -> Callable[..., bytes]:
    """`whole(path, body, *headers, method=..., version=...)`: the bytes of one request."""
    return request
