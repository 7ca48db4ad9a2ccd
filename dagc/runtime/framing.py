"""HTTP/1.1 text: how an answer is written, and what a request's header fields ask for.

Both ways into a service (the protocol and ASGI) read the same fields here, so that they answer equally.
Field names are in lower case.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from .answer import JSON, Answer, refusal
from .trace_context import NO_TRACE, TraceContext, read_trace

MAX_HEAD_BYTES = 16 * 1024
LARGE = 64 * 1024
"""Bytes of a body above which it is written by itself, and not copied to stand behind its head."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# A request with no other names than these, in the spellings of common clients, needs no closer look at its head.
PLAIN_NAMES = frozenset(
    spelling
    for name in (b"Host", b"User-Agent", b"Accept", b"Accept-Encoding", b"Content-Type", b"Content-Length")
    for spelling in (name, name.lower())
)

_JSON_TYPE = re.compile(rb"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_BYTES_TYPE = re.compile(rb"(?:application/octet-stream|(?:image|audio|video)/[\w.+-]+)\s*(?:;.*)?", re.IGNORECASE)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TIMEOUT_MS = re.compile(rb"[0-9]{1,9}")
_HEADS = {
    status.value: b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\n" % (status.value, status.phrase.encode())
    for status in HTTPStatus
    if status >= HTTPStatus.OK
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks for besides its answer: its own id, a deadline lower than the endpoint's, its trace."""

    request_id: bytes = b""
    timeout_s: float | None = None
    trace: TraceContext = NO_TRACE


def encode(answer: Answer, request_id: bytes, date: bytes, close: bytes) -> bytes:
    """Head and body of an answer, without a `LARGE` body; `date` and `close` are header lines, or nothing."""
    head = _HEADS.get(answer.status) or _HEADS[500]
    if answer.content_type is not JSON:
        head = head.replace(JSON, answer.content_type)
    extra = b"".join([b"%b: %b\r\n" % field for field in answer.headers]) if answer.headers else b""
    body = answer.body
    return b"%b%bx-request-id: %b\r\n%b%bcontent-length: %d\r\n\r\n%b" % (
        head,
        date,
        request_id,
        extra,
        close,
        len(body),
        body if len(body) <= LARGE else b"",
    )


def read_wish(fields: Mapping[bytes, bytes]) -> Wish | Answer:
    """The wish of a request, or the refusal it has earned by a field we will not guess about."""
    coding = fields.get(b"content-encoding", b"identity")
    if coding.lower() != b"identity":
        return refusal(415, "unsupported_encoding", "send the body without `content-encoding`")
    given = fields.get(b"x-request-id", b"")
    request_id = given if _REQUEST_ID.fullmatch(given) else b""
    timeout = fields.get(b"x-request-timeout-ms")
    trace = read_trace(fields)
    if timeout is None:
        return Wish(request_id, None, trace)
    if not _TIMEOUT_MS.fullmatch(timeout):
        message = "`x-request-timeout-ms` must be a whole number of milliseconds, at most 9 digits"
        return refusal(400, "bad_header", message, "x-request-timeout-ms")
    return Wish(request_id, int(timeout) / 1000, trace)


def is_json(content_type: bytes | None) -> bool:
    """Whether a body says it is JSON, or says nothing."""
    return content_type is None or content_type == b"application/json" or bool(_JSON_TYPE.fullmatch(content_type))


def refused_media(wanted: bytes) -> Answer:
    """The refusal of a body that is no message of another service's."""
    return refusal(415, "unsupported_media_type", f"`content-type` must be `{wanted.decode()}`", "content-type")


def is_bytes(content_type: bytes | None) -> bool:
    """Whether a body says it is an image, a recording or any other bytes."""
    return content_type is not None and bool(_BYTES_TYPE.fullmatch(content_type))


def refused_type(*, takes_bytes: bool) -> Answer:
    """The refusal of a body that says it is something else than the endpoint takes."""
    message = "`content-type` must be `application/json`"
    if takes_bytes:
        message += ", or `application/octet-stream`, `image/*`, `audio/*` or `video/*` for the bytes themselves"
    return refusal(415, "unsupported_media_type", message, "content-type")


def refused_coding(fields: Mapping[bytes, bytes], version: str) -> Answer | None:
    """The refusal of every transfer coding but one `chunked` of HTTP/1.1 (RFC 9112 section 6.1)."""
    coding = fields.get(b"transfer-encoding")
    if coding is None:
        return None
    if version != "1.1" or b"content-length" in fields:
        return refusal(400, "bad_request", "`transfer-encoding` is not allowed in this request")
    if coding.strip().lower() != b"chunked":
        return refusal(501, "unsupported_coding", "the only transfer coding this service reads is `chunked`")
    return None


def too_large(limit: int) -> Answer:
    """The refusal of a body over the cap."""
    return refusal(413, "body_too_large", f"the body is larger than {limit} bytes")
