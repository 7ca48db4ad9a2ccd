"""Messages over a pipe: a JSON head and a body of bytes, each after its length. The reader trusts no length."""

import json
from collections.abc import Mapping
from typing import IO

from dagc.models.known import Json

_LENGTH_BYTES = 8
_HEAD_LIMIT = 2**24
_BODY_LIMIT = 2**31


class BrokenFrameError(Exception):
    """The other end stopped in the middle of a message, or wrote something else than one."""


def write_frame(stream: IO[bytes], head: Mapping[str, Json], body: bytes = b"") -> None:
    """Send one message."""
    text = json.dumps(head).encode()
    stream.write(len(text).to_bytes(_LENGTH_BYTES, "big") + text)
    stream.write(len(body).to_bytes(_LENGTH_BYTES, "big"))
    stream.write(body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Json], bytes] | None:
    """The next message, or `None` at a clean end; raises `BrokenFrameError`."""
    first = stream.read(_LENGTH_BYTES)
    if not first:
        return None
    text = _exactly(stream, _length(first, _HEAD_LIMIT))
    body = _exactly(stream, _length(stream.read(_LENGTH_BYTES), _BODY_LIMIT))
    try:
        head = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenFrameError from error
    if not isinstance(head, dict):
        raise BrokenFrameError
    return head, body


def _length(encoded: bytes, limit: int) -> int:
    length = int.from_bytes(encoded, "big")
    if len(encoded) != _LENGTH_BYTES or length > limit:
        raise BrokenFrameError
    return length


def _exactly(stream: IO[bytes], length: int) -> bytes:
    found = stream.read(length)
    if len(found) != length:
        raise BrokenFrameError
    return found
