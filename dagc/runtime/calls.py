"""Calls of a served graph from inside its process: Python values in and out, with its queue, deadline and batches.

What the user's application awaits as `dagc.aio(graph)(...)`; nothing is written as JSON and read again.
"""

import asyncio
import inspect
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, cast

from .answer import Answer, Unanswered
from .served import Limits, Ticket
from .value_body import ValueBody, value_of


class Called(Protocol):
    """The endpoint of a call; see `served.Endpoint`."""

    @property
    def limits(self) -> Limits:
        """Deadline and caps."""

    def accept(self, body: bytes, deadline: float, reply: Callable[[Answer], None]) -> Ticket:
        """The ticket of a request that was taken in."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The request of the application on whose behalf a graph is called."""

    request_id: bytes
    deadline: float | None


ORIGIN: ContextVar[Origin | None] = ContextVar("dagc_origin", default=None)
"""Set in the task of each request that the application is given."""


class PlainCoding:
    """The form of requests and answers that are Python values already."""

    def decode(self, body: bytes) -> tuple[object, ...]:
        """The arguments that the body holds."""
        return cast("tuple[object, ...]", value_of(body))

    def encode(self, value: object) -> Answer:
        """An answer that holds the value."""
        return Answer(200, ValueBody.of(value))


class Call:
    """A graph that is served here, to be called with its own parameters from the event loop of the service."""

    def __init__(self, function: Callable[..., object], endpoint: Called) -> None:
        self._signature = inspect.signature(function)
        self._endpoint = endpoint

    async def __call__(self, *values: object, **named: object) -> object:
        """The result.

        Raises:
            Unanswered: with the answer that says why: a refusal (4xx), no room (503), too late (504) or a failure.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("a served graph is awaited in the event loop of the service, not in another thread")
        bound = self._signature.bind(*values, **named)
        bound.apply_defaults()
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        until = time.monotonic() + self._endpoint.limits.deadline_s
        origin = ORIGIN.get()
        if origin is not None and origin.deadline is not None:
            until = min(until, origin.deadline)
        ticket = self._endpoint.accept(ValueBody.of(tuple(bound.arguments.values())), until, answered.set_result)
        if origin is not None:
            ticket.request_id = origin.request_id
        try:
            answer = await answered
        finally:
            ticket.cancel()
        if answer.status != 200:
            raise Unanswered(answer)
        return value_of(answer.body)


_calls: dict[Callable[..., object], Call] = {}
"""By the user's own function, which is how the application knows a graph."""


def serve_call(function: Callable[..., object], endpoint: Called) -> None:
    """Let the application call this graph."""
    _calls[function] = Call(function, endpoint)


def call_of(function: Callable[..., object]) -> Call:
    """The call of a graph.

    Raises:
        RuntimeError: this service has no application in front, or does not serve that graph.
    """
    if function not in _calls:
        name = getattr(function, "__name__", "this")
        raise RuntimeError(f"`{name}` is no graph that this service serves to an application")
    return _calls[function]
