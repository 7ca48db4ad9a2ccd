"""Spans exported by OTLP over HTTP, when the environment names an endpoint: imported and made only then.

OpenTelemetry's own variables decide: OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, the
sampler (OTEL_TRACES_SAMPLER), the service's name. A thread exports in batches; when it falls behind, spans are
dropped.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .answer import Answer
from .otlp_message import message
from .otlp_sender import Destination, Sender, pairs
from .spans import SERVER, Span, SpanContext, Tracer, current, inside, read_header, sampler
from .traces import Attribute, asked_for

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
    """The tracer of one worker; make it after the fork, for it has a thread.

    Raises:
        ValueError: a variable of OpenTelemetry's has no such value.
    """

    def __init__(self, service: str, version: str) -> None:
        resource = _resource(service, version)
        destination = Destination.of(os.environ)
        kept = sampler(os.environ)
        self._sender = Sender(destination, lambda spans: message(spans, resource, version))
        self._tracer = Tracer(kept, self._sender.put)

    @contextmanager
    def span(self, name: str, attributes: dict[str, Attribute]) -> Iterator[None]:
        """See `Tracer`."""
        span = self._tracer.start(name, self.here(), attributes)
        with inside(span):
            try:
                yield
            except BaseException as error:  # its text may hold values of the request
                if not any(kind.__name__ == "Refuse" for kind in type(error).__mro__):
                    span.failed = type(error).__name__
                raise
            finally:
                self._tracer.end(span)

    def traceparent(self) -> str | None:
        """See `Tracer`."""
        here = self.here()
        return here.header() if here is not None else None

    def here(self) -> SpanContext | None:
        """The current span, to be linked to."""
        span = current()
        return span.context if span is not None else None

    def request(self, name: str, came_with: bytes, began_ns: int, attributes: dict[str, Attribute]) -> Span:
        """The span of a request, not yet ended, in the trace that it came with, if it came with one."""
        parent = read_header(came_with.decode()) if came_with else None
        return self._tracer.start(name, parent, attributes, kind=SERVER, began_ns=began_ns)

    def end(self, span: Span, answer: Answer | None) -> None:
        """End a request's span with its answer; without one its client has gone."""
        if answer is not None:
            span.attributes["http.response.status_code"] = answer.status
        if answer is None or answer.status >= 500:
            span.failed = "the client has gone" if answer is None else ""
        self._tracer.end(span)

    def batch(self, session: str, requests: Sequence[object], size: int, began_ns: int, ended_ns: int) -> None:
        """The span of one run of a session, linked to those who rode in it."""
        links = [each for each in requests if isinstance(each, SpanContext)]
        attributes: dict[str, Attribute] = {"dagc.session": session, "dagc.batch_size": size}
        span = self._tracer.start(f"batch {session}", None, attributes, began_ns=began_ns, links=links)
        self._tracer.end(span, ended_ns)

    def close(self) -> None:
        """Export what is left, for a moment."""
        self._sender.close(FLUSH_S)


def exporter(service: str, version: str) -> "Exporter | None":
    """The exporter that the environment asks for, or nothing; what is asked for and not had is logged."""
    reason = why_not()
    if reason is None:
        try:
            return Exporter(service, version)
        except ValueError as error:
            reason = f"traces are not exported: {error}"
    if reason:
        _LOG.warning("%s", reason)
    return None


def _resource(service: str, version: str) -> dict[str, str]:
    """Which service this is: as the operator names it, or else as it names itself."""
    given = pairs(os.environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    if name := os.environ.get("OTEL_SERVICE_NAME"):
        given["service.name"] = name
    own = {} if "service.name" in given else {"service.name": service, "service.version": version}
    language = {"telemetry.sdk.language": "python", "telemetry.sdk.name": "dagc"}
    return {**language, **own, "service.instance.id": str(os.getpid()), **given}
