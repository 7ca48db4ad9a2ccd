"""A part that another service runs, as main.py calls it: `score = await compute_score(row)`.

Three things may fail: the other side refuses the request, and so it is refused here; it has failed or cannot be
reached, and whoever has a fallback uses it; the time is over.
"""

import asyncio
import json
import logging
import random
import time
from collections.abc import Sequence
from typing import cast

from ..answer import EXPIRED, FAILED, FULL, Answer, Unanswered, refusal
from ..breaker import Breaker
from ..codec import BadRequest
from ..current import CURRENT, remaining_s
from ..observer import Watch
from ..retry_budget import RetryBudget
from ..scope import HEADER, SCOPE
from ..settings import RemoteSettings
from ..traces import span, trace_context
from .classes import Known
from .codec import Values
from .connection import MOST_BYTES, Broken, Reply
from .frame import BAD_MESSAGE, CONTENT_TYPE, WireError
from .outbox import Outbox, Question
from .peers import Peers

_LOG = logging.getLogger("dagc.runtime")

REST_S = 1.0
"""Without calls of a service that failed: a replica that takes its place is found soon."""
MOMENT_S = 0.1
"""Calls that fail together (a message of many, an instance that dies) are in a row while another one answers."""
LONGEST_PAUSE_S = 0.02
LONGEST_S = 60.0
"""For work that no request waits for."""
CLOCK_S = 0.005
"""By so much a timer may be early."""
_REFUSALS = frozenset({"refused", "out_of_range", "too_many_items", "validation"})
"""What the other side says of the request and not of itself."""


class Remote:
    """One edge between two services."""

    def __init__(self, settings: RemoteSettings, peers: Peers, known: Known, watch: Watch) -> None:
        self._settings = settings
        self._title = f"ask {settings.edge}"
        self._watch = watch
        self._takes = Values(settings.interface, settings.takes, known)
        self._gives = Values(settings.interface, settings.gives, known)
        self._budget = RetryBudget()
        self._breaker = Breaker(
            lambda state: watch.observer.stands("dagc_breaker_state", state, settings.edge), REST_S, MOMENT_S
        )
        fixed = (settings.route.encode(), settings.service.encode(), CONTENT_TYPE)
        head = b"POST %b HTTP/1.1\r\nhost: %b\r\ncontent-type: %b\r\n" % fixed
        self._outbox = Outbox(peers, head, by_request=settings.waits)

    async def __call__(self, *values: object) -> object:
        """What the part gives: one value, or a tuple of several.

        Raises:
            BadRequest: the other side refuses the request.
            Unanswered: it has failed (500), cannot be reached or is full (503), or the time is over (504).
            WireError: a value is not of the type it was declared to be.
        """
        message = self._takes.write(values)
        if len(message) > MOST_BYTES:
            raise WireError(f"a message to service `{self._settings.service}` has more than {MOST_BYTES} bytes")
        if not self._breaker.allows():
            raise Unanswered(_unavailable(self._settings.service))
        with span(self._title, **{"dagc.bytes": len(message)}):
            found = self._values(await self._reply(message))
        return found[0] if len(found) == 1 else found

    async def _reply(self, message: bytes) -> Reply:
        """The first answer; asked once more where a connection fails and asking twice does no harm."""
        self._budget.earn()
        left_s = remaining_s()
        until = time.monotonic() + (LONGEST_S if left_s is None else left_s)
        try:
            if left_s is None:  # else the request itself is ended when its time is over
                async with asyncio.timeout_at(until):
                    return await self._tried(message, until)
            return await self._tried(message, until)
        except TimeoutError:
            raise Unanswered(EXPIRED) from None

    async def _tried(self, message: bytes, until: float) -> Reply:
        try:
            return await self._asked(message, until)
        except Broken as error:
            if error.answered or not self._may_repeat(error):
                raise self._lost(error) from error
        left_s = max(0.0, until - time.monotonic())
        await asyncio.sleep(random.uniform(0.0, min(LONGEST_PAUSE_S, left_s / 4)))
        try:
            reply = await self._asked(message, until)
        except Broken as error:
            self._tell("failed")
            raise self._lost(error) from error
        self._tell("answered")
        return reply

    async def _asked(self, message: bytes, until: float) -> Reply:
        if until <= time.monotonic():
            raise Unanswered(EXPIRED)
        ticket = CURRENT.get()
        request_id = "" if ticket is None else ticket.request_id.decode("latin-1")
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        question = Question(message, until, request_id, trace_context(), ticket, reply)
        self._outbox.add(question)
        try:
            found = await reply
        except asyncio.CancelledError:
            in_time = time.monotonic() < until - CLOCK_S  # then it is the client that has gone
            if in_time:
                self._breaker.given_up()
            elif question.give_up():
                self._breaker.failed()
            raise
        self._breaker.succeeded()
        return found

    def _values(self, reply: Reply) -> Sequence[object]:
        if reply.status != 200:
            raise self._failure(reply)
        if (flags := reply.fields.get(HEADER)) is not None and (scope := SCOPE.get(None)) is not None:
            scope.degraded |= dict.fromkeys(flags.decode("ascii", "replace").split(", "))
        if reply.fields.get(b"content-type") != CONTENT_TYPE:
            raise WireError(f"service `{self._settings.service}` answered in another form")
        return self._gives.read(reply.body)

    def _failure(self, reply: Reply) -> Exception:
        """What the other side's error is here: its refusals are ours, its failures are told apart by status."""
        body = bytes(reply.body)
        if 400 <= reply.status <= 499 and _code(body) in _REFUSALS:
            return BadRequest(Answer(reply.status, body))
        if _code(body) == BAD_MESSAGE:  # as long as a new release takes the place of an old one
            text = "`%s` does not read what this service sends for it: one of them is of another build"
            _LOG.error(text, self._settings.edge)
            return Unanswered(_unavailable(self._settings.service))
        if reply.status == 503:
            return Unanswered(Answer(503, body, FULL.headers))
        if reply.status == 504:
            return Unanswered(EXPIRED if _code(body) == "deadline" else Answer(504, body))
        return Unanswered(FAILED)

    def _lost(self, error: Broken) -> Unanswered:
        if not error.is_told:
            self._breaker.failed()
        error.is_told = True
        return Unanswered(_unavailable(self._settings.service))

    def _may_repeat(self, error: Broken) -> bool:
        """Whether calls that were lost with a message are tried again: to the budget they are one."""
        if not self._settings.may_repeat:
            return False
        if error.may_repeat is None:
            error.may_repeat = self._budget.spend()
            if not error.may_repeat:
                self._tell("over_budget")
        return error.may_repeat

    def _tell(self, outcome: str) -> None:
        self._watch.observer.event("dagc_retries_total", self._settings.edge, outcome)


def _unavailable(service: str) -> Answer:
    message = f"service `{service}`, which a part of this graph runs on, does not answer"
    return refusal(503, "unavailable", message, headers=FULL.headers)


def _code(body: bytes) -> str:
    """The word for programs in an error's body."""
    try:
        found = json.loads(body)
        return str(cast("dict[str, dict[str, object]]", found)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""
