"""The calls of one message on their way through a part: each is a request of its own, their answers go in one."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from ..answer import Answer, refusal
from ..scope import HEADER
from ..served import Endpoint, Ticket
from ..trace_context import NO_TRACE
from .bundle import MAGIC, Answered, Asked, read_calls, write_answers
from .frame import BAD_MESSAGE, CONTENT_TYPE, WireError


class Together:
    """A part as the front serves it: what takes calls also takes messages of several."""

    of_bytes = None

    def __init__(self, part: Endpoint) -> None:
        self._part = part
        self.name = part.name
        self.version = part.version
        self.route = part.route
        self.limits = part.limits
        self.access = part.access

    def accept(self, body: bytes, deadline: float, reply: Callable[[Answer], None]) -> Ticket:
        """See `served.Endpoint`."""
        if not body.startswith(MAGIC):
            return self._part.accept(body, deadline, reply)
        try:
            calls = read_calls(bytearray(body) if isinstance(body, bytes) else body)
        except WireError as error:
            refused = refusal(400, BAD_MESSAGE, str(error))
            asyncio.get_running_loop().call_soon(reply, refused)
            return Tickets((), reply, 0)
        return self._accepted(calls, deadline, reply)

    def _accepted(self, calls: Sequence[Asked], deadline: float, reply: Callable[[Answer], None]) -> Ticket:
        now = time.monotonic()
        joined = Tickets([], reply, len(calls))
        for number, call in enumerate(calls):
            until = min(deadline, now + call.left_ms / 1000)
            ticket = self._part.accept(cast(bytes, call.content), until, partial(joined.take, number))
            ticket.request_id = call.request_id.encode("latin-1", "replace")
            ticket.trace = call.trace
            ticket.arrived = now
            joined.tickets.append(ticket)
        return joined


class Tickets:
    """The tickets of calls that came together; what the front says of the message is of no use to them."""

    def __init__(self, tickets: Sequence[Ticket], reply: Callable[[Answer], None], count: int) -> None:
        self.tickets = list(tickets)
        self.request_id = b""
        self.trace = NO_TRACE
        self.arrived = 0.0
        self._reply = reply
        self._answers: list[Answer | None] = [None] * count
        self._left = count

    def take(self, number: int, answer: Answer) -> None:
        """The answer of one; with the last one the message is answered."""
        self._answers[number] = answer
        self._left -= 1
        if not self._left:
            self._reply(_joined(cast("list[Answer]", self._answers)))

    def cancel(self) -> None:
        """The service that asked is gone."""
        for ticket in self.tickets:
            ticket.cancel()


def _joined(answers: Sequence[Answer]) -> Answer:
    content = write_answers([Answered(answer.status, _degraded(answer), answer.body) for answer in answers])
    statuses = tuple(answer.status for answer in answers)
    return Answer(200, content, content_type=CONTENT_TYPE, statuses=statuses)


def _degraded(answer: Answer) -> str:
    return next((text.decode("ascii", "replace") for name, text in answer.headers if name == HEADER), "")
