"""One endpoint's generated coroutine with its codec: how a request starts, and how what comes of it is told.

Both drivers use it, so a request is answered alike whichever drives it.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from .admission import Ticket
from .answer import FAILED, Answer, Unanswered, refusal
from .codec import BadRequest, NonFiniteAnswer
from .feed import OutOfRange

_LOG = logging.getLogger("dagc.runtime")


GlueFunction: TypeAlias = Callable[..., Coroutine[object, object, object]]
"""What main.py has for an endpoint."""

Driven: TypeAlias = Callable[[GlueFunction, tuple[object, ...], Ticket], Coroutine[object, object, object]]
"""What makes the coroutine of a request in place of a plain call."""


class Coding(Protocol):
    """A codec, or what stands in for one."""

    def decode(self, body: bytes) -> tuple[object, ...]:
        """The arguments for the glue's coroutine."""

    def encode(self, value: object) -> Answer:
        """The 200 answer of a result."""


@dataclass(frozen=True, slots=True)
class Glue:
    """The way through one endpoint."""

    endpoint: str
    codec: Coding
    function: GlueFunction
    driven: Driven | None = None

    def start(self, ticket: Ticket) -> Coroutine[object, object, object]:
        """The coroutine of one request, not yet begun.

        Raises:
            BadRequest: the body is not what the endpoint takes.
        """
        body, ticket.body = ticket.body, b""
        given = self.codec.decode(body)
        return self.function(*given) if self.driven is None else self.driven(self.function, given, ticket)

    def explain(self, error: BaseException, ticket: Ticket) -> Answer:
        """The answer for what a request raised: 4xx for its own faults, 500 without internals for ours.

        A 500 is logged with the request's id and the place in the code; the error's text, which may repeat
        values of the request, only at debug level.
        """
        try:
            return self._explained(error, ticket)
        except Exception:  # an error that cannot even be looked at
            _LOG.exception("a failure of `%s` could not be explained", self.endpoint)
            return FAILED

    def _explained(self, error: BaseException, ticket: Ticket) -> Answer:
        if isinstance(error, BadRequest | Unanswered):
            return error.answer
        if isinstance(error, OutOfRange):
            return refusal(422, "out_of_range", str(error), error.feed)
        if any(kind.__name__ == "Refuse" for kind in type(error).__mro__):
            return _refused(error)
        if (failed := _failed_resource(error)) is not None:
            return failed
        request = ticket.request_id.decode("latin-1")
        _LOG.error("request `%s` to `%s` failed: %s at %s", request, self.endpoint, _named(error), _place(error))
        _LOG.debug("request `%s` to `%s` failed", request, self.endpoint, exc_info=error)
        if isinstance(error, NonFiniteAnswer):
            return refusal(500, "non_finite_answer", "the answer holds a number that is not finite", error.field)
        return FAILED


def fatal(error: BaseException) -> bool:
    """Whether the process, not the request, is being stopped. A step's SystemExit fails its request only."""
    return isinstance(error, KeyboardInterrupt)


def _refused(error: BaseException) -> Answer:
    """A step's `Refuse`, known by its name: the class lives in the shim, which this library does not import."""
    status = getattr(error, "status", 422)
    field = getattr(error, "field", None)
    if not isinstance(status, int) or not 400 <= status <= 499:
        status = 422
    reason = str(getattr(error, "reason", "") or "the request was refused")
    return refusal(status, "refused", reason, None if field is None else str(field))


def _failed_resource(error: BaseException) -> Answer | None:
    """What to answer where a step could not ask what it asks, and nothing stood in; known by name, as `Refuse`."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ResourceTimeout" in names:
        return refusal(504, "resource_timeout", "something that this service asks has not answered in time")
    if "ResourceUnavailable" in names:
        return refusal(503, "resource_unavailable", "something that this service asks cannot be reached")
    return None


def _place(error: BaseException) -> str:
    """The file and line that raised; without the source text, whose reading would hold up the loop."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return "an unknown place" if at is None else f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}"


def _named(error: BaseException) -> str:
    """The error's class, and the text of errors that are ours and hold no values."""
    name = type(error).__name__
    if type(error).__module__.rpartition(".")[2] in ("feed", "batcher", "processes", "runnable", "turn"):
        cause = f" ({error.__cause__})" if error.__cause__ is not None else ""
        return f"{name}: {error}{cause}"
    if isinstance(error, asyncio.CancelledError):
        return f"{name} raised by a step"
    return name
