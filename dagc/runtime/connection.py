"""One client's connection: answers leave in the order of their requests, whoever gives them.

A graph's own requests are worked on side by side; the ASGI application gets its requests one at a time. Overrides
uvicorn 0.54's httptools protocol, whose inside is no public interface: the version is pinned and the socket tests
run on each bump.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import cast

from uvicorn._types import HTTPScope
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from .answer import Answer, refusal
from .exchange import Exchange
from .framing import CONTINUE, LARGE, encode
from .front import STOP_GRACE_S, Front
from .reading import HEAD, IDLE, Reader

# Requests of one connection worked on at the same time; those behind them wait here or in the kernel.
PIPELINE = 32
# A client that reads fewer bytes than this in `stall_s` is as good as gone.
MIN_READ_BYTES = 10 * 1024

_CLOSE = b"connection: close\r\n"
_SLOW = refusal(408, "request_timeout", "the request did not arrive in time")


class Connection(HttpToolsProtocol):
    """Owed answers, oldest first; the first `_running` of them are being worked on."""

    def __init__(
        self,
        front: Front,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._front = front
        self._reader = Reader(front, self)
        self._owed: deque[Exchange] = deque()
        self._running = 0
        self._due = False
        # After its last answer a connection lingers until a time, so that the answer arrives.
        self._lingers_until = 0.0
        self._served = False
        self._since = time.monotonic()
        self._unread_bytes = 0

    # What asyncio and uvicorn call.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Counts the connection in; over the cap it may only ask for health."""
        super().connection_made(transport)
        self._reader.crowded = self._front.join(self)
        self._reader.websockets = self.ws_protocol_class is not None

    def data_received(self, data: bytes) -> None:
        """Reads, unless the last request was read already."""
        reader = self._reader
        if reader.stopped:
            return
        reader.feed(data)
        if reader.stage != IDLE:
            if reader.waited_for != reader.stage:
                reader.waited_for = reader.stage
                self._since = time.monotonic()
            if reader.expects and not self._owed:
                self._invite()

    def connection_lost(self, exc: Exception | None) -> None:
        """Abandons what is still owed."""
        super().connection_lost(exc)
        self._front.leave(self)
        owed = tuple(self._owed)
        self._owed.clear()
        self._running = 0
        self._reader.stopped = True
        now = time.monotonic()
        for exchange in owed:
            exchange.abandon()
            if exchange.scope is None:
                self._count(exchange, 499, 0, now)

    def pause_writing(self) -> None:
        """The client does not read: nothing more is read from it, and the sweep watches it."""
        super().pause_writing()
        self.flow.pause_reading()
        self._since = time.monotonic()
        self._unread_bytes = self.transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self.settle()

    def shutdown(self) -> None:
        """The server stops: an idle connection gets a last moment, a busy one closes with its last answer."""
        if self._is_idle():
            self._since = time.monotonic()
        elif len(self._owed) == 1 and self._owed[0].scope is not None and self._reader.stage == IDLE:
            self.cycle.keep_alive = False

    # What the reader, the exchanges and the front call.

    def owe(self, exchange: Exchange) -> None:
        """A whole request was read; its answer is due after those before it."""
        owed = self._owed
        owed.append(exchange)
        if self._running == len(owed) - 1 < PIPELINE and exchange.scope is None:
            self._running += 1
            exchange.start()
        else:
            self._advance()
        if len(owed) >= PIPELINE:
            self.flow.pause_reading()

    def refuse(self, answer: Answer) -> None:
        """The last answer of this connection."""
        self._owed.append(self._reader.refused(answer))
        self._advance()

    def state(self) -> dict[str, object]:
        """What the user's application made when it started, as uvicorn hands it to each request."""
        return self.app_state.copy()

    def hand_over(self, content: bytes) -> None:
        """A WebSocket begins: from here the connection is uvicorn's own protocol's."""
        if self._owed or self.ws_protocol_class is None:
            return self.transport.abort()
        self._front.leave(self)
        self.connections.discard(self)
        make = cast("Callable[..., asyncio.Protocol]", self.ws_protocol_class)
        protocol = make(config=self.config, server_state=self.server_state, app_state=self.app_state)
        protocol.connection_made(self.transport)
        protocol.data_received(content)
        self.transport.set_protocol(protocol)
        return None

    def settle(self) -> None:
        """An answer is there: the front flushes this connection at the end of the turn."""
        if not self._due:
            self._due = True
            due = self._front.due
            if not due:
                self._front.flush_soon()
            due.append(self)

    def flush(self, now: float) -> None:
        """Writes all answers that are next in order in one write, and starts what waited behind them."""
        self._due = False
        if self.flow.write_paused or self._lingers_until or self.transport.is_closing():
            return None
        owed, front = self._owed, self._front
        written, close = [], False
        while owed and (answer := owed[0].answer) is not None:
            exchange = owed.popleft()
            self._running -= 1
            close = exchange.close or (front.draining and self._is_idle() and not self.flow.read_paused)
            written.append(encode(answer, exchange.request_id, front.date, _CLOSE if close else b""))
            if len(answer.body) > LARGE:
                written.append(answer.body)
            self._count(exchange, answer.status, len(answer.body), now, answer.statuses)
        if written:
            self._since = now
            self._served = True
            self._write(written)
        if close:
            return self._finish(now)
        if owed:
            self._advance()
        elif self._reader.expects:
            self._invite()
        if self.flow.read_paused and len(owed) <= PIPELINE // 2 and not self.flow.write_paused:
            self.flow.resume_reading()
            self._since = now
        return None

    def sweep(self, now: float) -> None:
        """Refuses, closes or drops this connection when it has taken too long."""
        patience, age, stage = self._front.patience, now - self._since, self._reader.stage
        if self.flow.write_paused or (self._lingers_until and self.transport.get_write_buffer_size()):
            self._sweep_stalled(now)
        elif self._lingers_until:
            if now > self._lingers_until:
                self.transport.abort()
        elif stage != IDLE:
            if not self.flow.read_paused and age > (patience.head_s if stage == HEAD else patience.body_s):
                self.refuse(_SLOW)
        elif not self._owed:
            wait = patience.idle_s if self._served else patience.head_s
            if age > (STOP_GRACE_S if self._front.stopping else wait):
                self.transport.close()

    def evict(self) -> None:
        """Drops the connection at once: another one needs its place."""
        self.transport.abort()

    # Answers.

    def _advance(self) -> None:
        owed = self._owed
        while self._running < len(owed) and self._running < PIPELINE:
            exchange = owed[self._running]
            if exchange.scope is None:
                self._running += 1
                exchange.start()
            elif self._running:
                return  # ASGI writes to the transport itself: only when nothing is owed before it
            else:
                self._running = 1
                self._start_asgi(exchange, exchange.scope)

    def _start_asgi(self, exchange: Exchange, scope: HTTPScope) -> None:
        scope["server"], scope["client"], scope["scheme"] = self.server, self.client, self.scheme or "http"
        last = self._front.draining and len(self._owed) == 1 and self._reader.stage == IDLE
        cycle = self.cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=not (exchange.close or last),
            on_response=partial(self._asgi_answered, exchange),
        )
        cycle.body += exchange.body
        cycle.more_body = False
        cycle.message_event.set()
        self._start_asgi_task(cycle, self.app)

    def _asgi_answered(self, exchange: Exchange) -> None:
        self._since = time.monotonic()
        self._served = True
        if self._owed and self._owed[0] is exchange:
            self._owed.popleft()
            self._running -= 1
            self.settle()

    def _count(
        self, exchange: Exchange, status: int, size: int, now: float, statuses: tuple[int, ...] = ()
    ) -> None:
        seconds = now - exchange.arrived
        for each in statuses or (status,):
            exchange.route.meter.answered(each, seconds)
        log = self._front.log
        if log.wants(status):
            known = exchange.request_id, size, exchange.caller, exchange.trace_id
            log.add(exchange.route.path, status, seconds, *known)

    def _write(self, pieces: list[bytes]) -> None:
        """Small answers as one, since joining costs less than a second buffer; large ones are not copied."""
        if sum(map(len, pieces)) > LARGE:
            self.transport.writelines(pieces)
        else:
            self.transport.write(b"".join(pieces))

    def _invite(self) -> None:
        self._reader.expects = False
        self.transport.write(CONTINUE)

    def _finish(self, now: float) -> None:
        # Closing with unread bytes would reset the connection and destroy the answer on its way.
        self._reader.stopped = True
        self._lingers_until = now + self._front.patience.linger_s
        self._unread_bytes = self.transport.get_write_buffer_size()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _sweep_stalled(self, now: float) -> None:
        if self._lingers_until:
            self._lingers_until = now + self._front.patience.linger_s
        if now - self._since <= self._front.patience.stall_s:
            return
        unread = self.transport.get_write_buffer_size()
        if unread > self._unread_bytes - MIN_READ_BYTES:
            self.transport.abort()
        self._since, self._unread_bytes = now, unread

    def _is_idle(self) -> bool:
        return not self._owed and self._reader.stage == IDLE
