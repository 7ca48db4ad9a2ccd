"""One request and the answer a connection owes for it.

The front hands `reply` of an exchange to the service; when the answer leaves is the connection's business.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from uvicorn._types import HTTPScope

from .access import Access
from .answer import FAILED, Answer
from .framing import is_bytes, is_json, refused_media, refused_type
from .metrics import Meter
from .served import Endpoint, Ticket
from .trace_context import NO_TRACE

_logger = logging.getLogger("dagc.front")


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """An endpoint with what the front needs of it at hand; everything that is no endpoint shares one, `other`.

    `of_bytes` is the way in for a body that is the bytes of an endpoint's one parameter. `access` says who may use
    it.
    """

    path: str
    endpoint: Endpoint | None
    deadline_s: float
    max_body_bytes: int
    meter: Meter
    next_id: Callable[[], bytes]
    of_bytes: Route | None = None
    access: Access | None = None
    media: bytes | None = None

    def for_type(self, content_type: bytes | None) -> Route | Answer:
        """The way in for a body of this type, or its refusal."""
        if self.media is not None:
            return self if content_type == self.media else refused_media(self.media)
        if is_json(content_type):
            return self
        if self.of_bytes is not None and is_bytes(content_type):
            return self.of_bytes
        return refused_type(takes_bytes=self.of_bytes is not None)


class Owing(Protocol):
    """A connection that owes answers."""

    def settle(self) -> None:
        """An answer is there: write what is due soon."""


class Exchange:
    """One owed answer. `scope` is set when ASGI gives it, `close` when it is the connection's last."""

    __slots__ = (
        "answer", "arrived", "body", "caller", "close", "owing",
        "request_id", "route", "scope", "ticket", "timeout_s", "trace",
    )  # fmt: skip

    arrived: float
    """Monotonic time of the request's last byte: its deadline runs from here."""
    body: bytes

    def __init__(self, owing: Owing, route: Route, *, close: bool) -> None:
        self.owing = owing
        self.route = route
        self.close = close
        self.timeout_s = route.deadline_s
        self.request_id = route.next_id()
        self.answer: Answer | None = None
        self.caller = ""
        self.trace = NO_TRACE
        self.scope: HTTPScope | None = None
        self.ticket: Ticket | None = None

    def start(self) -> None:
        """Hands the request to its endpoint; a failure of `accept` is an answer, not an exception."""
        endpoint = self.route.endpoint
        if self.answer is not None or endpoint is None:
            return self.owing.settle()
        body, self.body = self.body, b""
        try:
            self.ticket = endpoint.accept(body, self.arrived + self.timeout_s, self.reply)
            self.ticket.request_id = self.request_id
            self.ticket.trace = self.trace
            self.ticket.arrived = self.arrived
        except Exception:
            _logger.exception("`accept` of %s failed", self.route.path)
            self.reply(FAILED)
        return None

    @property
    def trace_id(self) -> str:
        """The trace that the request is part of, if it is."""
        return (self.trace if self.ticket is None else self.ticket.trace).trace_id

    def reply(self, answer: Answer) -> None:
        """The answer is there; its connection writes it when its turn comes."""
        self.answer = answer
        self.owing.settle()

    def abandon(self) -> None:
        """The client is gone: whoever works on this may stop."""
        ticket, self.ticket = self.ticket, None
        if ticket is not None and self.answer is None:
            ticket.cancel()
