"""Several workers: one ready line, one scrape, one exit; who dies is replaced and costs only what it held."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.running import until

pytestmark = pytest.mark.port

ALONE = str(Path(__file__).parent / "served_alone.py")


@pytest.fixture(params=["forked", "started"])
def mode(request) -> dict[str, str]:
    return {"DAGC_WORKERS": "2"} | ({"NO_FORK": "the test says so"} if request.param == "started" else {})


@pytest.fixture
def pair(start, mode):
    return start("--drain-s", "0", **mode)


def pids(served, want: int = 2, seconds: float = 60.0) -> set[int]:
    """The processes that answer, found by asking on fresh connections."""
    found: set[int] = set()
    end = time.monotonic() + seconds
    while len(found) < want and time.monotonic() < end:
        wire = served.wire()
        found.add(wire.ask("/v1/pid", 0).json)
        wire.close()
    return found


def children(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def gone(pid: int, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):  # before the file is opened, or before it is read
            return True
        time.sleep(0.01)
    return False


def test_all_workers_serve_one_port_and_the_supervisor_does_not(pair) -> None:
    assert pids(pair) == children(pair.child.pid)
    assert len(children(pair.child.pid)) == 2


def test_any_worker_tells_the_numbers_of_all(pair) -> None:
    wires = [pair.wire() for _ in range(20)]
    assert {wire.ask("/v1/echo", 1).status for wire in wires} == {200}
    assert len({wire.ask("/v1/pid", 1).json for wire in wires}) == 2
    for wire in wires[:10]:
        assert b'dagc_requests_total{route="/v1/echo",code="200"} 20\n' in wire.get("/metrics").body


def test_request_ids_of_workers_differ(pair) -> None:
    wires = [pair.wire() for _ in range(20)]
    ids = [wire.ask("/v1/echo", 1).headers["x-request-id"] for wire in wires for _ in range(5)]
    assert len(set(ids)) == 100
    assert len({each.partition("-")[0] for each in ids}) == 2


def test_it_says_once_that_it_is_ready_and_why_it_does_not_fork(start, mode) -> None:
    served = start("--drain-s", "0", **mode)
    served.stop()
    assert served.wait() == 0
    out, err = served.child.communicate()
    assert out == ""
    messages = [json.loads(line)["message"] for line in err.splitlines()]
    wanted = ["each worker loads the service by itself: the test says so"] if "NO_FORK" in mode else []
    assert messages[:-1] == wanted
    assert re.fullmatch(r"listening on http://127.0.0.1:\d+", messages[-1])


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_what_runs_is_answered_when_all_stop(start, sig: int) -> None:
    served = start("--drain-s", "0", DAGC_WORKERS="3")
    running = [served.wire() for _ in range(12)]
    assert {wire.ask("/v1/echo", 1).status for wire in running} == {200}
    for n, wire in enumerate(running):
        wire.post("/v1/slow", {"ms": 900, "n": n})
    time.sleep(0.4)
    served.stop(sig)
    assert [wire.read().json["n"] for wire in running] == list(range(12))
    assert served.wait() == 0
    with pytest.raises(ConnectionRefusedError):
        served.wire()


def test_ctrl_c_of_a_terminal_is_one_signal_not_two(start) -> None:
    served = start("--drain-s", "0.8", DAGC_WORKERS="2")
    begun = time.monotonic()
    for pid in (*children(served.child.pid), served.child.pid):
        os.kill(pid, signal.SIGINT)
    assert served.wait() == 0
    assert time.monotonic() - begun >= 0.7


def test_a_second_signal_ends_the_draining(start) -> None:
    served = start("--drain-s", "60", DAGC_WORKERS="2")
    served.stop()
    # Both workers, whichever gets a connection: one that has not heeded the first signal yet hears two as one.
    until(lambda: all(served.wire().get("/ready").status == 503 for _ in range(30)))
    served.stop()
    assert served.wait() == 0


class Load:
    """Clients that ask one request after another, on a fresh connection after a failure."""

    def __init__(self, served, count: int) -> None:
        self.served, self.failed, self.answered, self.over = served, 0, 0, False
        self.wrong: list[object] = []
        self.clients = [threading.Thread(target=self._ask, args=(n,), daemon=True) for n in range(count)]
        for client in self.clients:
            client.start()

    def _ask(self, number: int) -> None:
        wire = self.served.wire()
        while not self.over:
            try:
                reply = wire.ask("/v1/echo", number)
            except (EOFError, OSError):
                self.failed += 1
                wire = self.served.wire()
                continue
            self.answered += 1
            if reply.status != 200 or reply.json["echo"] != number:
                self.wrong.append(reply)

    def end(self) -> None:
        self.over = True
        for client in self.clients:
            client.join(60)


def test_a_killed_worker_costs_only_what_it_held_and_is_back(start, mode) -> None:
    """F1: failures at most the killed worker's connections (each has one request), and two workers again."""
    served = start("--drain-s", "0", **mode)
    load = Load(served, 10)
    until(lambda: load.answered > 100)
    victim = min(pids(served))
    os.kill(victim, signal.SIGKILL)
    assert gone(victim)
    assert len(pids(served) - {victim}) == 2
    wanted = load.answered + 100
    until(lambda: load.answered > wanted)
    load.end()
    assert load.failed <= 10
    assert load.wrong == []
    scrape = served.wire().get("/metrics").body
    assert b"dagc_worker_restarts_total 1\n" in scrape
    assert b"dagc_inflight 0\n" in scrape
    served.stop()
    assert served.wait() == 0
    assert "was ended by SIGKILL and is replaced" in served.child.communicate()[1]


def test_those_who_connect_while_a_worker_is_replaced_wait_and_lose_nothing(pair) -> None:
    victim = min(pids(pair))
    os.kill(victim, signal.SIGSTOP)
    wires = [pair.wire().post("/v1/echo", n) for n in range(20)]  # some wait for the stopped one
    os.kill(victim, signal.SIGKILL)
    assert [wire.read().json["echo"] for wire in wires] == list(range(20))


def test_a_worker_that_keeps_dying_ends_the_service(start) -> None:
    served = start("--drain-s", "0", DAGC_WORKERS="2")
    steady = max(children(served.child.pid))
    deadline = time.monotonic() + 60
    while served.child.poll() is None and time.monotonic() < deadline:
        for pid in children(served.child.pid) - {steady}:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    assert served.wait() == 1
    last = json.loads(served.child.communicate()[1].splitlines()[-1])
    assert last["code"] == "worker_keeps_dying"
    assert "died 5 times within 10 s" in last["message"]


def test_workers_end_with_their_supervisor_however_it_ends(pair) -> None:
    left = children(pair.child.pid)
    os.kill(pair.child.pid, signal.SIGKILL)
    pair.wait()
    assert all(gone(pid) for pid in left)


def test_a_worker_that_does_not_heed_the_signal_is_killed(start) -> None:
    served = start("--drain-s", "0", DAGC_WORKERS="2")  # the longest deadline is 2 s
    os.kill(min(children(served.child.pid)), signal.SIGSTOP)
    served.stop()
    assert served.wait() == 1


def test_a_port_in_use_and_a_failed_start_are_one_line_with_a_code(pair, mode) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        cases = (
            (("--port", str(taken.getsockname()[1])), {}, "port_in_use"),
            (("--port", str(pair.port)), {}, "port_in_use"),
            (("--port", "0"), {"FAIL_START": "1"}, "model_missing"),
            (("--port", "0", "--workers", "0"), {}, "bad_setting"),
        )
        for arguments, environment, code in cases:
            done = subprocess.run(
                [sys.executable, ALONE, *arguments], env={**os.environ, **mode, **environment},
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            lines = [json.loads(line) for line in done.stderr.splitlines()]
            assert done.returncode == 1
            assert [line["code"] for line in lines if line["level"] == "error"] == [code]
