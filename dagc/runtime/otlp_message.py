"""Spans as the bytes of OTLP's `ExportTraceServiceRequest`, written field by field.

Field numbers are those of opentelemetry-proto 1 (trace.proto, common.proto, resource.proto), which do not change.
"""

import struct
from collections.abc import Iterable, Mapping

from .spans import Span, SpanContext
from .traces import Attribute

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FAILED = 2


def message(spans: Iterable[Span], resource: Mapping[str, str], version: str) -> bytes:
    """The request that hands over these spans of a service; `resource` says which service it is."""
    scope = _text(1, "dagc") + _text(2, version)
    of_scope = _bytes(1, scope) + b"".join(_bytes(2, _span(span)) for span in spans)
    return _bytes(1, _bytes(1, _attributes(1, resource)) + _bytes(2, of_scope))


def _span(span: Span) -> bytes:
    return b"".join(
        (
            _context(span.context, 1, 2),
            _bytes(4, span.parent.span_id.to_bytes(8)) if span.parent is not None else b"",
            _text(5, span.name),
            _number(6, span.kind),
            _tag(7, _FIXED64) + struct.pack("<Q", span.began_ns),
            _tag(8, _FIXED64) + struct.pack("<Q", span.ended_ns),
            _attributes(9, span.attributes),
            *(_bytes(13, _context(link, 1, 2) + _flags(6, link)) for link in span.links),
            _bytes(15, _text(2, span.failed) + _number(3, _FAILED)) if span.failed is not None else b"",
            _flags(16, span.context),
        )
    )


def _context(context: SpanContext, trace: int, span: int) -> bytes:
    return _bytes(trace, context.trace_id.to_bytes(16)) + _bytes(span, context.span_id.to_bytes(8))


def _flags(field: int, context: SpanContext) -> bytes:
    return _tag(field, _FIXED32) + struct.pack("<I", context.sampled)


def _attributes(field: int, attributes: Mapping[str, Attribute]) -> bytes:
    return b"".join(_bytes(field, _text(1, key) + _bytes(2, _value(value))) for key, value in attributes.items())


def _value(value: Attribute) -> bytes:
    match value:
        case bool():
            return _number(2, value)
        case int():
            return _number(3, value % 2**64)
        case float():
            return _tag(4, _FIXED64) + struct.pack("<d", value)
        case str():
            return _text(1, value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode("utf-8", "replace"))


def _bytes(field: int, value: bytes) -> bytes:
    return _tag(field, _BYTES) + _varint(len(value)) + value


def _number(field: int, value: int) -> bytes:
    return _tag(field, _VARINT) + _varint(value)


def _tag(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
