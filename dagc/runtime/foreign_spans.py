"""Spans that the user's code makes with OpenTelemetry's API join the trace of the request they are made in.

The API is met, never imported: where nobody has imported it, nobody makes such spans.
"""

import sys
from types import ModuleType


def attach(trace_id: int, span_id: int, *, sampled: bool) -> object:
    """Make this span the parent of spans that the API makes in this context from now on; what `restore` takes."""
    trace, context = sys.modules.get("opentelemetry.trace"), sys.modules.get("opentelemetry.context")
    if trace is None or context is None:
        return None
    try:
        return _attached(trace, context, (trace_id, span_id), trace.TraceFlags(int(sampled)))
    except AttributeError:  # another thread is just importing it
        return None


def restore(before: object) -> None:
    """Give the context back what it had."""
    context = sys.modules.get("opentelemetry.context")
    # Not by a token: what is closed after its client has gone may end in another context than it began in.
    if before is not None and context is not None:
        context.attach(before)


def _attached(trace: ModuleType, context: ModuleType, ids: tuple[int, int], flags: object) -> object:
    before: object = context.get_current()
    span = trace.NonRecordingSpan(trace.SpanContext(*ids, is_remote=False, trace_flags=flags))
    context.attach(trace.set_span_in_context(span))
    return before
