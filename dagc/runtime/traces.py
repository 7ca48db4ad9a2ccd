"""Spans of what a request does, and the trace it belongs to, for what it asks of others.

Free where nothing is exported: then a span is nothing, and the trace a request came with is passed on as it is.
"""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from .current import CURRENT
from .trace_context import NO_TRACE, TraceContext

Attribute = str | int | float

_NOTHING: AbstractContextManager[None] = nullcontext()


class Tracer(Protocol):
    """What makes spans and knows the current one."""

    def span(self, name: str, attributes: dict[str, Attribute]) -> AbstractContextManager[None]:
        """A span in the current one; an exception that leaves it marks it as failed."""

    def traceparent(self) -> str | None:
        """The current span as the header that is passed on."""


_tracers: list[Tracer] = []

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def asked_for() -> bool:
    """Whether the environment says where spans are to go."""
    return any(os.environ.get(name) for name in ENDPOINTS)


def export(tracer: Tracer) -> None:
    """From now on spans are made by `tracer`."""
    _tracers[:] = [tracer]


def span(name: str, **attributes: str | int | float) -> AbstractContextManager[None]:
    """A span around what is done (or awaited) inside `with`; names and attributes must hold no payloads."""
    return _tracers[0].span(name, attributes) if _tracers else _NOTHING


def trace_context() -> TraceContext:
    """What is passed on in a call made on behalf of the current request; nothing here writes to its `state`."""
    ticket = CURRENT.get()
    found = NO_TRACE if ticket is None else ticket.trace
    parent = _tracers[0].traceparent() if _tracers else None
    return found if parent is None else found._replace(parent=parent.encode())
