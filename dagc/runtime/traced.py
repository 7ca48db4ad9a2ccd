"""An endpoint's glue with spans: of the request, its steps and its sessions. Only used where spans are exported.

As with the stopwatch the same code runs, and what it looks up are stand-ins (see `stand_ins`).
"""

import asyncio
import functools
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, cast

from .admission import Ticket
from .answer import Answer
from .batcher import Batch, SessionCall
from .glue import Glue, GlueFunction
from .otlp import Exporter, exporter
from .spans import Span, inside
from .stand_ins import Step, with_steps
from .traces import export


@dataclass(frozen=True, slots=True)
class TracedGlue(Glue):
    """The way through one endpoint, in a span; steps have spans of their own where the request is sampled."""

    exporter: Exporter = field(kw_only=True)
    stepped: Glue = field(kw_only=True)
    route: str = field(kw_only=True)

    def start(self, ticket: Ticket) -> Coroutine[object, object, object]:
        """See `Glue`; its failure is told by the answer, which ends the span."""
        exporter = self.exporter
        began_ns = time.time_ns() - (int(1e9 * (time.monotonic() - ticket.arrived)) if ticket.arrived else 0)
        request_id = ticket.request_id.decode("latin-1")
        named = {"dagc.endpoint": self.endpoint, "dagc.request_id": request_id, "http.route": self.route}
        span = exporter.request(f"POST {self.route}", ticket.trace.parent, began_ns, dict(named))
        ticket.trace = ticket.trace._replace(parent=span.context.header().encode())
        ended = _Ended(exporter, span)
        ticket.tell(ended)
        with inside(span):
            glue = self.stepped if span.context.sampled else None
            coroutine = glue.start(ticket) if glue is not None else Glue.start(self, ticket)
        return _inside(exporter, span, coroutine, ticket, ended)


class _Ended:
    """Ends a request's span, once."""

    def __init__(self, exporter: Exporter, span: Span) -> None:
        self._exporter = exporter
        self._span: Span | None = span

    def __call__(self, answer: Answer | None) -> None:
        span, self._span = self._span, None
        if span is not None:
            self._exporter.end(span, answer)


async def _inside(
    exporter: Exporter, span: Span, coroutine: Coroutine[object, object, object], ticket: Ticket, ended: _Ended
) -> object:
    try:
        with inside(span):
            return await coroutine
    finally:
        coroutine.close()
        if not ticket.open:  # answered before, or the client has gone: then nobody else ends it
            ended(None)


def traced(glue: Glue, route: str, steps: Sequence[str], exporter: Exporter) -> TracedGlue:
    """The glue of an endpoint with spans; `steps` are the service's, as `module.name`."""

    def step(function: Step, node: str) -> Step:
        return _spanned(function, f"step {node}", exporter)

    def session(call: SessionCall) -> object:
        return _spanned_session(call, exporter)

    function = with_steps(glue.function, steps, step, session)
    stepped = Glue(glue.endpoint, glue.codec, function, glue.driven)
    known = glue.endpoint, glue.codec, glue.function, glue.driven
    return TracedGlue(*known, exporter=exporter, stepped=stepped, route=route)


class Traceable(Protocol):
    """A service that can be traced."""

    @property
    def name(self) -> str:
        """What its spans say it is, unless the environment does."""

    @property
    def version(self) -> str:
        """Its version."""

    def trace(self, exporter: Exporter) -> None:
        """From now on its requests have spans."""


@contextmanager
def exporting(service: Traceable) -> Iterator[None]:
    """A block in which spans are exported, where the environment asks for it; at its end the last ones leave."""
    found = exporter(service.name, service.version)
    if found is None:
        yield
        return
    export(found)
    service.trace(found)
    try:
        yield
    finally:
        found.close()


def linked(exporter: Exporter, session: str, batch: Batch, seconds: float) -> None:
    """The span of a batch, where a sampled request rode in it."""
    requests = [found for run, _ in batch if (found := getattr(run, "trace", None)) is not None]
    if requests:
        ended_ns = time.time_ns()
        exporter.batch(session, requests, len(batch), ended_ns - int(1e9 * seconds), ended_ns)


def _spanned(step: Step, name: str, exporter: Exporter) -> Step:
    @functools.wraps(step)
    def call(*given: object, **named: object) -> object:
        with exporter.span(name, {}):
            return step(*given, **named)

    @functools.wraps(step)
    async def wait(*given: object, **named: object) -> object:
        with exporter.span(name, {}):
            return await cast("GlueFunction", step)(*given, **named)

    return wait if asyncio.iscoroutinefunction(step) else call


def _spanned_session(session: SessionCall, exporter: Exporter) -> Step:
    async def call(*values: object) -> object:
        with exporter.span(f"session {session.session.name}", {}):
            run = session(*values)
            run.trace = exporter.here()
            return await run

    return call
