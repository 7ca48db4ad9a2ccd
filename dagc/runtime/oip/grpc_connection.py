"""One client's HTTP/2 connection, counted, swept and drained as the HTTP ones are; grpclib frames, we decide.

grpclib's own server bounds no message, no time and no idle connection, and says UNKNOWN of everything that fails:
only its protocol is used. Importing this imports grpclib, h2 and protobuf, which nothing else here does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from grpclib.config import Configuration
from grpclib.protocol import AbstractHandler, H2Protocol, Stream
from h2.config import H2Configuration
from h2.errors import ErrorCodes
from h2.events import AlternativeServiceAvailable, UnknownFrameReceived
from hyperframe.frame import GoAwayFrame
from uvicorn.server import ServerState

from ..front import STOP_GRACE_S, Front
from .grpc_call import Call, Unfinished
from .grpc_methods import Methods, methods_of

if TYPE_CHECKING:
    from uvicorn.server import Protocols

IDLE_S = 300.0
"""A connection without calls goes then; its client opens another when it needs one."""
MOST_RESETS = 200
"""More calls that were begun and reset, than answered and this, are an attack (CVE-2023-44487)."""
MOST_UNFRAMED_BYTES = 64 * 1024
"""Of a frame that has begun; none may be longer than 16 KiB."""

WARNED_S = 0.5
"""How long calls are still taken after a client was told to go elsewhere: some round trips."""

_EVERY_STREAM = 2**31 - 1
_CONFIGURATION = Configuration().__for_server__()
_H2 = H2Configuration(client_side=False, header_encoding=None, validate_inbound_headers=True)
_logger = logging.getLogger("dagc.front")


class Calls(AbstractHandler):
    """The calls of one connection."""

    def __init__(self, front: Front, methods: Methods) -> None:
        self._front = front
        self._methods = methods
        self._unfinished = Unfinished()
        self._tasks: dict[Stream, asyncio.Task[None]] = {}
        self.last_id = 0
        self.resets = 0
        self.answered = 0
        self.is_leaving = False

    @property
    def running(self) -> int:
        """Calls that are not answered yet."""
        return len(self._tasks)

    def accept(self, stream: Stream, headers: list[tuple[str, str]], release_stream: Callable[[], None]) -> None:
        """A call has begun."""
        if self.is_leaving:
            stream.reset_nowait(ErrorCodes.REFUSED_STREAM)
            release_stream()
            return
        self.last_id = max(self.last_id, stream.id or 0)
        fields: dict[bytes, bytes] = {}
        for name, value in cast("list[tuple[bytes, bytes]]", headers):
            fields.setdefault(bytes(name), bytes(value))
        call = Call(self._front, self._methods, stream, fields, self._unfinished)
        task = asyncio.get_running_loop().create_task(call.run())
        self._tasks[stream] = task

        def forget(_: asyncio.Task[None]) -> None:
            self._tasks.pop(stream, None)
            self.answered += 1
            release_stream()

        task.add_done_callback(forget)

    def cancel(self, stream: Stream) -> None:
        """The client has reset a call."""
        self.resets += 1
        if (task := self._tasks.get(stream)) is not None:
            task.cancel()

    def close(self) -> None:
        """The connection is gone."""
        for task in tuple(self._tasks.values()):
            task.cancel()


class GrpcConnection(H2Protocol):
    """A connection as the front and uvicorn see one."""

    def __init__(self, front: Front, server_state: ServerState) -> None:
        self._calls = Calls(front, methods_of(front))
        super().__init__(self._calls, _CONFIGURATION, _H2)
        self._front = front
        self._server_state = server_state
        self._since = time.monotonic()
        self._warned_at: float | None = None
        self._has_spoken = False
        self._transport: asyncio.Transport

    # What asyncio and uvicorn call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Counts the connection in; one too many goes at once."""
        self._transport = cast(asyncio.Transport, transport)
        super().connection_made(transport)
        for ignored in (UnknownFrameReceived, AlternativeServiceAvailable):
            self.processor.processors[ignored] = _ignore
        self._server_state.connections.add(cast("Protocols", self))
        if self._front.join(self):
            self._front.metrics.shed("connections")
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Reads frames; a client that breaks HTTP/2 in a way nobody foresaw is let go."""
        self._has_spoken = True
        self._since = time.monotonic()
        try:
            super().data_received(data)
        except Exception as error:
            _logger.debug("reading HTTP/2 failed", exc_info=error)
            self._transport.abort()
        # h2 looks at the length of a frame once all of it is there, which may be 16 MiB.
        if len(getattr(self.connection._connection.incoming_buffer, "_data", b"")) > MOST_UNFRAMED_BYTES:
            self._transport.abort()
        if self._calls.resets > self._calls.answered // 2 + MOST_RESETS:
            self._transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stops what is still worked on."""
        super().connection_lost(exc)
        self._front.leave(self)
        self._server_state.connections.discard(cast("Protocols", self))

    def pause_writing(self) -> None:
        """The client does not read, so nothing is read from it: what it sends may want answers."""
        super().pause_writing()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self._transport.resume_reading()

    def shutdown(self) -> None:
        """The server stops: calls that are begun or on their way are answered, later ones go elsewhere.

        Nothing is refused yet (RFC 9113, section 6.8): a client repeats a refused call once by itself, and may
        meet another worker that stops.
        """
        if self._warned_at is not None or self._transport.is_closing():
            return
        self._warned_at = time.monotonic()
        self._transport.write(GoAwayFrame(0, last_stream_id=_EVERY_STREAM).serialize())

    # What the front calls.

    def flush(self, now: float) -> None:
        """Nothing is kept back."""

    def sweep(self, now: float) -> None:
        """Lets go of a connection that has said nothing, is idle, or has been told to leave."""
        if self._warned_at is not None and now - self._warned_at > WARNED_S:
            self._leave()
        if self._calls.running:
            self._since = now
        elif self._calls.is_leaving:
            self._transport.close()
        elif now - self._since > self._patience_s:
            self.shutdown()

    def _leave(self) -> None:
        """From now on calls are refused; the client has been told long enough ago."""
        if self._calls.is_leaving:
            return
        self._calls.is_leaving = True
        self._transport.write(GoAwayFrame(0, last_stream_id=self._calls.last_id).serialize())

    @property
    def _patience_s(self) -> float:
        """How long it may be without a call."""
        if self._front.stopping:
            return STOP_GRACE_S
        return IDLE_S if self._has_spoken else self._front.patience.head_s

    def evict(self) -> None:
        """Goes at once."""
        self._transport.abort()


def _ignore(_: object) -> None:
    """Nothing: HTTP/2 wants frames that are not known to be ignored."""
