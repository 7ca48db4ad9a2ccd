"""How many calls one request costs a built service, its HTTP included: run in its folder, prints one number.

Calls of Python functions and of C functions, as `sys.setprofile` sees them: the same on every machine, however
busy. 64 requests arrive in one write, as under load; what is counted is the least of several rounds.
"""

import asyncio
import json
import math
import socket
import sys
from pathlib import Path

sys.path[0] = ""  # the service's folder, as when its main.py is run

import dagc_runtime.batcher  # noqa: E402
import dagc_runtime.session  # noqa: E402
import dagc_runtime.turn  # noqa: E402
from dagc_runtime.front import Front  # noqa: E402
from dagc_runtime.logs import AccessLog  # noqa: E402
from dagc_runtime.metrics import Metrics  # noqa: E402
from dagc_runtime.worker import Worker  # noqa: E402

TOGETHER, ROUNDS = 64, 6
calls = 0


def count(_frame: object, event: str, _arg: object) -> None:
    global calls
    calls += event in ("call", "c_call")


async def ask(client: socket.socket, content: bytes) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, content)
    answered, received = 0, b""
    while answered < TOGETHER:
        received += await loop.sock_recv(client, 1 << 20)
        answered = received.count(b"HTTP/1.1 200 ")
        assert received.count(b"HTTP/1.1 ") == answered, received[:300]


async def least(service: object, route: str, bodies: list[bytes]) -> float:
    global calls
    loop = asyncio.get_running_loop()
    metrics = Metrics(tuple(service.endpoints), service.sessions, service.parts)
    service.watch.observer = metrics
    front = Front(service, metrics, AccessLog(None), service.watch)
    front.start(loop)
    front.ready = True
    worker = Worker(front, 0.0, lambda: None, supervised=False)
    worker.config.load()
    client, accepted = socket.socketpair()
    for each in (client, accepted):
        each.setblocking(False)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    make = worker.config.http_protocol_class
    await loop.connect_accepted_socket(
        lambda: make(config=worker.config, server_state=worker.server_state, app_state={}), accepted
    )
    head = f"POST {route} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    content = b"".join(head.encode() % len(body) + body for body in bodies)
    found = []
    for number in range(ROUNDS):
        calls = 0
        sys.setprofile(count if number else None)  # the first round warms
        await ask(client, content)
        sys.setprofile(None)
        found.append(calls / TOGETHER)
    return min(found[1:])


def main() -> None:
    route, stored = sys.argv[1:]
    requests = [json.loads(line)["request"] for line in Path(stored).read_text().splitlines()[:TOGETHER]]
    bodies = [json.dumps(request, separators=(",", ":")).encode() for request in requests]
    import main as built

    # A machine that is slow or busy must not split the batch.
    dagc_runtime.batcher.TURN_S = dagc_runtime.turn.TURN_S = 60.0
    dagc_runtime.session.HEAVY_MS = math.inf
    built.service.warm_up()
    print(json.dumps(asyncio.run(least(built.service, route, (bodies * TOGETHER)[:TOGETHER]))))


if __name__ == "__main__":
    main()
