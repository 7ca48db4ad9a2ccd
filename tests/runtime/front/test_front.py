"""Requests that are answered: framing, order, odd spellings, ids, deadlines and clients that leave."""

import json
import re
import time

import pytest

from tests.running import until

pytestmark = pytest.mark.port


def test_a_body_of_a_declared_length_is_answered(wire) -> None:
    reply = wire.ask("/v1/echo", {"a": 1})
    assert (reply.status, reply.json) == (200, {"bytes": 8, "echo": {"a": 1}})
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["date"].endswith("GMT")


def test_a_chunked_body_is_answered(wire) -> None:
    head = b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    reply = wire.send(head + b"3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n").read()
    assert reply.json == {"bytes": 5, "echo": [1, 2]}
    assert wire.ask("/v1/echo", 3).json["echo"] == 3


def test_a_request_that_comes_byte_by_byte_is_answered(wire, whole) -> None:
    for byte in whole("/v1/echo", {"a": [1, 2]}, "content-type: application/json"):
        wire.send(bytes([byte]))
    assert wire.read().json["echo"] == {"a": [1, 2]}


def test_a_chunked_request_that_comes_byte_by_byte_is_answered(wire) -> None:
    for byte in b"POST /v1/echo HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n7\r\n0\r\n\r\n":
        wire.send(bytes([byte]))
    assert wire.read().json["echo"] == 7


def test_20_pipelined_requests_are_answered_in_order(wire, whole) -> None:
    wire.send(b"".join(whole("/v1/echo", n) for n in range(20)))
    assert [wire.read().json["echo"] for _ in range(20)] == list(range(20))


def test_a_piece_may_have_the_end_of_a_long_body_and_the_beginning_of_the_next(wire, whole) -> None:
    first, second = (whole("/v1/echo", letter * 60_000) for letter in "ab")
    both = first + second
    for begin, end in ((0, 40_000), (40_000, len(first) + 12_000), (len(first) + 12_000, len(both))):
        wire.send(both[begin:end])
        time.sleep(0.05)  # so that they mostly are pieces of their own
    assert [wire.read().json["echo"][0] for _ in range(2)] == ["a", "b"]


def test_answers_keep_the_order_of_requests_when_later_ones_are_ready_first(wire, whole) -> None:
    wire.send(b"".join(whole("/v1/slow", {"ms": ms}) for ms in (200, 0, 100, 0)))
    assert [wire.read().json["ms"] for _ in range(4)] == [200, 0, 100, 0]


def test_a_pipelined_mix_of_fast_slow_refused_and_application_requests_keeps_its_order(wire, whole) -> None:
    requests = (
        whole("/v1/slow", {"ms": 150}), b"GET /live HTTP/1.1\r\nhost: a\r\n\r\n",
        whole("/v1/echo", b"{"), whole("/v1/echo", 1),
        b"GET /nowhere HTTP/1.1\r\nhost: a\r\n\r\n", whole("/v1/%73low", {"ms": 60}), whole("/v1/echo", 2),
        b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n", whole("/v1/echo", 3, "content-type: text/csv"),
        whole("/v1/echo", 4),
    )  # fmt: skip
    wire.send(b"".join(requests))
    found = [wire.read() for _ in requests]
    assert [reply.status for reply in found] == [200, 200, 400, 200, 404, 200, 200, 200, 415, 200]
    assert [found[at].json.get("echo") for at in (3, 6, 9)] == [1, 2, 4]
    assert found[5].json == {"ms": 60}


def test_a_pipeline_deeper_than_what_is_worked_on_at_once_is_answered_whole(wire, whole) -> None:
    wire.send(b"".join(whole("/v1/slow", {"ms": 1, "n": n}) for n in range(1000)))
    assert [wire.read().json["n"] for _ in range(1000)] == list(range(1000))


def test_pipelined_requests_of_one_connection_are_worked_on_side_by_side(wire, whole) -> None:
    begun = time.monotonic()
    wire.send(whole("/v1/slow", {"ms": 900}) * 10)
    assert {wire.read().status for _ in range(10)} == {200}
    assert time.monotonic() - begun < 9


@pytest.mark.parametrize("path", ["/v1/%65cho", "/v1/echo?", "/v1/echo?a=b%20c", "http://a/v1/echo", "/v1/echo#x"])
def test_odd_spellings_of_a_path_answer_equally(wire, path: str) -> None:
    reply, plain = wire.ask(path, {"a": 1}), wire.ask("/v1/echo", {"a": 1})
    assert (reply.status, reply.body) == (plain.status, plain.body)
    assert reply.headers.keys() == plain.headers.keys()


@pytest.mark.parametrize("path", ["/v1/echo", "/v1/%65cho"])
@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("content-type: text/plain", 415), ("content-type: application/x-www-form-urlencoded", 415),
        ("content-type: application/json; charset=utf-8", 200), ("content-type: application/vnd.a+json", 200),
        ("content-encoding: gzip", 415), ("x-request-timeout-ms: soon", 400), ("x-request-timeout-ms: -1", 400),
        ("x-request-timeout-ms: 0", 504), ("x-request-timeout-ms: 1000", 200), ("x-request-id: a b", 200),
    ],
)  # fmt: skip
def test_header_fields_mean_the_same_on_both_ways_in(wire, path: str, header: str, status: int) -> None:
    assert wire.ask(path, 1, header).status == status
    assert wire.ask("/v1/echo", 1).status == 200, "and the connection goes on"


def test_a_request_id_is_echoed_or_made(wire) -> None:
    ids = [
        wire.ask("/v1/echo", 1, f"x-request-id: {given}").headers["x-request-id"] for given in ("A.b_c-9", "a b")
    ]
    assert ids[0] == "A.b_c-9"
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", ids[1])
    assert wire.ask("/v1/%65cho", 1, "x-request-id: way-2").headers["x-request-id"] == "way-2"
    assert len({wire.ask("/v1/echo", 1).headers["x-request-id"] for _ in range(50)}) == 50


def test_head_and_options_are_answered_without_a_body_and_with_what_is_allowed(wire) -> None:
    head = wire.send(b"HEAD /live HTTP/1.1\r\nhost: a\r\n\r\n").read(bodiless=True)
    assert (head.status, int(head.headers["content-length"])) == (200, len(wire.get("/live").body))
    assert wire.send(b"HEAD /v1/echo HTTP/1.1\r\nhost: a\r\n\r\n").read(bodiless=True).status == 405
    options = wire.send(b"OPTIONS /v1/echo HTTP/1.1\r\nhost: a\r\n\r\n").read()
    assert (options.status, options.headers["allow"]) == (200, "POST, OPTIONS")


def test_other_methods_and_paths_are_refused_in_json(wire) -> None:
    assert (wire.get("/v1/echo").code, wire.get("/v1/nothing").code) == ("method_not_allowed", "not_found")
    refused = wire.ask("/live", {})
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_an_empty_body_reaches_the_endpoint(wire) -> None:
    assert wire.ask("/v1/echo", b"").code == "bad_json"
    assert wire.send(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\n\r\n").read().code == "bad_json"


def test_a_body_of_many_pieces_arrives_whole(wire) -> None:
    text = "y" * 90_000
    assert wire.ask("/v1/echo", text).json["echo"] == text


def test_a_large_answer_arrives_whole(wire) -> None:
    assert len(wire.ask("/v1/big", 5_000_000).body) == 5_000_002


def test_an_expected_invitation_is_sent_before_the_body(wire) -> None:
    wire.send(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
    assert wire.read().status == 100
    assert wire.send(b"42").read().json["echo"] == 42


def test_no_invitation_is_sent_when_the_body_came_along(wire, whole) -> None:
    assert wire.ask("/v1/echo", 42, "expect: 100-continue").status == 200


def test_an_invitation_waits_for_the_answers_before_it(wire, whole) -> None:
    for first in (whole("/v1/slow", {"ms": 100}), b"GET /live HTTP/1.1\r\nhost: a\r\n\r\n"):
        second = b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n"
        wire.send(first + second)
        assert [wire.read().status, wire.read().status] == [200, 100]
        assert wire.send(b"42").read().json["echo"] == 42


def test_the_application_s_bodies_are_invited_too(wire) -> None:
    wire.send(b"POST /v1/%65cho HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
    assert wire.read().status == 100
    assert wire.send(b"42").read().json["echo"] == 42


def test_connection_close_is_honoured(wire) -> None:
    reply = wire.ask("/v1/echo", 1, "connection: close")
    assert (reply.status, reply.headers["connection"]) == (200, "close")
    assert wire.ended()


def test_what_follows_a_closing_request_is_not_answered(wire, whole) -> None:
    wire.send(whole("/v1/echo", 1, "connection: close") + whole("/v1/echo", 2))
    assert wire.read().json["echo"] == 1
    assert wire.ended()


@pytest.mark.parametrize("path", ["/v1/echo", "/v1/%65cho"])
@pytest.mark.parametrize("headers", [(), ("connection: keep-alive",)])
def test_http_1_0_is_answered_and_closed(wire, whole, path: str, headers: tuple[str, ...]) -> None:
    reply = wire.send(whole(path, 1, *headers, version="1.0")).read()
    assert (reply.status, reply.headers["connection"]) == (200, "close")
    assert wire.ended()


def test_an_offer_to_upgrade_is_ignored_and_its_body_read(wire) -> None:
    offer = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAEAAEAAAAIAAAAB")
    assert wire.ask("/v1/echo", {"java": 1}, *offer).json["echo"] == {"java": 1}
    assert wire.ask("/v1/%65cho", 2, *offer).json["echo"] == 2
    assert wire.ask("/v1/echo", 3, *offer, "x-request-timeout-ms: 0").status == 504
    wire.send(b"GET /live HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
    assert wire.read().status == 200


def test_an_endpoint_that_fails_to_accept_is_a_500_without_internals(wire) -> None:
    for path in ("/v1/broken", "/v1/%62roken"):
        reply = wire.ask(path, 1)
        assert (reply.status, reply.code) == (500, "internal")
        assert b"Zero" not in reply.body
    assert wire.ask("/v1/echo", 1).status == 200


@pytest.mark.parametrize("path", ["/v1/slow", "/v1/%73low"])
def test_work_for_clients_that_left_is_cancelled(alone, path: str) -> None:
    before = alone.state()["cancelled"]
    for _ in range(20):
        gone = alone.wire().post(path, {"ms": 600_000})
        until(lambda: alone.state()["open"])
        gone.close()
        until(lambda: not alone.state()["open"])
    assert alone.state()["cancelled"] == before + 20


def test_500_disconnects_at_five_moments_leave_nothing_in_flight(alone, whole) -> None:
    slow = whole("/v1/slow", {"ms": 600_000})
    big = whole("/v1/big", 3_000_000)
    for content in (b"", slow[:20], slow[:-2], slow * 3, big):
        for _ in range(100):
            wire = alone.wire()
            wire.send(content)
            wire.close()
    until(lambda: alone.state()["open"] == 0)


def test_documents_and_health_are_served(wire) -> None:
    index = wire.get("/").json
    assert {"name": "echo", "version": "1", "method": "POST", "path": "/v1/echo"} in index["endpoints"]
    assert json.loads(wire.get("/openapi.json").body)["openapi"] == "3.1.0"
    assert [wire.get(path).status for path in ("/live", "/ready")] == [200, 200]
    docs = wire.get("/docs")
    assert docs.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in docs.headers["content-security-policy"]
    assert not re.search(rb"(src|href)\s*=|https?://", docs.body), "nothing comes from elsewhere"
