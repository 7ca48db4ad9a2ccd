"""Slow, silent and greedy clients, with patience cut to seconds: what a busy machine adds does not matter."""

import json
import time
from pathlib import Path

import pytest

from tests.running import until

pytestmark = pytest.mark.port

SHORT = {"head_s": 0.6, "body_s": 1.2, "idle_s": 2.0, "stall_s": 3.0, "linger_s": 3.0}
SOON_S = 30


@pytest.fixture(scope="module")
def hasty(start):
    return start("--drain-s", "0", PATIENCE=json.dumps(SHORT))


@pytest.fixture
def slow(hasty):
    made = hasty.wire()
    yield made
    made.close()


def test_a_head_that_does_not_come_in_time_is_a_408(slow) -> None:
    begun = time.monotonic()
    reply = slow.send(b"POST /v1/echo HTTP/1.1\r\nhost").read()
    assert (reply.status, reply.code, reply.headers["connection"]) == (408, "request_timeout", "close")
    assert 0.6 <= time.monotonic() - begun < SOON_S
    assert slow.ended()


def test_a_head_that_drips_is_a_408(slow) -> None:
    slow.send(b"GET /live HTTP/1.1\r\nhost: a\r\n")
    for _ in range(4):
        time.sleep(0.25)
        slow.send(b"a")
    assert slow.read().status == 408


def test_a_body_that_does_not_come_in_time_is_a_408(slow) -> None:
    begun = time.monotonic()
    slow.send(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12")
    assert slow.read().status == 408
    assert 1.2 <= time.monotonic() - begun < SOON_S
    assert slow.ended()


def test_a_body_that_was_invited_and_does_not_come_is_a_408(slow) -> None:
    slow.send(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n")
    assert [slow.read().status, slow.read().status] == [100, 408]


def test_a_slow_head_behind_an_owed_answer_is_told_after_it(slow, whole) -> None:
    slow.send(whole("/v1/slow", {"ms": 1400}) + b"GET /li")
    assert [slow.read().status, slow.read().status] == [200, 408]


def test_a_silent_connection_is_closed(slow) -> None:
    begun = time.monotonic()
    assert slow.ended()
    assert 0.6 <= time.monotonic() - begun < SOON_S


def test_an_idle_kept_connection_is_closed_and_not_while_it_is_used(slow) -> None:
    for _ in range(5):
        assert slow.ask("/v1/echo", 1).status == 200
        time.sleep(0.5)
    assert slow.ended()


def test_a_request_that_takes_longer_than_the_idle_time_is_answered(hasty) -> None:
    asked = [hasty.wire().post(path, {"ms": 3600}) for path in ("/v1/slow", "/v1/%73low")]
    assert [wire.read().status for wire in asked] == [200, 200]


def test_a_client_that_does_not_read_is_dropped_and_holds_little(hasty, whole) -> None:
    greedy = hasty.wire()
    greedy.send(whole("/v1/big", 8_000_000) * 20)
    open_to_it = f":{hasty.port:04X} 0100007F:{greedy.pipe.getsockname()[1]:04X} 01"  # 01: ESTABLISHED
    assert open_to_it in Path("/proc/net/tcp").read_text()
    until(lambda: open_to_it not in Path("/proc/net/tcp").read_text())
    with pytest.raises((ConnectionError, EOFError)):
        for _ in range(20):
            greedy.read()
    assert hasty.state()["open"] == 0


def test_a_client_that_reads_slowly_and_steadily_gets_its_answer(hasty) -> None:
    steady = hasty.wire()
    steady.post("/v1/big", 6_000_000, "connection: close")
    received = 0
    for _ in range(12):
        time.sleep(0.3)
        received += len(steady.pipe.recv(400_000))
    while piece := steady.pipe.recv(1_000_000):
        received += len(piece)
    assert received > 6_000_000


def test_a_client_that_keeps_sending_after_a_refusal_is_dropped_in_time(slow) -> None:
    slow.send(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n")
    begun = time.monotonic()
    with pytest.raises(ConnectionError):
        while time.monotonic() - begun < SOON_S:
            slow.send(b"x" * 1000)
            time.sleep(0.01)


def test_many_slow_connections_are_told_and_leave_the_others_unharmed(hasty, start) -> None:
    patient = start("--drain-s", "0", PATIENCE=json.dumps({"head_s": 600}))
    waiting, told = [
        [served.wire().send(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\n") for _ in range(300)]
        for served in (patient, hasty)
    ]
    other = patient.wire()
    assert {other.ask("/v1/echo", 1).status for _ in range(50)} == {200}
    assert all(wire.silent(0.001) for wire in waiting)
    assert {wire.read().status for wire in told} == {408}


def test_over_the_cap_of_connections_only_health_is_answered(start) -> None:
    small = start("--drain-s", "0", CONNECTIONS="5")
    inside = [small.wire() for _ in range(5)]
    assert {wire.ask("/v1/echo", 1).status for wire in inside} == {200}
    outside = small.wire()
    refused = outside.ask("/v1/echo", 1)
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (503, "too_many_connections", "1")
    assert outside.ended()
    for path in ("/live", "/ready", "/metrics"):
        probe = small.wire()
        assert probe.get(path).status == 200
        assert probe.ended()
    assert {wire.ask("/v1/echo", 1).status for wire in inside} == {200}
    inside.pop().close()
    until(lambda: small.wire().ask("/v1/echo", 1).status == 200)


def test_a_crowd_that_says_nothing_does_not_keep_health_from_being_answered(start) -> None:
    small = start("--drain-s", "0", CONNECTIONS="5")
    silent = [small.wire() for _ in range(60)]
    assert small.wire().get("/live").status == 200
    assert b'dagc_shed_total{reason="connections"} 0\n' in small.wire().get("/metrics").body
    assert {wire.ask("/v1/echo", 1).status for wire in silent[:5]} == {200}
