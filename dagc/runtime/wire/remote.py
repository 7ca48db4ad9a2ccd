"""A part that another service runs, as main.py calls it: `score = await compute_score(row)`.

Three things may fail: the other side refuses the request, and so it is refused here; it has failed or cannot be
reached, and whoever has a fallback uses it; the time is over.
"""

import asyncio
import json
import random
from collections.abc import Sequence
from typing import cast

from ..answer import EXPIRED, FAILED, FULL, Answer, Unanswered, refusal
from ..codec import BadRequest
from ..current import CURRENT, remaining_s
from ..observer import Watch
from ..retry_budget import RetryBudget
from ..scope import HEADER, SCOPE
from ..settings import RemoteSettings
from ..traces import span, traceparent
from .breaker import Breaker
from .classes import Known
from .codec import Values
from .connection import Broken, Reply
from .frame import CONTENT_TYPE, WireError
from .peers import Busy, Peers

LONGEST_PAUSE_S = 0.02
LONGEST_S = 60.0
"""For work that no request waits for."""
_REFUSALS = frozenset({"refused", "out_of_range", "too_many_items", "validation"})
"""What the other side says of the request and not of itself."""


class Remote:
    """One edge between two services."""

    def __init__(self, settings: RemoteSettings, peers: Peers, known: Known, watch: Watch) -> None:
        self._settings = settings
        self._peers = peers
        self._watch = watch
        self._takes = Values(settings.interface, settings.takes, known)
        self._gives = Values(settings.interface, settings.gives, known)
        self._budget = RetryBudget()
        self._breaker = Breaker(lambda state: watch.observer.stands("dagc_breaker_state", state, settings.edge))
        fixed = (settings.route.encode(), settings.service.encode(), CONTENT_TYPE)
        self._head = b"POST %b HTTP/1.1\r\nhost: %b\r\ncontent-type: %b\r\n" % fixed

    async def __call__(self, *values: object) -> object:
        """What the part gives: one value, or a tuple of several.

        Raises:
            BadRequest: the other side refuses the request.
            Unanswered: it has failed (500), cannot be reached or is full (503), or the time is over (504).
            WireError: a value is not of the type it was declared to be.
        """
        body = self._takes.write(values)
        if not self._breaker.allows():
            raise Unanswered(_unavailable(self._settings.service))
        with span(f"ask {self._settings.edge}", **{"dagc.bytes": len(body)}):
            found = self._values(await self._reply(body))
        return found[0] if len(found) == 1 else found

    async def _reply(self, body: bytes) -> Reply:
        """The first answer; asked once more where a connection fails and asking twice does no harm."""
        self._budget.earn()
        loop = asyncio.get_running_loop()
        left_s = remaining_s()
        until = loop.time() + (LONGEST_S if left_s is None else left_s)
        try:
            return await self._asked(body, until)
        except Broken as error:
            if error.answered or not self._may_repeat():
                raise self._lost() from error
        await asyncio.sleep(random.uniform(0.0, min(LONGEST_PAUSE_S, max(0.0, until - loop.time()) / 4)))
        try:
            reply = await self._asked(body, until)
        except Broken as error:
            self._tell("failed")
            raise self._lost() from error
        self._tell("answered")
        return reply

    async def _asked(self, body: bytes, until: float) -> Reply:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(until):
                connection = await self._peers.connection()
        except TimeoutError:
            raise Unanswered(EXPIRED) from None
        except Busy:
            raise Unanswered(FULL) from None
        left_s = until - loop.time()
        if left_s <= 0:
            raise Unanswered(EXPIRED)
        answer = connection.send(self._headed(len(body), left_s), body)
        try:
            done, _ = await asyncio.wait((answer,), timeout=left_s)
        except asyncio.CancelledError:
            answer.cancel()
            raise
        if not done:
            connection.give_up(answer)
            self._breaker.failed()
            raise Unanswered(EXPIRED)
        reply = answer.result()
        self._breaker.succeeded()
        return reply

    def _headed(self, length: int, left_s: float) -> bytes:
        left_ms = max(1, int(1000 * left_s))
        lines = [self._head, b"content-length: %d\r\nx-request-timeout-ms: %d\r\n" % (length, left_ms)]
        ticket = CURRENT.get()
        if ticket is not None and ticket.request_id:
            lines.append(b"x-request-id: %b\r\n" % ticket.request_id)
        if (trace := traceparent()) is not None:
            lines.append(b"traceparent: %b\r\n" % trace.encode("latin-1"))
        return b"".join((*lines, b"\r\n"))

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
        if reply.status == 503:
            return Unanswered(Answer(503, body, FULL.headers))
        if reply.status == 504:
            return Unanswered(EXPIRED if _code(body) == "deadline" else Answer(504, body))
        return Unanswered(FAILED)

    def _lost(self) -> Unanswered:
        self._breaker.failed()
        return Unanswered(_unavailable(self._settings.service))

    def _may_repeat(self) -> bool:
        if not self._settings.may_repeat:
            return False
        if not self._budget.spend():
            self._tell("over_budget")
            return False
        return True

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
