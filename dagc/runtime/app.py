"""The ASGI application: health, metrics, documents, and every endpoint once more for odd spellings of its path.

No framework: importing one costs 0.4 s and 30 MB. A path that reaches this application reaches it decoded, so an
endpoint answers here exactly as it does on the front. Paths that are not ours are the user's application's.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from uvicorn._types import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    HTTPScope,
    Scope,
)

from . import docs, on_demand
from .answer import EXPIRED, FAILED, Answer, refusal
from .asgi import ClientGoneError, caller_of, fields_of, left, read_body
from .calls import ORIGIN, Origin
from .exchange import Route
from .framing import Wish, read_wish
from .front import Front
from .ingress import PREFIX, behind_proxies
from .metrics import CONTENT_TYPE
from .oip.paths import is_inference

_JSON = b"application/json"
_NOT_FOUND = refusal(404, "not_found", "nothing is served at this path; `/` lists what is")
_logger = logging.getLogger("dagc.front")


@dataclass(frozen=True, slots=True)
class Page:
    """Something to read at a path."""

    body: Callable[[], Answer]
    content_type: bytes = _JSON


class App:
    """Answers one request a call; every answer is counted and logged as the front's own are."""

    def __init__(self, front: Front) -> None:
        self._front = front
        service = front.service
        at = PREFIX if service.app is not None else ""
        index = json.dumps(_index(front, at), indent=2).encode() + b"\n"
        self._pages = {
            f"{at}/": Page(lambda: Answer(200, index)),
            f"{at}/openapi.json": Page(lambda: Answer(200, service.openapi)),
            f"{at}/docs": Page(lambda: Answer(200, docs.PAGE, docs.HEADERS), b"text/html; charset=utf-8"),
            "/live": Page(lambda: Answer(200, b'{"status":"live"}')),
            "/ready": Page(self._readiness),
            "/metrics": Page(lambda: Answer(200, front.metrics.text()), CONTENT_TYPE),
        }
        self._routes = {path.decode(): route for path, route in front.routes.items()}
        self._rest = on_demand.Rest(front) if service.models else None
        self._users = behind_proxies(service.app.app) if service.app is not None else None

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """One request; the life of the user's application; one of its WebSockets."""
        if self._users is not None and scope["type"] != "http":
            return await self._users(scope, receive, send)
        if scope["type"] != "http":
            raise RuntimeError(f"this service speaks HTTP, not {scope['type']}")
        if self._rest is not None and is_inference(scope["path"]):
            return await self._rest(scope, receive, send)
        if self._users is not None and scope["path"] not in self._pages and scope["path"] not in self._routes:
            return await self._pass_on(self._users, scope, receive, send)
        return await self._answer(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        arrived = time.monotonic()
        route = self._routes.get(scope["path"], self._front.other)
        fields = fields_of(scope)
        wish = read_wish(fields)
        request_id = (b"" if isinstance(wish, Answer) else wish.request_id) or self._front.next_id()
        content_type = _JSON
        try:
            if route.endpoint is not None and scope["method"] == "POST":
                answer = await self._serve(route, fields, receive, request_id)
            else:
                content_type, answer = self._read(scope["path"], scope["method"])
        except ClientGoneError:
            self._count(route, 499, time.monotonic() - arrived, request_id, 0, caller_of(scope))
            return
        except Exception:
            _logger.exception("answering %s failed", route.path)
            answer = FAILED
        seconds = time.monotonic() - arrived
        self._count(route, answer.status, seconds, request_id, len(answer.body), caller_of(scope))
        headers = [
            (b"content-type", content_type),
            (b"x-request-id", request_id),
            *answer.headers,
            (b"content-length", b"%d" % len(answer.body)),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    def _read(self, path: str, method: str) -> tuple[bytes, Answer]:
        """The content type and answer of everything that is not a request to an endpoint."""
        page = self._pages.get(path)
        if page is None and path not in self._routes:
            return _JSON, _NOT_FOUND
        allowed = ("GET", "HEAD", "OPTIONS") if page is not None else ("POST", "OPTIONS")
        allow = ((b"allow", ", ".join(allowed).encode()),)
        if method == "OPTIONS":
            return _JSON, Answer(200, b"{}", allow)
        if page is None or method not in allowed:
            message = f"this path answers {' and '.join(allowed)}"
            return _JSON, refusal(405, "method_not_allowed", message, headers=allow)
        answer = page.body()
        return (page.content_type if answer.status == 200 else _JSON), answer

    async def _serve(
        self, route: Route, fields: dict[bytes, bytes], receive: ASGIReceiveCallable, request_id: bytes
    ) -> Answer:
        way = route.for_type(fields.get(b"content-type"))
        wish = read_wish(fields)
        body = await read_body(receive, route.max_body_bytes)
        if isinstance(body, Answer):
            return body
        if isinstance(way, Answer):
            return way
        if isinstance(wish, Answer):
            return wish
        timeout = route.deadline_s if wish.timeout_s is None else min(route.deadline_s, wish.timeout_s)
        if timeout == 0:
            self._front.metrics.deadline("accept")
            return EXPIRED
        return await _accepted(way, body, timeout, receive, request_id)

    async def _pass_on(
        self, users: ASGI3Application, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """One request of the user's application, which may call graphs on its behalf and in its time."""
        arrived = time.monotonic()
        wish = read_wish(fields_of(scope))
        asked = wish if isinstance(wish, Wish) else Wish()
        request_id = asked.request_id or self._front.next_id()
        ORIGIN.set(Origin(request_id, None if asked.timeout_s is None else arrived + asked.timeout_s))
        status, size = 500, 0

        async def sent(message: ASGISendEvent) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        try:
            await users(scope, receive, sent)
        finally:
            seconds = time.monotonic() - arrived
            self._count(self._front.users(scope["path"]), status, seconds, request_id, size, caller_of(scope))

    def _count(self, route: Route, status: int, seconds: float, request_id: bytes, size: int, caller: str) -> None:
        route.meter.answered(status, seconds)
        if self._front.log.wants(status):
            self._front.log.add(route.path, status, seconds, request_id, size, caller)

    def _readiness(self) -> Answer:
        why_not = self._front.why_not_ready
        return Answer(200, b'{"status":"ready"}') if why_not is None else refusal(503, "not_ready", why_not)


async def _accepted(
    route: Route, body: bytes, timeout_s: float, receive: ASGIReceiveCallable, request_id: bytes
) -> Answer:
    """The endpoint's answer; gives its ticket back when the client leaves."""
    if route.endpoint is None:
        return _NOT_FOUND
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[Answer] = loop.create_future()
    ticket = route.endpoint.accept(body, time.monotonic() + timeout_s, answered.set_result)
    ticket.request_id = request_id
    gone = loop.create_task(left(receive))
    try:
        await asyncio.wait((answered, gone), return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise ClientGoneError
        return answered.result()
    finally:
        ticket.cancel()
        gone.cancel()


def _index(front: Front, at: str) -> dict[str, object]:
    service = front.service
    endpoints = [
        {"name": endpoint.name, "version": endpoint.version, "method": "POST", "path": path}
        for path, endpoint in sorted(service.endpoints.items())
    ]
    return {
        "service": service.name,
        "version": service.version,
        "endpoints": endpoints,
        "openapi": f"{at}/openapi.json",
        "docs": f"{at}/docs",
        "health": ["/live", "/ready"],
        "metrics": "/metrics",
        **({"open_inference": "/v2"} if service.models else {}),
    }
