"""A service without graphs for the socket tests: constant, echoing, slow, large and failing endpoints.

Run by the tests; `PATIENCE` in the environment holds shorter times, `CONNECTIONS` a lower cap.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from dagc.runtime import front, run, worker
from dagc.runtime.answer import Answer, refusal
from dagc.runtime.observer import Watch
from dagc.runtime.settings import Limits, StartError
from dagc.runtime.trace_context import NO_TRACE

STATE = {"accepted": 0, "cancelled": 0, "answered": 0}


class Ticket:
    def __init__(self, reply: Callable[[Answer], None]) -> None:
        self.request_id = b""
        self.trace = NO_TRACE
        self.arrived = 0.0
        self._reply: Callable[[Answer], None] | None = reply
        STATE["accepted"] += 1

    def settle(self, answer: Answer) -> None:
        if self._reply is not None:
            STATE["answered"] += 1
            reply, self._reply = self._reply, None
            reply(answer)

    def cancel(self) -> None:
        if self._reply is not None:
            STATE["cancelled"] += 1
        self._reply = None


class Endpoint:
    version = "1"

    def __init__(self, name: str, answer: Callable[[bytes], tuple[float, Answer]]) -> None:
        self.name = name
        self.route = f"/v1/{name}"
        self.limits = Limits(deadline_s=2.0, max_body_bytes=100_000, max_json_depth=32, max_queue=100)
        self._answer = answer
        self.of_bytes = None
        self.access = None

    def accept(self, body: bytes, deadline: float, reply: Callable[[Answer], None]) -> Ticket:
        delay, answer = self._answer(body)
        ticket = Ticket(reply)
        asyncio.get_running_loop().call_later(delay, ticket.settle, answer)
        return ticket


class Constant(Endpoint):
    """Answers all requests of a loop turn together, as a batch would."""

    def __init__(self) -> None:
        super().__init__("constant", lambda body: (0.0, Answer(200, b"{}")))
        self._arrived: list[Ticket] = []

    def accept(self, body: bytes, deadline: float, reply: Callable[[Answer], None]) -> Ticket:
        if not self._arrived:
            asyncio.get_running_loop().call_soon(self._turn)
        ticket = Ticket(reply)
        self._arrived.append(ticket)
        return ticket

    def _turn(self) -> None:
        arrived, self._arrived = self._arrived, []
        for ticket in arrived:
            ticket.settle(CONSTANT)


CONSTANT = Answer(200, b'{"label":1,"proba":0.9872931241989136}')


class Service:
    name = "alone"
    version = "1"
    sessions = ("one",)
    parts = ()
    events = ()
    is_stuck = False
    lacks = None
    access = None
    app = None
    models = ()
    openapi = b'{"openapi":"3.1.0","info":{"title":"alone","version":"1"},"paths":{}}'

    def __init__(self) -> None:
        self.watch = Watch()
        endpoints = (
            Constant(),
            Endpoint("echo", _echo),
            Endpoint("slow", lambda body: (json.loads(body)["ms"] / 1000, Answer(200, body))),
            Endpoint("big", lambda body: (0.0, Answer(200, b'"' + b"x" * json.loads(body) + b'"'))),
            Endpoint("broken", lambda body: (0.0, Answer(200, b"%d" % (1 // 0)))),
            Endpoint("pid", lambda body: (0.0, Answer(200, b"%d" % os.getpid()))),
            Endpoint("state", lambda body: (0.0, Answer(200, _state()))),
        )
        self.endpoints = {endpoint.route: endpoint for endpoint in endpoints}

    def share_cpus(self, workers: int) -> None:
        self.workers = workers

    def watch_models(self) -> None: ...

    def trace(self, exporter: object) -> None: ...

    def begin(self) -> None: ...

    def why_not_fork(self) -> str | None:
        return os.environ.get("NO_FORK")

    def warm_up(self) -> None:
        if "FAIL_START" in os.environ:
            raise StartError("model_missing", "cannot read `models/one.onnx`: No such file or directory")


def _state() -> bytes:
    return json.dumps({**STATE, "open": STATE["accepted"] - STATE["answered"] - STATE["cancelled"]}).encode()


def _echo(body: bytes) -> tuple[float, Answer]:
    try:
        return 0.0, Answer(200, json.dumps({"bytes": len(body), "echo": json.loads(body)}).encode())
    except ValueError:
        return 0.0, refusal(400, "bad_json", "the body is not JSON")


if __name__ == "__main__":
    patience = json.loads(os.environ.get("PATIENCE", "{}"))
    kept = front.Front.__init__.__kwdefaults__
    kept["patience"] = front.Patience(**patience)
    if "CONNECTIONS" in os.environ:
        worker.MAX_CONNECTIONS = int(os.environ["CONNECTIONS"])
    run.serve(Service())
