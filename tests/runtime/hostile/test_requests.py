"""B2: hostile requests by the hundred: each is refused, at once, by the same process; none is a 5xx."""

import json
from collections.abc import Iterator

import pytest

from tests.runtime.front.conftest import Reply, request
from tests.runtime.hostile.conftest import Target
from tests.runtime.hostile.test_types import GOOD

pytestmark = pytest.mark.port

PLAIN = json.dumps(GOOD).encode()
REFUSED = {*range(400, 500), 501}
"""501 is what RFC 9112 says of a transfer coding that nobody knows."""


def posted(body: bytes, *headers: str, path: str = "/v1/everything") -> bytes:
    return request(path, body, *headers)


def bodies() -> Iterator[bytes]:
    """What is no JSON, or JSON nobody should send."""
    yield from (
        b"",
        b" ",
        b"\x00",
        b"{",
        b"}",
        b"[",
        b"{]",
        b'{"a"}',
        b"{'a': 1}",
        b"{a: 1}",
        b"[1,]",
        b"nul",
        b"NaN",
    )
    yield from (
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'"\xc3"',
        b'"\xed\xa0\x80"',
        b"{}{}",
        b"{} x",
        b"// a\n{}",
    )
    yield from (b"[" * n + b"]" * n for n in (33, 100, 1000, 100_000))
    yield from (b'{"a":' * n + b"1" + b"}" * n for n in (33, 1000, 20_000))
    yield from (b"[" * 100_000, b'{"text":' * 30_000, b'"' + b"\\" * 99_999, b'"' + b"a" * 100_000)
    yield from (PLAIN.replace(b'"count": 1', b'"count": ' + text) for text in NUMBERS)
    yield from (PLAIN.replace(b'"row": [1.0', b'"row": [' + text) for text in NUMBERS)
    yield from (PLAIN[:-1] + b', "%b": 1}' % name for name in NAMES)
    yield from (
        PLAIN[:-1] + b", " + PLAIN[1:-1] + b"}",
        PLAIN[:-1] + b', "text": "abc"}',
        PLAIN[:-1] + b', "\\u0074ext": "b"}',
    )
    yield from (PLAIN.replace(b'"text": "abc"', b'"text": "%b"' % text) for text in TEXTS)
    yield b'{"text": [' + b"1," * 50_000 + b"1]}"
    yield b"{" + b",".join(b'"k%d": 1' % n for n in range(20_000)) + b"}"


NUMBERS = (
    b"1e400", b"-1e400", b"1" * 5000, b"0x10", b"01", b"+1", b".5", b"1.", b"1e", b"--1", b"NaN", b"Infinity",
    b"-Infinity", b"1_000", b"1e-400x", b'"x"', b"null", b"{}", b"[]", b"1e99999999999", b"\xd9\xa1", b"1e+",
    b"- 1", b"1 2",
    b"\\u0031", b"1/2", b"'1'", b"1f", b"1L", b"0b1", b"undefined", b"~1", b"(1)", b"1;2", b"\xef\xbc\x91",
)  # fmt: skip
NAMES = (
    b"__proto__", b"constructor", b"__class__", b"__init__", b"$ref", b"$where", b"", b"\\u0000", b"a.b",
    b"../x", b"x" * 5000,
    b"'; DROP TABLE x; --", b"{{7*7}}", b"${jndi:ldap://a}", b"<script>", b"%s%n", b"\\ud800", b"text ", b"TEXT",
)  # fmt: skip
TEXTS = (
    b"\\ud800", b"\\u0000", b"\\x41", b"\n", b"../../etc/passwd", b"' OR 1=1", b"<img src=x>", b"{{7*7}}",
    b"${7*7}",
    b"\\u202e", b"a" * 100_000, b"%00", b"\\", b"\xf0\x9f\x92\xa9", b"\\uD83D", b"a\\u0000b",
)  # fmt: skip
TYPES = (
    "text/plain", "text/html", "application/xml", "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "application/json5", "application/octet-stream", "image/png", "application/jsonx", "json", ";", "application/",
    "application/json, text/html", "application/x-python-pickle", "application/grpc", "*/*", "application/yaml",
)  # fmt: skip
CODINGS = ("gzip", "deflate", "br", "zstd", "identity, gzip", "x", "chunked")
IDS = ("a b", "ü", "<x>", "x" * 65, "a/b", "a\tb", "${x}", "a,b", "{}", "'", "%0d%0a", '"')
TIMEOUTS = ("-1", "1.5", "abc", "1e3", "0x10", " ", "9999999999", "1,2", "+1", "NaN", "१")
PATHS = (
    "/", "//", "/v1", "/v1/", "/v1/nothing", "/v1/everything/", "/v1/Everything", "/v1/../etc/passwd",
    "/..%2f..%2fetc",
    "/%2e%2e/%2e%2e", "/v1/everything%00", "/v1/everything;x", "/v1/everything/..", "/v1//everything",
    "/.git/config",
    "/admin", "/v1/everything.json", "/\\v1", "/%c0%ae", "/%", "/%zz", "/%ff", "/v1/" + "x" * 8000,
    "/openapi.yaml",
    "/metrics/x", "/live/x", "/debug/pprof", "/actuator/env", "/v1/%00", "/dagc/docs",
)  # fmt: skip
METHODS = (
    "GET",
    "PUT",
    "PATCH",
    "DELETE",
    "HEAD",
    "TRACE",
    "PROPFIND",
    "SEARCH",
    "MKCOL",
    "LOCK",
    "PURGE",
    "REPORT",
)
LINES = (
    b"content-length: 1, 1", b"content-length: -1", b"content-length: +1", b"content-length: 0x1",
    b"content-length: 1 1",
    b"content-length: 1\r\ncontent-length: 2", b"content-length: 99999999999999999999", b"content-length: ",
    b"content-length: 1\r\ntransfer-encoding: chunked", b"transfer-encoding: chunked\r\ncontent-length: 1",
    b"transfer-encoding: gzip", b"transfer-encoding: identity", b"transfer-encoding: xchunked",
    b"transfer-encoding: chunked, gzip", b"transfer-encoding:\x0bchunked", b"transfer-encoding : chunked",
    b"transfer-encoding: chunked\r\ntransfer-encoding: chunked", b" folded: 1", b"a b: 1", b": 1", b"a: \x00",
    b"a: \x7f\x00",
    b"no colon", b"a\x80: 1", b"a: 1\rb: 1", b"a: 1\nb: 1\r\ntransfer-encoding: x", b"expect: 200-maybe",
    b"a: " + b"x" * 17_000, b"\r\n".join(b"h%d: %b" % (n, b"y" * 200) for n in range(90)), b"a: 1\x00",
)  # fmt: skip
CHUNKS = (
    b"zz\r\n", b"-1\r\n", b"1\r\nab\r\n", b"1\r\na\n", b"10000000000000000\r\n", b"0x1\r\na\r\n",
    b"1 \r\na\r\n0\r\n\r\n", b"\r\n", b"+1\r\na\r\n", b"0\r\n" + b"a:\r\n" * 200_000,
    b"0\r\na: " + b"b" * 1_000_000, b"1;a=" + b"b" * 1_000_000,
)  # fmt: skip
RAW = (
    b"\r\n\r\n\r\nGET\r\n\r\n", b"GET / HTTP/0.9\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"GET / HTTP/1.2\r\n\r\n",
    b"get / HTTP/1.1\r\n\r\n", b"GET /\x00 HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n\x00\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 100, b"\xff" * 100, b"SSH-2.0-x\r\n", b"EHLO a\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1 x\r\n\r\n", b"GET http:// HTTP/1.1\r\n\r\n",
    b"* / HTTP/1.1\r\n\r\n", b"GET /live HTTP/1.1\r\n\r\n", b"POST /v1/everything HTTP/1.1\r\nx: 1\r\n\r\n",
    b"GET * HTTP/1.1\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"POST HTTP/1.1\r\n\r\n",
    b"GET / HTTPS/1.1\r\n\r\n",
    b"G" * 20_000, b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", b"*1\r\n$4\r\nPING\r\n", b"{}\r\n\r\n",
)  # fmt: skip


def table() -> Iterator[tuple[str, bytes]]:
    """Every hostile request: what it is, and its bytes."""
    for number, body in enumerate(bodies()):
        yield f"body {number}", posted(body, "content-type: application/json")
        if number < 80:
            yield (
                f"several parameters, body {number}",
                posted(body, "content-type: application/json", path="/v1/pieces"),
            )
    for kind in TYPES:
        yield f"type {kind}", posted(PLAIN, f"content-type: {kind}")
    for coding in CODINGS:
        yield f"coding {coding}", posted(PLAIN, f"content-encoding: {coding}")
    for time in TIMEOUTS:
        yield f"timeout {time}", posted(PLAIN, f"x-request-timeout-ms: {time}")
    for path in PATHS:
        yield f"path {path[:30]}", request(path, PLAIN)
    for method in METHODS:
        yield f"method {method}", request("/v1/everything", b"", method=method)
    for line in LINES:
        yield f"line {line[:30]!r}", b"POST /v1/everything HTTP/1.1\r\nhost: a\r\n" + line + b"\r\n\r\n0\r\n\r\n"
    for chunk in CHUNKS:
        head = b"POST /v1/everything HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
        yield f"chunk {chunk[:20]!r}", head + chunk
    for content in RAW:
        yield f"raw {content[:20]!r}", content
    yield "an image over its cap", posted(b"x" * 100_001, "content-type: image/png", path="/v1/image")
    yield "no image", posted(b"", "content-type: image/png", path="/v1/image")


def answered(target: Target, content: bytes, method: str) -> Reply | None:
    """The answer; `None` where there is none within a second."""
    wire = target.wire(3.0)
    try:
        wire.pipe.sendall(content)
        return wire.read(bodiless=method == "HEAD")
    except (OSError, EOFError):
        return None
    finally:
        wire.close()


@pytest.mark.parametrize("name", IDS)
def test_a_name_that_could_break_a_log_line_is_replaced(target: Target, name: str) -> None:
    reply = answered(target, posted(PLAIN, f"x-request-id: {name}"), "POST")
    assert reply is not None and reply.status == 200
    assert reply.headers["x-request-id"] != name
    assert set(reply.headers["x-request-id"]) <= set("0123456789abcdef-")


def test_every_hostile_request_is_refused_by_the_same_process(target: Target) -> None:
    found = {name: answered(target, content, content[:4].decode("latin-1").strip()) for name, content in table()}
    assert len(found) >= 350, len(found)
    odd = {name: reply and (reply.status, reply.body[:200]) for name, reply in found.items()}
    odd = {name: said for name, said in odd.items() if said is None or said[0] not in REFUSED}
    assert not odd, json.dumps({n: str(s) for n, s in odd.items()}, indent=1)
    assert target.lives()
