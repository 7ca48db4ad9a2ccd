"""Calls of one part on their way out: those of one loop turn leave in one message, and so do their answers.

So the items of a list, and requests that arrive together, cost one message. Where the part waits for the world,
only calls of one request travel together: nobody's answer waits for another request's look-up.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ..scope import HEADER
from ..trace_context import TraceContext
from .bundle import Answered, Asked, read_answers, write_calls
from .connection import Broken, Connection, Reply, Sent
from .frame import CONTENT_TYPE, WireError
from .peers import Peers

MOST_CALLS = 1024
"""In one message; the other side has a place for as many."""
MOST_BYTES = 1024 * 1024
"""Of calls in one message: above it the answers of small ones would wait for large ones."""


@dataclass(slots=True, eq=False)
class Question:
    """A call: its message, until when it is of use, and on whose behalf it is made."""

    message: bytes
    until: float
    request_id: str
    trace: TraceContext
    request: object
    reply: "asyncio.Future[Reply]"
    _lot: "Sequence[Question]" = ()
    _sent: "tuple[Connection, Sent] | None" = None

    def go(self, lot: "Sequence[Question]", connection: Connection, sent: Sent) -> None:
        """It is on its way, together with those of `lot`."""
        self._lot, self._sent = lot, (connection, sent)

    def give_up(self) -> bool:
        """Its time is over, and no answer has come; whether it was the last that waited for its message."""
        self.reply.cancel()
        is_last = all(other.reply.done() for other in self._lot)
        if self._sent is not None and is_last:
            connection, sent = self._sent
            connection.give_up(sent)
        return is_last


class Outbox:
    """The calls of one part. `head` begins the head of each message."""

    def __init__(self, peers: Peers, head: bytes, *, by_request: bool) -> None:
        self._peers = peers
        self._head = head
        self._by_request = by_request
        self._waiting: list[Question] = []
        self._held: deque[Sequence[Question]] = deque()
        self._finding: asyncio.Task[None] | None = None

    def add(self, question: Question) -> None:
        """Send it at the end of this loop turn."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._leave, context=contextvars.Context())
        self._waiting.append(question)

    def _leave(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._held.extend(_lots(waiting, by_request=self._by_request))
        self._send()

    def _send(self) -> None:
        """Send what is held as long as there is room for it."""
        while self._held:
            connection = self._peers.ready()
            if connection is not None:
                self._give(connection, self._held.popleft())
            elif self._finding is None:
                self._finding = asyncio.get_running_loop().create_task(self._find(), context=contextvars.Context())
                return
            else:
                return

    async def _find(self) -> None:
        """See to it that there is a connection, or tell those who wait for one."""
        self._peers.wait_for_room(self._send)
        try:
            await self._peers.connection()
        except Broken as error:
            held, self._held = self._held, deque()
            for lot in held:
                _fail(lot, error)
        finally:
            self._finding = None
        if self._peers.ready() is not None:
            self._send()

    def _give(self, connection: Connection, lot: Sequence[Question]) -> None:
        lot = [question for question in lot if not question.reply.done()]
        if not lot:
            return
        head, body = self._written(lot)
        sent = connection.send(head, body, partial(self._land, lot))
        for question in lot:
            question.go(lot, connection, sent)

    def _written(self, lot: Sequence[Question]) -> tuple[bytes, bytes]:
        now = asyncio.get_running_loop().time()
        left_ms = [max(1, int(1000 * (question.until - now))) for question in lot]
        if len(lot) > 1:
            body = write_calls(
                [
                    Asked(ms, question.request_id, question.trace, question.message)
                    for ms, question in zip(left_ms, lot, strict=True)
                ]
            )
            return b"%bcontent-length: %d\r\nx-request-timeout-ms: %d\r\n\r\n" % (
                self._head, len(body), max(left_ms),
            ), body  # fmt: skip
        (question,) = lot
        head = b"%bcontent-length: %d\r\nx-request-timeout-ms: %d\r\n" % (
            self._head, len(question.message), left_ms[0],
        )  # fmt: skip
        if question.request_id:
            head += b"x-request-id: %b\r\n" % question.request_id.encode()
        for name, value in question.trace.headers().items():
            head += f"{name}: {value}\r\n".encode()
        return head + b"\r\n", question.message

    def _land(self, lot: Sequence[Question], found: Reply | Broken) -> None:
        if isinstance(found, Broken):
            _fail(lot, found)
        else:
            for question, reply in zip(lot, _replies(found, len(lot)), strict=True):
                if not question.reply.done():
                    question.reply.set_result(reply)
        self._peers.tell_room()


def _lots(questions: Sequence[Question], *, by_request: bool) -> Iterator[Sequence[Question]]:
    """The calls that leave together."""
    if len(questions) == 1:
        yield questions
        return
    groups: dict[object, list[Question]] = {}
    for question in questions:
        groups.setdefault(id(question.request) if by_request else None, []).append(question)
    for group in groups.values():
        begun, size = 0, 0
        for at, question in enumerate(group):
            size += len(question.message)
            if at > begun and (at - begun == MOST_CALLS or size > MOST_BYTES):
                yield group[begun:at]
                begun, size = at, len(question.message)
        yield group[begun:]


def _replies(found: Reply, count: int) -> Sequence[Reply]:
    """The answer of each call; one that refuses the message as a whole is everybody's."""
    if count == 1 or found.status != 200:
        return [found] * count
    try:
        answers = read_answers(found.body)  # type: ignore[arg-type]  # a whole message is no view
        if len(answers) != count:
            raise WireError("there are more or fewer answers than calls")
    except WireError:
        return [Reply(200, {}, found.body)] * count  # of no type that is known: the call fails
    return [_reply(answer) for answer in answers]


def _reply(answer: Answered) -> Reply:
    fields = {b"content-type": CONTENT_TYPE}
    if answer.degraded:
        fields[HEADER] = answer.degraded.encode()
    return Reply(answer.status, fields, answer.content)


def _fail(lot: Sequence[Question], error: Broken) -> None:
    for question in lot:
        if not question.reply.done():
            question.reply.set_exception(error)
