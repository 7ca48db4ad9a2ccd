"""Starting, being ready, draining and stopping: real processes and real signals."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.running import until

pytestmark = pytest.mark.port

ALONE = str(Path(__file__).parent / "served_alone.py")


def failed_start(*arguments: str, **environment: str) -> tuple[dict[str, str], subprocess.CompletedProcess[str]]:
    # It takes a third of a second; the limit is for a machine that is busy with something else.
    done = subprocess.run(
        [sys.executable, ALONE, *arguments], env={**os.environ, **environment},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return json.loads(done.stderr), done


def test_a_port_in_use_is_one_line_with_a_code() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line, _ = failed_start("--port", str(port))
    assert line["code"] == "port_in_use"
    assert str(port) in line["message"]


def test_a_port_that_another_service_listens_on_is_in_use(alone) -> None:
    assert failed_start("--port", str(alone.port))[0]["code"] == "port_in_use"


@pytest.mark.parametrize(
    ("arguments", "environment", "code"),
    [
        (("--port", "many"), {}, "bad_setting"), (("--port", "65536"), {}, "bad_setting"),
        (("--port", "1.5"), {}, "bad_setting"), (("--drain-s", "-1"), {}, "bad_setting"),
        (("--drain-s", "nan"), {}, "bad_setting"), (("--sideways",), {}, "bad_setting"),
        ((), {"DAGC_PORT": "x"}, "bad_setting"), ((), {"DAGC_ACCESS_LOG": "2"}, "bad_setting"),
        (("--host", "203.0.113.9", "--port", "0"), {}, "cannot_bind"),
        (("--host", "no such host"), {}, "cannot_bind"),
        (("--port", "0"), {"FAIL_START": "1"}, "model_missing"),
    ],
)  # fmt: skip
def test_what_stops_a_start_is_one_line_with_a_code(arguments, environment, code: str) -> None:
    assert failed_start(*arguments, **environment)[0]["code"] == code


def test_it_listens_on_loopback_by_default(alone) -> None:
    listening = Path("/proc/net/tcp").read_text().splitlines()
    assert any(f" 0100007F:{alone.port:04X} 00000000:0000 0A" in line for line in listening)


def test_settings_come_from_the_environment_too(start) -> None:
    served = start(DAGC_HOST="127.0.0.1", DAGC_DRAIN_S="0")
    served.stop()
    assert served.wait() == 0


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_service_with_exit_code_0(start, sig: int) -> None:
    served = start("--drain-s", "0")
    idle, kept = served.wire(), served.wire()
    assert kept.ask("/v1/echo", 1).status == 200
    served.stop(sig)
    assert idle.ended()
    assert kept.ended()
    assert served.wait() == 0


def test_a_draining_service_is_not_ready_lives_and_accepts(start) -> None:
    served = start("--drain-s", "3")
    kept, fresh = served.wire(), served.wire()
    assert kept.get("/ready").status == 200
    begun = time.monotonic()
    served.stop()
    until(lambda: served.wire().get("/ready").status != 200)
    refused = fresh.get("/ready")
    assert (refused.status, refused.code) == (503, "not_ready")
    assert served.wire().get("/live").status == 200
    assert served.wire().ask("/v1/echo", 1).status == 200
    last = kept.ask("/v1/echo", 2)
    assert (last.status, last.headers["connection"]) == (200, "close")
    assert served.wait() == 0
    assert time.monotonic() - begun >= 3


def test_a_second_signal_ends_the_draining(start) -> None:
    served = start("--drain-s", "60")
    served.stop()
    until(lambda: served.wire().get("/ready").status == 503)
    served.stop()
    assert served.wait() == 0


@pytest.mark.parametrize("path", ["/v1/slow", "/v1/%73low"])
def test_what_runs_at_shutdown_is_answered(start, path: str) -> None:
    served = start("--drain-s", "0")
    running, piped = served.wire(), served.wire()
    running.post(path, {"ms": 1800})
    piped.post("/v1/slow", {"ms": 1500}).post(path, {"ms": 300}).post("/v1/echo", 5)
    until(lambda: served.state()["open"] >= 2)
    served.stop()
    assert running.read().json == {"ms": 1800}
    assert running.ended()
    assert [piped.read().status for _ in range(3)] == [200, 200, 200]
    assert piped.ended()
    assert served.wait() == 0


def test_a_half_sent_request_is_answered_at_shutdown(start, whole) -> None:
    served = start("--drain-s", "0")
    content = whole("/v1/echo", {"half": 1})
    head, body = served.wire(), served.wire()
    head.send(content[:30])
    body.send(content[:-3])
    served.state()  # answered after what came before was read
    served.stop()
    time.sleep(0.4)
    for wire, rest in ((head, content[30:]), (body, content[-3:])):
        reply = wire.send(rest).read()
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert wire.ended()
    assert served.wait() == 0


def test_a_deep_pipeline_is_answered_at_shutdown(start, whole) -> None:
    served = start("--drain-s", "0")
    deep = served.wire()
    deep.send(b"".join(whole("/v1/slow", {"ms": 20, "n": n}) for n in range(600)))
    until(lambda: served.state()["open"] >= 10)
    served.stop()
    assert [deep.read().json["n"] for _ in range(600)] == list(range(600))
    assert deep.ended()
    assert served.wait() == 0


def test_a_step_that_never_ends_does_not_keep_the_service(start) -> None:
    served = start("--drain-s", "0")
    stuck = served.wire().post("/v1/slow", {"ms": 600_000})
    until(lambda: served.state()["open"])
    served.stop()
    assert served.wait() == 0  # the endpoint's deadline is 2 s
    stuck.close()


@dataclass
class Load:
    """Clients that ask one request after another until the port is closed."""

    port: int
    answered: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, connect, number: int) -> None:
        try:
            wire = connect()
            while True:
                wire = self._ask(wire, connect, number)
        except ConnectionRefusedError:
            return

    def _ask(self, wire, connect, number: int):
        try:
            reply = wire.ask("/v1/echo", number)
        except (EOFError, OSError) as error:
            with self.lock:
                self.wrong.append(f"dropped: {error!r}")
            return connect()
        with self.lock:
            self.answered += 1
            if reply.status != 200 or reply.json["echo"] != number:
                self.wrong.append(f"{reply.status} {reply.body[:100]!r}")
        if reply.headers.get("connection") == "close":
            wire.close()
            return connect()
        return wire


def test_no_accepted_request_is_dropped_when_a_loaded_service_drains(start) -> None:
    served = start("--drain-s", "0.5")
    load = Load(served.port)
    clients = [threading.Thread(target=load.run, args=(served.wire, n), daemon=True) for n in range(12)]
    for client in clients:
        client.start()
    until(lambda: load.answered > 200)
    served.stop()
    assert served.wait() == 0
    for client in clients:
        client.join(60)
    assert load.wrong == []


def test_log_lines_are_json_and_hold_no_payload(start) -> None:
    served = start("--drain-s", "0", DAGC_ACCESS_LOG="all")
    wire = served.wire()
    wire.ask("/v1/echo", "canary-4711", "x-request-id: log-1")
    wire.ask("/v1/broken", "canary-4711")
    wire.get("/live")
    wire.send(b"canary-4711\r\n\r\n").read()
    served.stop()
    assert served.wait() == 0
    text = served.child.stderr.read()
    assert "canary" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    answers = {line["request_id"]: line for line in lines if "route" in line}
    assert (answers["log-1"]["route"], answers["log-1"]["status"]) == ("/v1/echo", 200)
    assert sorted(line["status"] for line in answers.values()) == [200, 200, 400, 500]
    assert any(line.get("exception") == "ZeroDivisionError" for line in lines)
    assert re.fullmatch(r"listening on http://127.0.0.1:\d+", lines[0]["message"])


def assert_serves_on(port: int) -> None:
    """It answers, and each time that it wrote its log it goes on closing connections that say nothing."""
    until(lambda: lives(port))
    for _ in range(4):
        assert lives(port)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as silent:
            assert silent.recv(1) == b""


def lives(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as pipe:
            pipe.sendall(b"GET /live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            return pipe.recv(99).startswith(b"HTTP/1.1 200")
    except ConnectionError:
        return False


LOGGED = {"DAGC_ACCESS_LOG": "all", "PATIENCE": '{"head_s": 0.1}'}


@pytest.mark.parametrize("lost", [">/dev/full 2>/dev/full", "<&- >&- 2>&-", ">&- 2>&- --workers 2"])
def test_a_service_whose_log_cannot_be_written_serves_on(lost: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    line = f'exec "$0" "$1" --port {port} --drain-s 0 {lost}'
    environment = {**os.environ, "DAGC_WORKERS": "1", **LOGGED}
    with subprocess.Popen(["sh", "-c", line, sys.executable, ALONE], env=environment) as served:
        assert_serves_on(port)
        served.terminate()
        assert served.wait(60) == 0


def test_a_service_whose_log_nobody_reads_any_more_serves_on(start) -> None:
    served = start("--drain-s", "0", **LOGGED)
    served.child.stderr.close()
    assert_serves_on(served.port)
    served.stop()
    assert served.wait() == 0


def test_few_open_files_are_shared_between_connections_and_probes() -> None:
    few = "ulimit -n 64; exec " + " ".join((sys.executable, ALONE, "--port 0 --drain-s 0 --workers 1"))
    with subprocess.Popen(["sh", "-c", few], stdout=subprocess.PIPE, text=True) as served:
        port = int(served.stdout.readline().rpartition(":")[2])
        held = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(20)]
        for pipe in held:
            pipe.sendall(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n1")
        assert all(pipe.recv(99).startswith(b"HTTP/1.1 200") for pipe in held)
        for pipe in held:
            pipe.close()
        served.terminate()
        assert served.wait(60) == 0
