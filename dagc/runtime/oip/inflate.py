"""Compressed requests, unpacked as far as the limit goes and no further."""

import zlib

from ..answer import refusal
from ..codec import BadRequest
from ..framing import too_large

CODINGS = (b"gzip", b"deflate")
_EITHER = 47
"""zlib's word for: look at the head whether it is gzip or zlib."""


def inflated(content: bytes, limit: int) -> bytes:
    """What was compressed, by gzip or deflate.

    Raises:
        BadRequest: it is more than `limit` bytes (413), or was not compressed so.
    """
    stream = zlib.decompressobj(_EITHER)
    try:
        found = stream.decompress(content, limit + 1)
    except zlib.error:
        found = b""
    if len(found) > limit:
        raise BadRequest(too_large(limit))
    if not stream.eof or stream.unused_data:
        raise BadRequest(refusal(400, "bad_encoding", "the request is not compressed as it says"))
    return found
