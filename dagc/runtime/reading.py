"""Requests out of bytes: the parser's callbacks, and what a head or body is refused for.

httptools turns an exception of a callback into a parse error. `StopReadingError` uses that on purpose: after a
refusal nothing more of this connection is read.
"""

from __future__ import annotations

import logging
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol, cast

import httptools
from uvicorn._types import HTTPScope

from .answer import EXPIRED, FAILED, Answer, refusal
from .exchange import Exchange, Owing
from .framing import MAX_HEAD_BYTES, PLAIN_NAMES, read_wish, refused_coding, too_large
from .front import Front
from .oip.paths import in_protocol, is_inference

IDLE, HEAD, BODY, SOCKET = 0, 1, 2, 3
PROBES = frozenset((b"/live", b"/ready", b"/metrics"))

_BAD_REQUEST = refusal(400, "bad_request", "this is not an HTTP/1.1 request")
_HEAD_TOO_LARGE = refusal(431, "head_too_large", f"line and headers are larger than {MAX_HEAD_BYTES} bytes")
_NO_HOST = refusal(400, "bad_request", "a request of HTTP/1.1 needs the field `host`", "host")  # RFC 9112, 3.2
_TOO_MUCH_AROUND = refusal(
    431, "trailers_too_large", f"chunk extensions or trailers are larger than {MAX_HEAD_BYTES} bytes"
)
_EXPECTATION = refusal(417, "expectation_failed", "the only expectation this service meets is `100-continue`")
_NO_TUNNEL = refusal(405, "method_not_allowed", "this service is not a proxy")
_CROWDED = refusal(
    503,
    "too_many_connections",
    "this worker holds as many connections as it may",
    headers=((b"retry-after", b"1"),),
)
_logger = logging.getLogger("dagc.front")


class StopReadingError(Exception):
    """Raised in a callback: the parser reads no further."""


class Debtor(Owing, Protocol):
    """The connection a reader reads for."""

    def owe(self, exchange: Exchange) -> None:
        """A whole request is there."""

    def refuse(self, answer: Answer) -> None:
        """The connection's last answer, for the request being read."""

    def state(self) -> dict[str, object]:
        """What the user's application made when it started."""

    def hand_over(self, content: bytes) -> None:
        """A WebSocket begins with this: the connection is another protocol's from here."""


class Reader:
    """The request being read: how far it is (`stage`), and whether its client waits to be invited (`expects`).

    Once `stopped`, nothing more of the connection is to be fed.
    """

    __slots__ = (
        "_aside", "_body", "_debtor", "_every", "_fed_bytes", "_fields", "_front", "_given", "_large_piece",
        "_parser", "_url", "crowded", "exchange", "expects", "on_header", "stage", "stopped", "waited_for",
        "websockets",
    )  # fmt: skip

    def __init__(self, front: Front, debtor: Debtor) -> None:
        self._front = front
        self._debtor = debtor
        self.crowded = False
        self.exchange = Exchange(debtor, front.other, close=True)
        self.stage = IDLE
        self.stopped = False
        self.expects = False
        self.waited_for = IDLE
        self._url = b""
        self._fields: dict[bytes, bytes] = {}
        self._given: dict[bytes, bytes] = {}
        # Called for every field: a method of C costs 0.04 us, one of ours 0.25. Of equal fields the first counts;
        # those that frame a body are joined by the parser itself.
        self.on_header: Callable[[bytes, bytes], object] = self._given.setdefault
        self._every: list[tuple[bytes, bytes]] | None = None
        if front.service.app is not None:  # it is given every field
            self._every = []
            self.on_header = self._keep_every
        self.websockets = False
        self._body: bytes | bytearray = b""
        self._fed_bytes = -1
        self._large_piece = False
        self._aside = b""
        self._new_parser()

    def feed(self, given: bytes) -> None:
        """Reads a piece of the stream; whole requests are owed, hopeless ones refused."""
        self._large_piece = len(given) > MAX_HEAD_BYTES
        if self._large_piece and self.stage == IDLE and given.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES) < 0:
            return self._debtor.refuse(_HEAD_TOO_LARGE)
        offered, held = -1, len(self._body)
        try:
            self._parser.feed_data(given)
        except httptools.HttpParserUpgrade as upgrade:
            offered = upgrade.args[0]
        except httptools.HttpParserError as error:
            self._misread(error)
        if offered >= 0:
            head, self._aside = self._aside, b""
            if self.stage == SOCKET:
                self.stopped = True
                return self._debtor.hand_over(head + given[offered:])
            self._new_parser()
            self.feed(head + given[offered:])
        elif self.stage == HEAD:
            # Where in its first piece this head began is unknown; from the second piece on every byte is its own.
            self._fed_bytes = 0 if self._fed_bytes < 0 else self._fed_bytes + len(given)
            if self._fed_bytes > MAX_HEAD_BYTES:
                self._debtor.refuse(_HEAD_TOO_LARGE)
        elif self.stage == BODY:
            # The parser bounds neither chunk extensions nor trailers, and keeps the latter (CVE-2024-22019).
            # In the piece in which a request begins, `held` is of the body before: pipelined bodies are long.
            begun = self._fed_bytes < 0
            self._fed_bytes = 0 if begun or len(self._body) > held else self._fed_bytes + len(given)
            if self._fed_bytes > MAX_HEAD_BYTES:
                self._debtor.refuse(_TOO_MUCH_AROUND)
        return None

    def refused(self, answer: Answer) -> Exchange:
        """The exchange that ends the connection: the one being read when its head is known, else a new one."""
        known = self.stage == BODY
        exchange = self.exchange if known else Exchange(self._debtor, self._front.other, close=True)
        if known and exchange.scope is not None and is_inference(exchange.scope["path"]):
            answer = in_protocol(answer)
        exchange.scope = None
        exchange.answer = answer
        exchange.close = True
        exchange.arrived = time.monotonic()
        self.stopped = True
        self.stage = IDLE
        self.expects = False
        return exchange

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A request line begins."""
        self.stage = HEAD
        self.waited_for = IDLE
        self._url = b""
        self._given.clear()
        if self._every is not None:
            self._every = []
        self._body = b""
        self._fed_bytes = -1

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._url += url

    def on_headers_complete(self) -> None:
        """The head is there: route it, and refuse what its fields rule out."""
        parser, fields, front = self._parser, self._given, self._front
        # A head that came whole in a small piece is small: only the others are measured.
        if self._large_piece or self._fed_bytes >= 0:
            self._measure_head()
        method = parser.get_method()
        plain = PLAIN_NAMES.issuperset(fields)
        if not plain:
            fields = self._fields = _in_lower_case(fields)
            if parser.should_upgrade() and method != b"CONNECT":
                return self._set_upgrade_aside(method)
        route = front.routes.get(self._url) if method == b"POST" else None
        exchange = Exchange(self._debtor, route or front.other, close=not parser.should_keep_alive())
        self.exchange = exchange
        self.stage = BODY
        if b"Host" not in fields and b"host" not in fields and parser.get_http_version() == "1.1":
            self._stop(_NO_HOST)
        if self.crowded:
            self._let_in_only_probes(exchange)
        if route is None:
            exchange.scope = scope = self._scope(method.decode())
            exchange.route = front.users(scope["path"])
        if front.guarded:
            self._let_in_callers(exchange)
        if route is not None:
            content_type = fields.get(b"content-type") or fields.get(b"Content-Type")
            if content_type != b"application/json":
                way = route.for_type(content_type)
                if isinstance(way, Answer):
                    exchange.answer = way
                else:
                    exchange.route = way
        if not plain:
            self._read_rare_fields(exchange)
        length = fields.get(b"content-length") or fields.get(b"Content-Length")
        if length is not None and int(length) > exchange.route.max_body_bytes:
            self._stop(too_large(exchange.route.max_body_bytes))
        return None

    def on_body(self, body: bytes) -> None:
        """A piece of the body; the cap also holds for chunks."""
        self.expects = False
        held = self._body
        if not held:
            self._body = body
        elif isinstance(held, bytearray):
            held += body
        else:
            self._body = bytearray(held) + body
        if len(self._body) > self.exchange.route.max_body_bytes:
            self._stop(too_large(self.exchange.route.max_body_bytes))

    def on_message_complete(self) -> None:
        """The request is whole: it is owed an answer."""
        if self._aside:
            return
        self.stage = IDLE
        self.expects = False
        exchange, body = self.exchange, self._body
        exchange.arrived = time.monotonic()
        # A long message between services is read where it is; all else takes text.
        whole = isinstance(body, bytes) or exchange.route.media is not None
        exchange.body = cast("bytes", body) if whole else bytes(body)
        self._debtor.owe(exchange)
        if exchange.close:
            self.stopped = True
            raise StopReadingError

    def _new_parser(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        # What follows a closing request is not an error, only not read.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def _misread(self, error: httptools.HttpParserError) -> None:
        if self.stopped:
            return
        if isinstance(error, httptools.HttpParserCallbackError):
            _logger.error("reading a request failed", exc_info=error.__context__)
        self._debtor.refuse(FAILED if isinstance(error, httptools.HttpParserCallbackError) else _BAD_REQUEST)

    def _measure_head(self) -> None:
        fields = self._given
        size = len(self._url) + sum(map(len, fields)) + sum(map(len, fields.values())) + 4 * len(fields)
        if size > MAX_HEAD_BYTES:
            self._stop(_HEAD_TOO_LARGE)

    def _let_in_only_probes(self, exchange: Exchange) -> None:
        exchange.close = True
        if self._url not in PROBES:
            self._front.metrics.shed("connections")
            self._stop(_CROWDED)

    def _let_in_callers(self, exchange: Exchange) -> None:
        """Whom the route does not know is told so before anything of the body is read."""
        scope = exchange.scope
        access = exchange.route.access if scope is None else self._front.access(scope["path"])
        if access is None:
            return
        caller = access.caller(_in_lower_case(self._given))
        if isinstance(caller, Answer):
            bodiless = scope is not None and scope["method"] == "HEAD"
            self._stop(caller._replace(body=b"") if bodiless else caller)
        exchange.caller = caller
        if scope is not None:
            scope["extensions"] = {"dagc": {"caller": caller}}

    def _read_rare_fields(self, exchange: Exchange) -> None:
        fields, version = self._fields, self._parser.get_http_version()
        # A kept HTTP/1.0 connection needs an answer in its own dialect; closing is always understood.
        exchange.close = exchange.close or version != "1.1"
        refused = refused_coding(fields, version)
        if refused is not None:
            self._stop(refused)
        expect = fields.get(b"expect")
        if expect is not None and version == "1.1":
            if expect.lower() != b"100-continue":
                self._stop(_EXPECTATION)
            self.expects = True
        if exchange.scope is None:
            self._read_wish(exchange)
        if exchange.answer is not None and self.expects:
            self._stop(exchange.answer)

    def _read_wish(self, exchange: Exchange) -> None:
        wish = read_wish(self._fields)
        if isinstance(wish, Answer):
            exchange.answer = exchange.answer or wish
            return
        exchange.request_id = wish.request_id or exchange.request_id
        exchange.trace = wish.trace
        if wish.timeout_s is not None:
            exchange.timeout_s = min(exchange.timeout_s, wish.timeout_s)
        if exchange.timeout_s == 0 and exchange.answer is None:
            self._front.metrics.deadline("accept")
            exchange.answer = EXPIRED

    def _set_upgrade_aside(self, method: bytes) -> None:
        # Upgrades may be ignored (RFC 9110 section 7.8), but llhttp does not read the body behind one, and Java's
        # HttpClient offers `h2c` with every POST: the same head without the offer is parsed anew.
        fields = list(self._fields.items() if self._every is None else self._every)
        if self.websockets and method == b"GET" and self._fields.get(b"upgrade", b"").lower() == b"websocket":
            self._open_socket()
        else:
            fields = [field for field in fields if field[0] not in (b"upgrade", b"connection", b"http2-settings")]
            if not self._parser.should_keep_alive():
                fields.append((b"connection", b"close"))
        lines = b"".join([b"%b: %b\r\n" % field for field in fields])
        version = self._parser.get_http_version().encode()
        self._aside = b"%b %b HTTP/%b\r\n%b\r\n" % (method, self._url, version, lines)

    def _open_socket(self) -> None:
        """A WebSocket of the user's application: its caller is let in as that of a request."""
        exchange = Exchange(self._debtor, self._front.other, close=True)
        self.exchange = exchange
        self.stage = BODY
        exchange.scope = self._scope("GET")
        if self._front.guarded:
            self._let_in_callers(exchange)
        self.stage = SOCKET

    def _keep_every(self, name: bytes, value: bytes) -> None:
        self._given.setdefault(name, value)
        if self._every is not None:
            self._every.append((name.lower(), value))

    def _scope(self, method: str) -> HTTPScope:
        """The ASGI scope of this request; the connection adds its addresses."""
        if method == "CONNECT":
            self._stop(_NO_TUNNEL)
        if self._parser.get_http_version() not in ("1.0", "1.1"):
            self._stop(_BAD_REQUEST)
        try:
            target = httptools.parse_url(self._url)
            path = urllib.parse.unquote(target.path.decode("ascii"))
        except (httptools.HttpParserInvalidURLError, UnicodeDecodeError, AttributeError):
            self._stop(_BAD_REQUEST)
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": self._parser.get_http_version(),
            "server": None,
            "client": None,
            "scheme": "http",
            "root_path": "",
            "headers": list(_in_lower_case(self._given).items()) if self._every is None else self._every,
            "state": self._debtor.state(),
            "method": method,
            "path": path,
            "raw_path": target.path,
            "query_string": target.query or b"",
            "extensions": {},
        }

    def _stop(self, answer: Answer) -> NoReturn:
        self._debtor.refuse(answer)
        raise StopReadingError


def _in_lower_case(given: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for name, value in given.items():
        fields.setdefault(name.lower(), value)
    return fields
