"""One gRPC call on its HTTP/2 stream: messages in, messages and a status out, in bounded time and memory."""

import asyncio
import logging
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from grpclib.protocol import Stream
from h2.errors import ErrorCodes
from h2.exceptions import H2Error

from ..answer import FAILED, Answer, refusal
from ..codec import BadRequest
from ..framing import read_wish, too_large
from ..front import Front
from .grpc_methods import STREAM, Asked, Methods, Told
from .grpc_status import HEAD, Fields, tail
from .inflate import CODINGS, inflated
from .messages import Message

PIECE_BYTES = 64 * 1024
"""Sent at a time: a client that does not take so much within the patience for stalls is as good as gone."""
STREAM_IDLE_S = 600.0
"""How long a stream of requests may wait for its next one."""
MOST_HELD_BYTES = 64 * 1024 * 1024
"""Of messages that one connection has begun to send."""

_BAD_MESSAGE = refusal(400, "bad_message", "the call has no whole message")
_SLOW = refusal(408, "request_timeout", "the message did not arrive in time")
_CODING = refusal(501, "unsupported_encoding", "messages may be compressed by gzip or deflate only")
_TOO_MUCH = refusal(413, "too_much", "the connection's calls send more at once than it may")
_PREFIX = struct.Struct(">BI")
_logger = logging.getLogger("dagc.front")


@dataclass(slots=True)
class Unfinished:
    """Bytes of unfinished messages of one connection."""

    size: int = 0

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Count so many in.

        Raises:
            BadRequest: 413, they are too many.
        """
        if self.size + size > MOST_HELD_BYTES:
            raise BadRequest(_TOO_MUCH)
        self.size += size
        try:
            yield
        finally:
            self.size -= size


class Call:
    """Answers one call."""

    def __init__(
        self, front: Front, methods: Methods, stream: Stream, fields: dict[bytes, bytes], unfinished: Unfinished
    ) -> None:
        wish = read_wish(fields)
        request_id = (b"" if isinstance(wish, Answer) else wish.request_id) or front.next_id()
        self._asked = Asked(fields.get(b":path", b""), fields, request_id, time.monotonic())
        self._front = front
        self._methods = methods
        self._stream = stream
        self._unfinished = unfinished
        self._has_begun = False

    async def run(self) -> None:
        """From the head to the status. Never raises but when cancelled."""
        try:
            await self._answer()
        except (H2Error, TimeoutError):  # the client has reset the stream, or does not read
            self._give_up()
        except Exception:
            _logger.exception("answering a gRPC call failed")
            self._give_up()

    async def _answer(self) -> None:
        fields = self._asked.fields
        if fields.get(b":method") != b"POST" or not fields.get(b"content-type", b"").startswith(
            b"application/grpc"
        ):
            status = b"405" if fields.get(b":method") != b"POST" else b"415"
            return await self._send_fields([(b":status", status)], is_last=True)
        refused = self._methods.refusal(self._asked)
        if refused is not None:
            return await self._end(Told(refused), time.monotonic())
        if self._asked.path == STREAM:
            return await self._answer_stream()
        begun = time.monotonic()
        try:
            content = await self._receive(self._front.patience.body_s)
            begun = time.monotonic()
            told = Told(_BAD_MESSAGE) if content is None else await self._told(content)
        except BadRequest as bad:
            told = Told(bad.answer)
        if told.message is not None:
            await self._send(told.message)
        return await self._end(told, begun)

    async def _answer_stream(self) -> None:
        """One message after the other; what is wrong with one is said and ends nothing."""
        try:
            while (content := await self._receive(STREAM_IDLE_S)) is not None:
                begun = time.monotonic()
                told = await self._told(content)
                self._count(told, begun)
                await self._send(self._methods.streamed(told))
        except BadRequest as bad:
            return await self._end(Told(bad.answer), time.monotonic())
        return await self._send_fields([*self._begin(), (b"grpc-status", b"0")], is_last=True)

    async def _told(self, content: bytes) -> Told:
        try:
            return await self._methods.tell(self._asked, content)
        except Exception:
            _logger.exception("a gRPC method failed")
            return Told(FAILED)

    async def _receive(self, patience_s: float) -> bytes | None:
        """The next message, or `None` when the client has sent its last.

        Raises:
            BadRequest: it is too large, too slow or not whole.
        """
        try:
            async with asyncio.timeout(patience_s):
                prefix = await self._stream.recv_data(_PREFIX.size)
            if not prefix:
                return None
            compressed, size = _PREFIX.unpack(prefix)
            if size > self._methods.longest:
                raise BadRequest(too_large(self._methods.longest))
            with self._unfinished.hold(size):
                async with asyncio.timeout(self._front.patience.body_s):
                    content = await self._stream.recv_data(size)
        except TimeoutError:
            raise BadRequest(_SLOW) from None
        except (AssertionError, IndexError):  # grpclib's words for a stream that ends within a message
            raise BadRequest(_BAD_MESSAGE) from None
        if not compressed:
            return content
        if self._asked.fields.get(b"grpc-encoding") not in CODINGS:
            raise BadRequest(_CODING)
        return inflated(content, self._methods.longest)

    async def _send(self, message: Message) -> None:
        if not self._has_begun:
            await self._send_fields(self._begin(), is_last=False)
        content = message.SerializeToString()
        framed = memoryview(_PREFIX.pack(0, len(content)) + content)
        for at in range(0, len(framed), PIECE_BYTES):
            async with asyncio.timeout(self._front.patience.stall_s):
                await self._stream.send_data(bytes(framed[at : at + PIECE_BYTES]))

    async def _end(self, told: Told, begun: float) -> None:
        self._count(told, begun)
        await self._send_fields([*self._begin(), *tail(told.answer)], is_last=True)

    def _begin(self) -> Fields:
        """The first fields, where none were sent yet."""
        if self._has_begun:
            return []
        self._has_begun = True
        return [*HEAD, (b"x-request-id", self._asked.request_id)]

    async def _send_fields(self, fields: Fields, *, is_last: bool) -> None:
        async with asyncio.timeout(self._front.patience.stall_s):
            await self._stream.send_headers(fields, end_stream=is_last)  # type: ignore[arg-type]
        if is_last and self._stream.closable:
            self._stream.reset_nowait()

    def _give_up(self) -> None:
        if self._stream.closable:
            self._stream.reset_nowait(ErrorCodes.INTERNAL_ERROR)

    def _count(self, told: Told, begun: float) -> None:
        seconds = time.monotonic() - begun
        status = told.answer.status
        self._front.metrics.meters[told.route].answered(status, seconds)
        if self._front.log.wants(status):
            path = told.route if told.route != "other" else self._asked.path.decode("ascii", "replace")[:200]
            size = told.message.ByteSize() if told.message is not None else 0
            self._front.log.add(
                path, status, seconds, self._asked.request_id, size, self._methods.caller(self._asked)
            )
