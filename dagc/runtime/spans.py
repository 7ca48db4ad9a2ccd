"""Spans of one worker, and which of them are kept: OpenTelemetry's data model, without its SDK.

The SDK and what it needs to export are 12 MiB of an image and seven packages; a service makes four kinds of spans.
"""

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from . import foreign_spans
from .traces import Attribute

INTERNAL, SERVER = 1, 2
"""Kinds of spans, as OTLP numbers them."""


@dataclass(frozen=True, slots=True)
class SpanContext:
    """Where a span stands: its trace, its own number, and whether it is kept."""

    trace_id: int
    span_id: int
    sampled: bool

    def header(self) -> str:
        """The `traceparent` (W3C Trace Context) that is passed on."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.sampled):02x}"


def read_header(text: str) -> SpanContext:
    """The span of a `traceparent` that `read_wish` has let pass."""
    _, trace_id, span_id, flags = text.split("-")[:4]
    return SpanContext(int(trace_id, 16), int(span_id, 16), bool(int(flags, 16) & 1))


@dataclass(eq=False, slots=True)
class Span:
    """Something that takes time; `failed` says why, where it did. Times are in nanoseconds since 1970."""

    name: str
    context: SpanContext
    parent: SpanContext | None
    kind: int
    began_ns: int
    attributes: dict[str, Attribute]
    links: tuple[SpanContext, ...] = ()
    ended_ns: int = 0
    failed: str | None = None


_current: ContextVar[Span | None] = ContextVar("dagc_span", default=None)


def current() -> Span | None:
    """The span that is being worked in."""
    return _current.get()


@contextmanager
def inside(span: Span) -> Iterator[None]:
    """A block in which the span is the current one; the block does not end it."""
    before = _current.get()
    _current.set(span)
    context = span.context
    foreign = foreign_spans.attach(context.trace_id, context.span_id, sampled=context.sampled)
    try:
        yield
    finally:
        foreign_spans.restore(foreign)
        # Not by a token: what is closed after its client has gone may end in another context than it began in.
        _current.set(before)


@dataclass(frozen=True, slots=True)
class Sampler:
    """Which traces are kept: a share of those that begin here, and of others those that are kept elsewhere.

    Without `follows_parent` the share is of all.
    """

    share: float = 1.0
    follows_parent: bool = True

    def keeps(self, trace_id: int, parent: SpanContext | None) -> bool:
        """Whether a span in this trace is kept; all services decide alike, by the trace's last 8 bytes."""
        if parent is not None and self.follows_parent:
            return parent.sampled
        return trace_id & 0xFFFF_FFFF_FFFF_FFFF < round(self.share * 2**64)


def sampler(environment: Mapping[str, str]) -> Sampler:
    """What OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG ask for.

    Raises:
        ValueError: there is no such sampler or share.
    """
    name = environment.get("OTEL_TRACES_SAMPLER") or "parentbased_always_on"
    own = name.removeprefix("parentbased_")
    shares = {
        "always_on": "1",
        "always_off": "0",
        "traceidratio": environment.get("OTEL_TRACES_SAMPLER_ARG") or "1",
    }
    if own not in shares:
        raise ValueError(f"OTEL_TRACES_SAMPLER: there is no sampler `{name[:40]}`")
    share = float(shares[own])
    if not 0 <= share <= 1:
        raise ValueError(f"OTEL_TRACES_SAMPLER_ARG: `{share}` is no share from 0 to 1")
    return Sampler(share, follows_parent=own != name)


@dataclass(slots=True)
class Tracer:
    """Makes spans, and gives those that are kept to `keep` when they end."""

    sampler: Sampler
    keep: Callable[[Span], None]
    _numbers: random.Random = field(default_factory=lambda: random.Random(os.urandom(32)))

    def start(
        self,
        name: str,
        parent: SpanContext | None,
        attributes: dict[str, Attribute],
        *,
        kind: int = INTERNAL,
        began_ns: int | None = None,
        links: Sequence[SpanContext] = (),
    ) -> Span:
        """A span that begins now, or began before."""
        trace_id = parent.trace_id if parent is not None else self._number(128)
        context = SpanContext(trace_id, self._number(64), self.sampler.keeps(trace_id, parent))
        began_ns = time.time_ns() if began_ns is None else began_ns
        return Span(name, context, parent, kind, began_ns, attributes, tuple(links))

    def end(self, span: Span, ended_ns: int | None = None) -> None:
        """End the span now, or before."""
        if span.context.sampled:
            span.ended_ns = time.time_ns() if ended_ns is None else ended_ns
            self.keep(span)

    def _number(self, bits: int) -> int:
        return self._numbers.getrandbits(bits) or 1  # 0 is no number of a trace or a span
