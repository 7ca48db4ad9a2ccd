"""Several calls of one part in one message, and their answers in one.

4 bytes `DGCN`, the header's length, the header, then the content of each, padded to a multiple of 8. The header
is JSON: of calls `[[milliseconds left, request id, traceparent, tracestate, length], ...]`, of answers `[[status,
what stood in for what, length], ...]`. Each content is what a message of its own would hold; answers stand as
their calls do.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from ..trace_context import TraceContext, read_trace
from .frame import ALIGNED, MAX_HEADER, Content, WireError, read_json, written_json

MAGIC = b"DGCN"
_HEAD = struct.Struct("<4sI")


@dataclass(frozen=True, slots=True)
class Asked:
    """A call: its time, whose it is, and its message."""

    left_ms: int
    request_id: str
    trace: TraceContext
    content: Content


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer; `degraded` is what stood in for what, as in the header of one that comes alone."""

    status: int
    degraded: str
    content: Content


def write_calls(calls: Sequence[Asked]) -> bytes:
    """The message of several calls."""
    return _written([([c.left_ms, c.request_id, *map(bytes.decode, c.trace)], c.content) for c in calls])


def write_answers(answers: Sequence[Answered]) -> bytes:
    """The message of their answers."""
    return _written([([a.status, a.degraded], a.content) for a in answers])


def read_calls(body: bytes | bytearray) -> list[Asked]:
    """The calls of a message, their contents views of it. Raises `WireError`."""
    return [
        Asked(cast(int, head[0]), cast(str, head[1]), _trace(cast("list[str]", head[2:4])), content)
        for head, content in _read(body, (int, str, str, str, int))
    ]


def read_answers(body: bytes | bytearray) -> list[Answered]:
    """The answers of a message, their contents views of it. Raises `WireError`."""
    return [
        Answered(cast(int, head[0]), cast(str, head[1]), content) for head, content in _read(body, (int, str, int))
    ]


def _trace(texts: Sequence[str]) -> TraceContext:
    parent, state = [text.encode("latin-1", "replace") for text in texts]
    return read_trace({b"traceparent": parent, b"tracestate": state})


def _written(items: Sequence[tuple[list[object], Content]]) -> bytes:
    heads = [[*head, len(content)] for head, content in items]
    header = written_json(heads)
    header += b" " * (-(len(header) + _HEAD.size) % ALIGNED)
    pieces: list[Content] = [_HEAD.pack(MAGIC, len(header)), header]
    for _, content in items:
        pieces += [content, b"\0" * (-len(content) % ALIGNED)]
    return b"".join(pieces)


def _read(body: bytes | bytearray, types: tuple[type, ...]) -> Iterator[tuple[list[object], memoryview]]:
    """The head of each item, and its content."""
    if len(body) < _HEAD.size:
        raise WireError("the message is shorter than its head")
    magic, length = _HEAD.unpack_from(body)
    if magic != MAGIC or length > min(MAX_HEADER, len(body) - _HEAD.size):
        raise WireError("the message has another form, or is cut off")
    start = _HEAD.size + length
    content = memoryview(body)
    for head in _heads(bytes(content[_HEAD.size : start]), types):
        size = cast(int, head[-1])
        yield head, content[start : start + size]
        start += size + (-size % ALIGNED)
        if size < 0 or start > len(body):
            raise WireError("a call or an answer is cut off")
    if start != len(body):
        raise WireError("bytes follow the last call or answer")


def _heads(text: bytes, types: tuple[type, ...]) -> list[list[object]]:
    try:
        found = read_json(text)
    except (ValueError, RecursionError):
        raise WireError("the header is no JSON") from None
    if not isinstance(found, list) or not found:
        raise WireError("the header is no list of calls or answers")
    for head in found:
        if not isinstance(head, list) or tuple(map(type, head)) != types:
            raise WireError("the header tells something else of a call or an answer")
    return found
