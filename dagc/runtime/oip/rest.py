"""The protocol's paths over HTTP, as an ASGI application of their own: /v2 and what lies under it.

Answers are counted and logged as all others are; what says no is `{"error": "<message>"}`, as the protocol has it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import replace

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

from ..answer import EXPIRED, FAILED, Answer, refusal
from ..asgi import ClientGoneError, caller_of, fields_of, left, read_body
from ..codec import BadRequest
from ..framing import read_wish
from ..front import Front
from ..metrics import Meter
from .body import HEADER_LENGTH, write_answer
from .body import read_body as read_request
from .inflate import CODINGS, inflated
from .joined import Joined, Model, outputs_of
from .metadata import model_metadata, repository_index, server_metadata
from .paths import asked_model, in_protocol, parts_of
from .request import check_request
from .rows import read_rows

_LIVE = Answer(200, b'{"live":true}')
_READY = Answer(200, b'{"ready":true}')
_NOT_READY = refusal(400, "not_ready", "the service is not ready: it warms up, or is told to stop")
_NO_PATH = refusal(404, "not_found", "the Open Inference Protocol has no such path here; `/v2` says what there is")
_NO_MODEL = refusal(404, "not_found", "there is no model of that name and version; `/v2/repository/index` has all")
_FIXED = refusal(403, "not_supported", "models are a part of the build: none can be loaded or unloaded")
_logger = logging.getLogger("dagc.front")


class Rest:
    """Answers one request a call."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._models = tuple(front.service.models)

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """One request."""
        arrived = time.monotonic()
        fields = fields_of(scope)
        wish = read_wish(fields)
        request_id = (b"" if isinstance(wish, Answer) else wish.request_id) or self._front.next_id()
        path, meter = self._measured(scope)
        try:
            answer = await self._answer(scope, fields, receive, request_id)
        except ClientGoneError:
            self._count(path, meter, 499, time.monotonic() - arrived, request_id, 0, scope)
            return
        except BadRequest as refused:
            answer = refused.answer
        except Exception:
            _logger.exception("answering %s failed", path)
            answer = FAILED
        if answer.status >= 400:
            answer = in_protocol(answer)
        body = b"" if scope["method"] == "HEAD" else answer.body
        self._count(path, meter, answer.status, time.monotonic() - arrived, request_id, len(body), scope)
        binary = any(name == HEADER_LENGTH for name, _ in answer.headers)
        headers = [
            (b"content-type", b"application/octet-stream" if binary else b"application/json"),
            (b"x-request-id", request_id),
            *answer.headers,
            (b"content-length", b"%d" % len(answer.body)),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _answer(
        self, scope: HTTPScope, fields: Mapping[bytes, bytes], receive: ASGIReceiveCallable, request_id: bytes
    ) -> Answer:
        parts = parts_of(scope["path"])
        method = scope["method"]
        model = asked_model(scope["path"], self._models)
        last = parts[-1] if parts else ""
        if model is not None and last == "infer":
            return await self._infer(model, fields, receive, request_id) if method == "POST" else _only("POST")
        if parts[:1] == ["repository"]:
            return self._repository(parts[1:]) if method == "POST" else _only("POST")
        answer = self._read(parts, model)
        return answer if answer.status == 404 or method in ("GET", "HEAD") else _only("GET", "HEAD")

    def _read(self, parts: list[str], model: Model | None) -> Answer:
        """What is only to be read."""
        match parts:
            case []:
                return _told(server_metadata(self._front.service.name, self._front.service.version))
            case ["health", "live"]:
                return _LIVE
            case ["health", "ready"]:
                return _READY if self._is_ready else _NOT_READY
            case ["models", _] | ["models", _, "versions", _]:
                return _NO_MODEL if model is None else _told(model_metadata(model))
            case ["models", _, "ready"] | ["models", _, "versions", _, "ready"]:
                if model is None:
                    return _NO_MODEL
                return _told({"name": model.name, "ready": True}) if self._is_ready else _NOT_READY
            case ["models", _, "infer"] | ["models", _, "versions", _, "infer"]:
                return _NO_MODEL
            case _:
                return _NO_PATH

    def _repository(self, parts: list[str]) -> Answer:
        match parts:
            case ["index"]:
                return Answer(200, json.dumps(repository_index(self._models)).encode())
            case ["models", _, "load" | "unload"]:
                return _FIXED
            case _:
                return _NO_PATH

    async def _infer(
        self, model: Model, fields: Mapping[bytes, bytes], receive: ASGIReceiveCallable, request_id: bytes
    ) -> Answer:
        body = await read_body(receive, model.inference.max_body_bytes)
        if isinstance(body, Answer):
            return body
        coding = fields.get(b"content-encoding", b"").lower()
        if coding in CODINGS:
            body = inflated(body, model.inference.max_body_bytes)
        wish = read_wish({**fields, b"content-encoding": b"identity"} if coding in CODINGS else fields)
        if isinstance(wish, Answer):
            return wish
        limits = model.endpoint.limits
        deadline_s = limits.deadline_s if wish.timeout_s is None else min(limits.deadline_s, wish.timeout_s)
        if deadline_s == 0:
            self._front.metrics.deadline("accept")
            return EXPIRED
        until = time.monotonic() + deadline_s
        request = read_request(body, fields, limits.max_json_depth)
        check_request(request, model.inference)
        rows = read_rows(model.inference, request.inputs)
        joined = Joined(model, rows, until, replace(wish, request_id=request_id))
        answer = await _unless_left(joined, receive)
        if answer.status != 200:
            return answer
        return write_answer(model, request, outputs_of(answer), answer.headers)

    def _measured(self, scope: HTTPScope) -> tuple[str, Meter]:
        """The route that counts a request, and its numbers."""
        model = asked_model(scope["path"], self._models)
        route = model.rest_route if model is not None and scope["path"].rstrip("/").endswith("/infer") else "other"
        return route, self._front.metrics.meters[route]

    @property
    def _is_ready(self) -> bool:
        return self._front.why_not_ready is None

    def _count(
        self, path: str, meter: Meter, status: int, seconds: float, request_id: bytes, size: int, scope: HTTPScope
    ) -> None:
        meter.answered(status, seconds)
        if self._front.log.wants(status):
            self._front.log.add(path, status, seconds, request_id, size, caller_of(scope))


async def _unless_left(joined: Joined, receive: ASGIReceiveCallable) -> Answer:
    gone = asyncio.get_running_loop().create_task(left(receive))
    try:
        await asyncio.wait((joined.answered, gone), return_when=asyncio.FIRST_COMPLETED)
        if not joined.answered.done():
            raise ClientGoneError
        return joined.answered.result()
    finally:
        joined.cancel()
        gone.cancel()


def _told(document: dict[str, object]) -> Answer:
    return Answer(200, json.dumps(document, separators=(",", ":")).encode())


def _only(*methods: str) -> Answer:
    allow = ((b"allow", ", ".join(methods).encode()),)
    return refusal(405, "method_not_allowed", f"this path answers {' and '.join(methods)}", headers=allow)
