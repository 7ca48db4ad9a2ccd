"""What every ASGI application of ours does: reads fields and bodies, and notices that a client has left."""

from __future__ import annotations

from uvicorn._types import ASGIReceiveCallable, HTTPScope

from .answer import Answer
from .framing import too_large


class ClientGoneError(Exception):
    """The client left before its answer."""


def fields_of(scope: HTTPScope) -> dict[bytes, bytes]:
    """Header fields by name, in lower case; of equal ones the first."""
    fields: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        fields.setdefault(name, value)
    return fields


def caller_of(scope: HTTPScope) -> str:
    """Who asks, as the reader of the head has found."""
    return str(scope.get("extensions", {}).get("dagc", {}).get("caller", ""))


async def read_body(receive: ASGIReceiveCallable, limit: int) -> bytes | Answer:
    """The whole body, or its refusal (413).

    Raises:
        ClientGoneError: it did not come whole.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        body += message["body"]
        if len(body) > limit:
            return too_large(limit)
        if not message["more_body"]:
            return bytes(body)


async def left(receive: ASGIReceiveCallable) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
