"""What the methods of the protocol's gRPC service answer, and that of `grpc.health.v1`; no HTTP/2 is seen here."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

from ..answer import EXPIRED, Answer, refusal
from ..codec import BadRequest
from ..framing import read_wish
from ..front import Front
from .grpc_status import timeout_s
from .joined import Joined, Model, outputs_of
from .message import InferRequest, answer_message, read_message, tensor_metadata
from .messages import HEALTH, INFERENCE, DecodeError, Message, decode, make
from .metadata import model_metadata, repository_index, server_metadata
from .paths import message_of
from .request import check_request
from .rows import read_rows

INFER = f"/{INFERENCE}/ModelInfer".encode()
STREAM = f"/{INFERENCE}/ModelStreamInfer".encode()
SERVING, NOT_SERVING = 1, 2
_NO_MODEL = refusal(404, "not_found", "there is no model of that name and version; RepositoryIndex lists all")
_NO_SERVICE = refusal(404, "not_found", "there is no service of that name")
_NO_METHOD = refusal(501, "unsupported", "this service does not have that method")
_BAD_TIMEOUT = refusal(400, "bad_header", "`grpc-timeout` is not a number and a unit", "grpc-timeout")


@dataclass(frozen=True, slots=True)
class Asked:
    """A call's head: its fields, whose id is in logs, and when it arrived on the loop's clock."""

    path: bytes
    fields: Mapping[bytes, bytes]
    request_id: bytes
    arrived: float


@dataclass(frozen=True, slots=True)
class Told:
    """What a message is answered with: a message or a refusal, and the route that counts it."""

    answer: Answer
    message: Message | None = None
    route: str = "other"


Teller = Callable[[Message], Message | Answer]


class Methods:
    """All methods of one worker."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._models = {model.name: model for model in front.service.models}
        self.longest = max((model.inference.max_body_bytes for model in self._models.values()), default=0)
        names: dict[str, tuple[str, Teller]] = {
            f"/{INFERENCE}/ServerLive": ("ServerLiveRequest", lambda _: make("ServerLiveResponse", live=True)),
            f"/{INFERENCE}/ServerReady": ("ServerReadyRequest", self._server_ready),
            f"/{INFERENCE}/ModelReady": ("ModelReadyRequest", self._model_ready),
            f"/{INFERENCE}/ServerMetadata": ("ServerMetadataRequest", self._server_metadata),
            f"/{INFERENCE}/ModelMetadata": ("ModelMetadataRequest", self._model_metadata),
            f"/{INFERENCE}/RepositoryIndex": ("RepositoryIndexRequest", self._index),
            f"/{HEALTH}/Check": ("HealthCheckRequest", self._health),
        }
        self._tellers = {path.encode(): teller for path, teller in names.items()}
        self._open = {f"/{INFERENCE}/ServerLive".encode(), f"/{INFERENCE}/ServerReady".encode()}
        self._open.add(f"/{HEALTH}/Check".encode())

    def refusal(self, asked: Asked) -> Answer | None:
        """Why nothing of a call is to be read: there is no such method, or it is nobody's this service knows."""
        if asked.path not in self._tellers and asked.path not in (INFER, STREAM):
            return _NO_METHOD
        try:
            timeout_s(asked.fields)
        except ValueError:
            return _BAD_TIMEOUT
        access = None if asked.path in self._open else self._front.service.access
        return None if access is None else access.refusal(asked.fields)

    def caller(self, asked: Asked) -> str:
        """Who asks, for log lines."""
        access = self._front.service.access
        found = "" if access is None else access.caller(asked.fields)
        return found if isinstance(found, str) else ""

    async def tell(self, asked: Asked, content: bytes) -> Told:
        """The answer to one message."""
        if asked.path in (INFER, STREAM):
            return await self._infer(asked, content)
        request, teller = self._tellers[asked.path]
        try:
            found = teller(decode(request, content))
        except DecodeError:
            return Told(_not_a(request))
        return Told(found) if isinstance(found, Answer) else Told(Answer(200, b""), found)

    def streamed(self, told: Told) -> Message:
        """What one message of a stream is answered with; a refusal does not end the stream."""
        if told.message is None:
            return make("ModelStreamInferResponse", error_message=message_of(told.answer))
        return make("ModelStreamInferResponse", infer_response=told.message)

    async def _infer(self, asked: Asked, content: bytes) -> Told:
        try:
            message = cast(InferRequest, decode("ModelInferRequest", content))
        except DecodeError:
            return Told(_not_a("ModelInferRequest"))
        model = self._model(message.model_name, message.model_version)
        if model is None:
            return Told(_NO_MODEL)
        if model.access is not None and (refused := model.access.refusal(asked.fields)) is not None:
            return Told(refused, route=model.grpc_route)
        try:
            return await self._inferred(model, asked, message, len(content))
        except BadRequest as bad:
            return Told(bad.answer, route=model.grpc_route)

    async def _inferred(self, model: Model, asked: Asked, message: InferRequest, size: int) -> Told:
        inference, route = model.inference, model.grpc_route
        if size > inference.max_body_bytes:
            text = f"the message is larger than {inference.max_body_bytes} bytes"
            return Told(refusal(413, "body_too_large", text), route=route)
        wish = read_wish(asked.fields)
        if isinstance(wish, Answer):
            return Told(wish, route=route)
        now = time.monotonic()
        limits, timeout = model.endpoint.limits, timeout_s(asked.fields)
        until = now + (limits.deadline_s if wish.timeout_s is None else min(limits.deadline_s, wish.timeout_s))
        until = until if timeout is None else min(until, asked.arrived + timeout)
        if until <= now:
            self._front.metrics.deadline("accept")
            return Told(EXPIRED, route=route)
        request = read_message(message)
        check_request(request, inference)
        rows = read_rows(inference, request.inputs)
        joined = Joined(model, rows, until, replace(wish, request_id=asked.request_id))
        try:
            answer = await joined.answered
        finally:
            joined.cancel()
        if answer.status != 200:
            return Told(answer, route=route)
        return Told(answer, answer_message(model, request, outputs_of(answer)), route)

    def _model(self, name: str, version: str) -> Model | None:
        model = self._models.get(name)
        return model if model is not None and version in ("", model.version) else None

    @property
    def _is_ready(self) -> bool:
        return self._front.why_not_ready is None

    def _server_ready(self, _: Message) -> Message:
        return make("ServerReadyResponse", ready=self._is_ready)

    def _server_metadata(self, _: Message) -> Message:
        service = self._front.service
        return make("ServerMetadataResponse", **server_metadata(service.name, service.version))

    def _model_ready(self, request: Message) -> Message:
        return make("ModelReadyResponse", ready=self._asked_for(request) is not None and self._is_ready)

    def _model_metadata(self, request: Message) -> Message | Answer:
        model = self._asked_for(request)
        if model is None:
            return _NO_MODEL
        known = model_metadata(model)
        tensors = {side: tensor_metadata(known[side]) for side in ("inputs", "outputs")}
        return make("ModelMetadataResponse", **known | tensors)

    def _index(self, _: Message) -> Message:
        models = [make("ModelIndex", **each) for each in repository_index(tuple(self._models.values()))]
        return make("RepositoryIndexResponse", models=models)

    def _health(self, request: Message) -> Message | Answer:
        if getattr(request, "service") not in ("", INFERENCE):  # noqa: B009
            return _NO_SERVICE
        return make("HealthCheckResponse", status=SERVING if self._is_ready else NOT_SERVING)

    def _asked_for(self, request: Message) -> Model | None:
        return self._model(getattr(request, "name"), getattr(request, "version"))  # noqa: B009


@cache
def methods_of(front: Front) -> Methods:
    """The methods of a worker, made once."""
    return Methods(front)


def _not_a(message: str) -> Answer:
    return refusal(400, "bad_message", f"the message is not a {message}")
