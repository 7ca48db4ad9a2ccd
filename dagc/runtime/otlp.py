"""Spans exported by OTLP over HTTP, when the environment names an endpoint: imported and made only then.

OpenTelemetry's own variables decide: OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, the
sampler (OTEL_TRACES_SAMPLER), the service's name. A thread exports in batches; when it falls behind, spans are
dropped.
"""

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from .answer import Answer
from .traces import Attribute, asked_for

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext

_LOG = logging.getLogger("dagc.runtime")

_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
FLUSH_S = 2.0
"""How long the end of the service waits for the last spans to leave."""


def why_not() -> str | None:
    """Why no spans are exported: nothing asks for it (an empty reason), or what is asked for is not had."""
    env = os.environ
    if not asked_for():
        return ""
    if env.get("OTEL_SDK_DISABLED", "").lower() == "true" or env.get("OTEL_TRACES_EXPORTER") == "none":
        return ""
    protocol = next((env[name] for name in _PROTOCOLS if env.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        return f"traces are not exported: the service speaks `http/protobuf`, not `{protocol[:40]}`"
    return None


class Exporter:
    """The tracer of one worker; make it after the fork, for it has a thread."""

    def __init__(self, service: str, version: str) -> None:
        from opentelemetry import context, trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        own = {} if _is_named() else {"service.name": service, "service.version": version}
        self._provider = TracerProvider(
            resource=Resource.create({**own, "service.instance.id": str(os.getpid())}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(self._provider)  # spans of the user's own code go the same way
        self._tracer = self._provider.get_tracer("dagc", version)
        self._trace, self._context = trace, context

    @contextmanager
    def span(self, name: str, attributes: dict[str, Attribute]) -> Iterator[None]:
        """See `Tracer`."""
        plain = self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        )
        with plain as span:
            try:
                yield
            except BaseException as error:  # its text may hold values of the request
                if not any(kind.__name__ == "Refuse" for kind in type(error).__mro__):
                    span.set_status(self._trace.StatusCode.ERROR, type(error).__name__)
                raise

    def traceparent(self) -> str | None:
        """See `Tracer`."""
        return written(self._trace.get_current_span().get_span_context())

    def here(self) -> "SpanContext":
        """The current span, to be linked to."""
        return self._trace.get_current_span().get_span_context()

    def request(self, name: str, came_with: bytes, began_ns: int, attributes: dict[str, Attribute]) -> "Span":
        """The span of a request, not yet ended, in the trace that it came with, if it came with one."""
        return self._tracer.start_span(
            name,
            context=self._parent(came_with),
            kind=self._trace.SpanKind.SERVER,
            attributes=attributes,
            start_time=began_ns,
        )

    def inside(self, span: "Span") -> AbstractContextManager[object]:
        """What makes the span the current one, without ending it."""
        return self._trace.use_span(span, record_exception=False, set_status_on_exception=False)

    def end(self, span: "Span", answer: Answer | None) -> None:
        """End a request's span with its answer; without one its client has gone."""
        if answer is not None:
            span.set_attribute("http.response.status_code", answer.status)
        if answer is None or answer.status >= 500:
            span.set_status(self._trace.StatusCode.ERROR, "the client has gone" if answer is None else None)
        span.end()

    def batch(self, session: str, requests: Sequence[object], size: int, began_ns: int, ended_ns: int) -> None:
        """The span of one run of a session, linked to those who rode in it."""
        links = [self._trace.Link(each) for each in requests if isinstance(each, self._trace.SpanContext)]
        span = self._tracer.start_span(
            f"batch {session}",
            context=self._context.Context(),
            links=links,
            attributes={"dagc.session": session, "dagc.batch_size": size},
            start_time=began_ns,
        )
        span.end(ended_ns)

    def close(self) -> None:
        """Export what is left, for a moment: a collector that does not answer must not keep the service alive."""
        flushing = threading.Thread(target=self._provider.shutdown, name="dagc-traces", daemon=True)
        flushing.start()
        flushing.join(FLUSH_S)

    def _parent(self, came_with: bytes) -> "Context":
        """The context of a `traceparent` that `read_wish` has let pass; an empty one without."""
        empty = self._context.Context()
        if not came_with:
            return empty
        _, trace_id, span_id, flags = came_with.decode().split("-")[:4]
        remote = self._trace.SpanContext(
            int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=self._trace.TraceFlags(int(flags, 16))
        )
        return self._trace.set_span_in_context(self._trace.NonRecordingSpan(remote), empty)


def written(context: "SpanContext") -> str | None:
    """The header of a span; nothing where there is none."""
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def exporter(service: str, version: str) -> "Exporter | None":
    """The exporter that the environment asks for, or nothing; what is asked for and not had is logged."""
    reason = why_not()
    if reason is None:
        try:
            return Exporter(service, version)
        except ImportError as error:
            reason = f"traces are not exported: install requirements.txt ({error.name} is missing)"
        except ValueError as error:
            reason = f"traces are not exported: {error}"
    if reason:
        _LOG.warning("%s", reason)
    return None


def _is_named() -> bool:
    """Whether the operator names the service."""
    return bool(os.environ.get("OTEL_SERVICE_NAME")) or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
