"""One connection to another service: requests leave as they come, answers come in order (RFC 9112, 9.3.2)."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import httptools


class Broken(ConnectionError):
    """The connection ended; `answered` is true when a part of the answer had come."""

    def __init__(self, message: str, *, answered: bool = False) -> None:
        super().__init__(message)
        self.answered = answered


@dataclass(slots=True)
class Reply:
    """An answer as it came: its status, the fields that matter here, and its body."""

    status: int = 0
    fields: dict[bytes, bytes] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class Connection(asyncio.Protocol):
    """Requests on their way, oldest first. `closed` is called once, when no more can be sent."""

    def __init__(self, closed: Callable[["Connection"], None]) -> None:
        self._closed = closed
        self._waiting: deque[tuple[asyncio.Future[Reply], float]] = deque()
        self._parser = httptools.HttpResponseParser(self)
        self._reply = Reply()
        self._transport: asyncio.Transport | None = None
        self._begun = False
        self._heard = 0.0
        self.usable = True

    @property
    def load(self) -> int:
        """Requests whose answers have not come."""
        return len(self._waiting)

    def send(self, head: bytes, body: bytes) -> asyncio.Future[Reply]:
        """A future of the answer. Whoever gives it up leaves the answer to be read and thrown away."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if self._transport is None or not self.usable:
            future.set_exception(Broken("the connection is closed"))
            return future
        self._waiting.append((future, time.monotonic()))
        self._transport.writelines([head, body])
        return future

    def give_up(self, future: asyncio.Future[Reply]) -> None:
        """Nobody waits any longer; a connection on which nothing has come since the request left is ended."""
        future.cancel()
        sent = next((at for waiting, at in self._waiting if waiting is future), None)
        if sent is not None and self._heard < sent and self._waiting[0][0] is future:
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
        for number, (future, _) in enumerate(waiting):
            if not future.done():
                future.set_exception(Broken("the connection was lost", answered=self._begun and number == 0))
        self._closed(self)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """An answer begins."""
        self._begun = True
        self._reply = Reply()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field."""
        self._reply.fields[name.lower()] = value

    def on_body(self, piece: bytes) -> None:
        """A piece of the body."""
        self._reply.body += piece

    def on_message_complete(self) -> None:
        """An answer is whole."""
        self._begun = False
        reply = self._reply
        reply.status = self._parser.get_status_code()
        if not self._waiting:
            return self.close()
        future, _ = self._waiting.popleft()
        if not self._parser.should_keep_alive():
            self.usable = False
            if not self._waiting:
                self.close()
        if not future.done():
            future.set_result(reply)
        return None
