"""One connection to another service: requests leave as they come, answers come in order (RFC 9112, 9.3.2)."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import httptools

MOST_BYTES = 256 * 1024 * 1024
"""Of a message or an answer; the other side takes no more."""
FINAL = 200
"""A status below it announces another answer to the same request (RFC 9110, 15.2)."""
_SMALL = 64 * 1024
"""Bytes up to which a head and its body are written as one: copying them costs less than a second buffer."""


class Broken(ConnectionError):
    """The connection ended; `answered` is true when a part of the answer had come.

    All calls that were lost with it have the same one: what follows of it is decided once.
    """

    may_repeat: bool | None = None
    is_told = False

    def __init__(self, message: str, *, answered: bool = False) -> None:
        super().__init__(message)
        self.answered = answered


@dataclass(slots=True)
class Reply:
    """An answer as it came: its status, its fields in lower case, and its body."""

    status: int
    fields: dict[bytes, bytes]
    body: bytes | bytearray | memoryview


Land = Callable[[Reply | Broken], None]


@dataclass(slots=True, eq=False)
class Sent:
    """A request on its way; `land` is told what becomes of it, once."""

    land: Land
    at: float = field(default_factory=time.monotonic)


class Connection(asyncio.Protocol):
    """Requests on their way, oldest first. `closed` is called once, when no more can be sent."""

    def __init__(self, closed: Callable[["Connection"], None]) -> None:
        self._closed = closed
        self._waiting: deque[Sent] = deque()
        self._fields: dict[bytes, bytes] = {}
        # A method of C, as the parser calls it for every field; see `Reader`.
        self.on_header = self._fields.setdefault
        self._body = bytearray()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._begun = False
        self._heard = 0.0
        self.usable = True
        self.is_silent = False
        """Whether it was ended because nothing came for as long as somebody could wait."""

    @property
    def load(self) -> int:
        """Requests whose answers have not come."""
        return len(self._waiting)

    def send(self, head: bytes, body: bytes, land: Land) -> Sent:
        """Send a request. Whoever gives it up leaves the answer to be read and thrown away."""
        sent = Sent(land)
        if self._transport is None or not self.usable:
            land(Broken("the connection is closed"))
            return sent
        self._waiting.append(sent)
        if len(body) <= _SMALL:
            self._transport.write(head + body)
        else:
            self._transport.writelines([head, body])
        return sent

    def give_up(self, sent: Sent) -> None:
        """The time is over; a connection on which nothing has come since the request left is ended."""
        if self._waiting and self._waiting[0] is sent and self._heard < sent.at:
            self.is_silent = True
            self.close()

    def retire(self) -> None:
        """Send nothing more; it ends with the last answer."""
        self.usable = False
        if not self._waiting:
            self.close()

    def close(self) -> None:
        """End it at once."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        if isinstance(transport, asyncio.Transport) or hasattr(transport, "writelines"):
            self._transport = transport  # type: ignore[assignment]  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._heard = time.monotonic()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Fails what waits; only the oldest can have had a part of its answer."""
        self.usable = False
        waiting, self._waiting = self._waiting, deque()
        self._closed(self)
        lost = Broken("the connection was lost")
        for number, sent in enumerate(waiting):
            begun = self._begun and number == 0
            sent.land(Broken("the connection was lost", answered=True) if begun else lost)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """An answer begins."""
        self._begun = True

    def on_body(self, piece: bytes) -> None:
        """A piece of the body."""
        self._body += piece
        if len(self._body) > MOST_BYTES:
            self.close()

    def on_message_complete(self) -> None:
        """An answer is whole."""
        self._begun = False
        status = self._parser.get_status_code()
        reply = Reply(status, {name.lower(): value for name, value in self._fields.items()}, self._body)
        self._fields.clear()
        self._body = bytearray()
        if status < FINAL:
            return None
        if not self._waiting:
            return self.close()
        sent = self._waiting.popleft()
        if not self._parser.should_keep_alive():
            self.usable = False
        if not self.usable and not self._waiting:
            self.close()
        sent.land(reply)
        return None
