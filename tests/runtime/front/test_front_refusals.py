"""Requests that are refused: what the client is told, that it can read it, and that nobody else notices."""

import socket

import pytest

pytestmark = pytest.mark.port

LIMIT = 100_000


def test_a_declared_body_over_the_cap_is_refused_before_it_is_sent(wire) -> None:
    wire.send(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 100001\r\n\r\n")
    reply = wire.read()
    assert (reply.status, reply.code, reply.headers["connection"]) == (413, "body_too_large", "close")
    assert wire.ended()


@pytest.mark.parametrize("path", ["/v1/echo", "/v1/%65cho", "/nowhere"])
def test_the_refusal_of_a_large_body_survives_a_client_that_goes_on_sending(wire, path: str) -> None:
    size = 20_000_000
    wire.send(f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {size}\r\n\r\n".encode())
    for _ in range(100):
        wire.send(b"x" * 200_000)
    assert wire.read().status == 413
    assert wire.ended()


def test_a_chunked_body_over_the_cap_is_refused_and_the_refusal_survives(wire) -> None:
    wire.send(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(300):
        wire.send(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
    assert wire.read().status == 413
    assert wire.ended()


def test_a_body_of_exactly_the_cap_is_taken(wire) -> None:
    assert wire.ask("/v1/echo", b" " * (LIMIT - 1) + b"1").json == {"bytes": LIMIT, "echo": 1}


def test_a_client_that_waits_for_an_invitation_is_told_413_instead(wire) -> None:
    wire.send(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 100001\r\nexpect: 100-continue\r\n\r\n")
    assert wire.read().status == 413
    assert wire.ended()


def test_a_client_that_waits_for_an_invitation_is_told_415_instead(wire) -> None:
    lines = b"host: a\r\ncontent-type: a/b\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n"
    wire.send(b"POST /v1/echo HTTP/1.1\r\n" + lines)
    assert wire.read().status == 415
    assert wire.ended()


def test_an_unknown_expectation_is_refused(wire) -> None:
    assert wire.ask("/v1/echo", 1, "expect: a-miracle").status == 417


def test_a_large_body_behind_owed_answers_is_refused_after_them(wire, whole) -> None:
    wire.send(whole("/v1/slow", {"ms": 100}) * 2 + whole("/v1/echo", b"1" * (LIMIT + 1)) + whole("/v1/echo", 1))
    assert [wire.read().status for _ in range(3)] == [200, 200, 413]
    assert wire.ended()


@pytest.mark.parametrize(
    "lines",
    [
        b"content-length: 1\r\ntransfer-encoding: chunked", b"transfer-encoding: chunked\r\ncontent-length: 1",
        b"content-length: 1\r\ncontent-length: 2", b"content-length: -1", b"content-length: 1, 1",
        b"content-length: +1",
        b"content-length: 99999999999999999999999", b"transfer-encoding: gzip", b"transfer-encoding : chunked",
        b"transfer-encoding: chunked\r\ntransfer-encoding: chunked", b"transfer-encoding: chunked, chunked",
        b" folded: 1", b"no colon", b"na me: 1", b": 1", b"a: \x00", b"a: \x01", b"a: 1\rb: 2",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [b"/v1/echo", b"/live"])
def test_a_head_whose_body_could_be_read_in_two_ways_is_refused(wire, path: bytes, lines: bytes) -> None:
    wire.send(b"POST " + path + b" HTTP/1.1\r\nhost: a\r\n" + lines + b"\r\n\r\n0\r\n\r\n")
    assert wire.read().status in (400, 413, 501)
    assert wire.ended()


def test_a_coding_that_is_not_read_is_a_501(wire) -> None:
    wire.send(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n")
    assert wire.read().status == 501
    assert wire.ended()


LONG = b"b" * 200_000


@pytest.mark.parametrize("around", [b"0\r\n" + b"a:\r\n" * 100_000, b"0\r\na: " + LONG, b"1;" + LONG])
def test_trailers_and_chunk_extensions_have_a_cap(wire, around: bytes) -> None:
    wire.send(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\n1\r\n" + around)
    assert wire.read().status == 431


def test_trailers_are_read_over_and_what_follows_is_served(wire) -> None:
    head = b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    wire.send(head + b"1;name=value\r\n1\r\n0\r\n" + b"sum: 1\r\n" * 100 + b"\r\n")
    assert wire.read().json == {"bytes": 1, "echo": 1}
    assert wire.ask("/v1/echo", 2).status == 200


def test_a_host_may_be_spelled_in_any_case_and_http_1_0_needs_none(wire) -> None:
    reply = wire.send(b"GET /live HTTP/1.1\r\nhOsT: a\r\n\r\nGET /live HTTP/1.0\r\n\r\n").read()
    assert reply.status == 200
    assert wire.read().status == 200


def test_a_request_of_http_1_1_without_a_host_is_refused(alone) -> None:
    for line in (b"", b"accept: */*\r\n", b"x: 1\r\n"):
        bare = alone.wire()
        assert bare.send(b"GET /live HTTP/1.1\r\n" + line + b"\r\n").read().status == 400
        assert bare.ended()
        bare.close()


def test_chunks_are_refused_in_http_1_0(wire) -> None:
    wire.send(b"POST /v1/echo HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n")
    assert wire.read().status == 400


@pytest.mark.parametrize(
    "content",
    [
        b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\x00: 1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET \x80 HTTP/1.1\r\n\r\n",
        b"GET http:// HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\n11\r\n",
        b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n10000000000000000\r\n",
    ],
)  # fmt: skip
def test_what_is_not_http_is_a_400(wire, content: bytes) -> None:
    reply = wire.send(content).read()
    assert (reply.status, reply.headers["connection"]) == (400, "close")
    assert reply.code == "bad_request"
    assert wire.ended()


def test_a_tunnel_is_refused(wire) -> None:
    assert wire.send(b"CONNECT example.org:443 HTTP/1.1\r\nhost: a\r\n\r\n").read().status == 405
    assert wire.ended()


def test_owed_answers_leave_before_a_400(wire, whole) -> None:
    wire.send(whole("/v1/slow", {"ms": 150}) + b"GET /live HTTP/1.1\r\nhost: a\r\n\r\n" + b"nonsense\r\n\r\n")
    assert [wire.read().status for _ in range(3)] == [200, 200, 400]
    assert wire.ended()


@pytest.mark.parametrize("count", [1, 200])
def test_a_head_over_16_kib_is_refused(wire, count: int) -> None:
    lines = b"".join(b"x-%d: %b\r\n" % (n, b"y" * (20_000 // count)) for n in range(count))
    reply = wire.send(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\n" + lines + b"\r\n").read()
    assert (reply.status, reply.code) == (431, "head_too_large")
    assert wire.ended()


def test_a_head_of_15_kib_is_taken(wire) -> None:
    assert wire.ask("/v1/echo", 1, "x: " + "y" * 15_000).status == 200


def test_a_head_that_never_ends_is_refused_while_it_comes(wire) -> None:
    wire.send(b"GET /live HTTP/1.1\r\nhost: a\r\nx: ")
    for _ in range(40):
        wire.send(b"y" * 1000)
    assert wire.read().status == 431
    assert wire.ended()


def test_a_target_over_16_kib_is_refused(wire) -> None:
    assert wire.send(b"GET /" + b"y" * 17_000 + b" HTTP/1.1\r\n\r\n").read().status == 431


def test_many_equal_fields_are_refused(wire) -> None:
    wire.send(b"GET /live HTTP/1.1\r\nhost: a\r\n" + b"a: bbbb\r\n" * 20_000 + b"\r\n")
    assert wire.read().status == 431
    assert wire.ended()


def test_hostile_connections_leave_the_others_unharmed(alone) -> None:
    others = alone.wire()
    waits = b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n"
    for content in (b"\x00" * 4000, waits, b"GET / HTTP/1.1\r\nhost: a\r\n"):
        made = [alone.wire().send(content) for _ in range(20)]
        assert others.ask("/v1/echo", 1).status == 200
        for hostile in made:
            hostile.pipe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            hostile.close()
    assert others.ask("/v1/echo", 1).status == 200
