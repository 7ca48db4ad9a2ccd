"""Why an application's call of a graph gave nothing, as exceptions; the same file in a built service.

Imports nothing of dagc, because a built service has this very file. An application of Starlette's kind that does
not handle them answers as the graph's own route would.
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Protocol

Message = dict[str, object]
Send = Callable[[Message], Awaitable[None]]


class Unserved(Exception):
    """A graph could not answer, or failed: `status` is what its own route would have answered, `code` why."""

    status = 500
    code = "internal"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Overloaded(Unserved):
    """There is no room for one more request; nothing was done."""

    status = 503
    code = "overloaded"


class DeadlineExceeded(Unserved):
    """The time was over before the answer was there."""

    status = 504
    code = "deadline"


class Refused(Protocol):
    """What `Refuse` looks like."""

    status: int
    reason: str
    field: str | None


def unserved(status: int, body: bytes, refuse: Callable[[str, str | None, int], Exception]) -> Exception:
    """The exception for an answer of a graph that is not 200; `refuse` makes that of a 4xx."""
    error: Mapping[str, object] = json.loads(body)["error"]
    message = str(error["message"])
    if 400 <= status <= 499:
        field = error.get("field")
        return refuse(message, None if field is None else str(field), status)
    kinds: tuple[type[Unserved], ...] = (Overloaded, DeadlineExceeded)
    made = next((kind for kind in kinds if kind.status == status), Unserved)(message)
    made.status, made.code = status, str(error["code"])
    return made


def let_answer(app: object, refuse: type[Exception]) -> None:
    """Make the application, and those mounted in it, answer what its handlers raise of these and do not handle."""
    for each in _applications(app, 0):
        handled = getattr(each, "exception_handlers", {})
        for kind in (refuse, Unserved):
            if kind not in handled:
                each.add_exception_handler(kind, _answered)  # type: ignore[attr-defined]  # looked for below


def _applications(app: object, depth: int) -> Iterator[object]:
    if depth > 8:
        return
    if callable(getattr(app, "add_exception_handler", None)):
        yield app
    for route in getattr(app, "routes", None) or ():
        if (mounted := getattr(route, "app", None)) is not None and hasattr(mounted, "routes"):
            yield from _applications(mounted, depth + 1)


async def _answered(_request: object, error: Exception) -> "_Answer":
    """The answer of the graph's own route, as an ASGI application."""
    status = getattr(error, "status", 500)
    said: dict[str, object] = {
        "code": getattr(error, "code", "refused"),
        "message": getattr(error, "message", None) or getattr(error, "reason", "") or "the request was refused",
    }
    if (field := getattr(error, "field", None)) is not None:
        said["field"] = field
    return _Answer(status, json.dumps({"error": said}, separators=(",", ":")).encode())


class _Answer:
    def __init__(self, status: int, body: bytes) -> None:
        self._status = status
        self._body = body

    async def __call__(self, scope: object, receive: object, send: Send) -> None:
        """Sends it."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(self._body))]
        if self._status == 503:
            headers.append((b"retry-after", b"1"))
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})
