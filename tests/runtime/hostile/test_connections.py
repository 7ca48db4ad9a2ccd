"""B3 and F9: connections that are slow or leave early cost nobody else anything, and leave nothing behind."""

import json
import socket
import time
from collections.abc import Callable

import httpx
import pytest

from tests.runtime.front.conftest import request
from tests.runtime.hostile.conftest import Target
from tests.runtime.hostile.test_types import GOOD

pytestmark = pytest.mark.port

SLOW = 700
LEAVING = 100
"""In each of five phases."""
PATIENCE_S = 30.0
"""A machine of CI that is busy may take longer than the 11 s of a quiet one."""
PIECES = {"text": "wait", "numbers": [1], "row": [1, 2, 3]}
HEADS = (
    b"", b"P", b"POST /v1/everything HTTP/1.1\r\n", b"POST /v1/everything HTTP/1.1\r\nhost: a\r\nx: ",
    b"POST /v1/everything HTTP/1.1\r\nhost: a\r\ncontent-length: 500\r\n\r\n{",
    b"POST /v1/pieces HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
    b"POST /v1/nothing HTTP/1.1\r\nhost: a\r\ncontent-length: 500\r\n\r\n{",
)  # fmt: skip


def connected(target: Target) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(target.address.rpartition(":")[2])), timeout=PATIENCE_S)


def good(target: Target) -> None:
    assert httpx.post(f"{target.address}/v1/everything", json=GOOD, timeout=20).status_code == 200


def closed(pipe: socket.socket) -> bool:
    """Whether the other side ends the connection, after a last word or without."""
    try:
        while pipe.recv(4096):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def test_slow_connections_are_closed_and_the_others_are_served(target: Target) -> None:
    pipes = [connected(target) for _ in range(SLOW)]
    for number, pipe in enumerate(pipes):
        pipe.sendall(HEADS[number % len(HEADS)])
    good(target)
    for _ in range(4):  # a byte now and then buys no more time
        time.sleep(0.5)
        for number, pipe in enumerate(pipes):
            if number % len(HEADS) in (3, 4, 6):
                pipe.sendall(b"x")
        good(target)
    assert all(closed(pipe) for pipe in pipes)
    good(target)
    for pipe in pipes:
        pipe.close()


PHASES: dict[str, Callable[[socket.socket], object]] = {
    "connected": lambda pipe: None,
    "in the head": lambda pipe: pipe.sendall(b"POST /v1/pieces HTTP/1.1\r\nhost: a\r\n"),
    "in the body": lambda pipe: pipe.sendall(request("/v1/everything", GOOD)[:-20]),
    "while it is worked on": lambda pipe: pipe.sendall(request("/v1/pieces", PIECES)),
    "before it reads": lambda pipe: pipe.sendall(request("/v1/everything", GOOD) * 3),
}


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_who_leaves_leaves_nothing_behind(target: Target, how: str) -> None:
    before = target.metric("dagc_requests_total")
    for phase in PHASES.values():
        pipes = [connected(target) for _ in range(LEAVING // 2)]
        for pipe in pipes:
            phase(pipe)
        time.sleep(0.05)
        for pipe in pipes:
            if how == "reset":
                pipe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            pipe.close()
    until = time.monotonic() + PATIENCE_S
    while target.metric("dagc_inflight") and time.monotonic() < until:
        time.sleep(0.1)
    assert target.metric("dagc_inflight") == 0
    assert target.metric("dagc_requests_total") > before
    good(target)
    assert target.lives()


def test_a_client_that_stops_reading_is_let_go(target: Target) -> None:
    pipe = connected(target)
    pipe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    asked = request("/v1/everything", GOOD) * 200
    pipe.settimeout(1.0)
    try:
        for _ in range(50):
            pipe.sendall(asked)
    except OSError:
        pass
    good(target)
    pipe.close()
    assert json.loads(httpx.get(f"{target.address}/live").content) == {"status": "live"}
