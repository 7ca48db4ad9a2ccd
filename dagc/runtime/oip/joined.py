"""The rows of one request on their way through an endpoint: admitted together or not at all, and answered once."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, cast

import numpy as np

from ..access import Access
from ..admission import Ticket
from ..answer import FULL, Answer, refusal
from ..feed import Array
from ..framing import Wish
from ..settings import EndpointSettings, InferenceSettings, Limits
from ..value_body import ValueBody, value_of
from .codec import Outputs
from .rows import Row


class RowEndpoint(Protocol):
    """An endpoint that takes rows; see `service.Endpoint`."""

    limits: Limits

    def has_room(self, requests: int) -> bool:
        """Whether so many more requests may come in at once."""

    def accept(self, body: bytes, deadline: float, reply: Callable[[Answer], None]) -> Ticket:
        """The ticket of a row that was taken in."""


class Model:
    """A graph as the protocol knows it; `access` says who may use it, its answers count for the routes."""

    def __init__(
        self,
        settings: EndpointSettings,
        inference: InferenceSettings,
        endpoint: RowEndpoint,
        access: Access | None,
    ) -> None:
        self.name = settings.name
        self.version = settings.version
        self.inference = inference
        self.endpoint = endpoint
        self.access = access
        self.rest_route = f"/v2/models/{settings.name}/infer"
        self.grpc_route = f"/inference.GRPCInferenceService/ModelInfer/{settings.name}"


class Joined:
    """One request's rows; `answered` becomes an answer that holds the outputs, or the first row's refusal."""

    def __init__(self, model: Model, rows: Sequence[Row], deadline: float, wish: Wish) -> None:
        self.answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._model = model
        self._answers: list[Answer | None] = [None] * len(rows)
        self._left = len(rows)
        self._tickets: list[Ticket] = []
        arrived = time.monotonic()
        if not model.endpoint.has_room(len(rows)):
            self.answered.set_result(FULL)
            return
        for number, row in enumerate(rows):
            ticket = model.endpoint.accept(ValueBody.of(row), deadline, partial(self._take, number))
            ticket.request_id = wish.request_id
            ticket.trace = wish.trace
            ticket.arrived = arrived
            self._tickets.append(ticket)
            if ticket.queue is None:  # refused at the door: no row's work has begun yet
                self._settle(FULL)
                return

    def cancel(self) -> None:
        """Nobody waits any more: rows that are still on their way stop."""
        for ticket in self._tickets:
            ticket.cancel()
        self._tickets.clear()

    def _take(self, number: int, answer: Answer) -> None:
        if self.answered.done():
            return
        if answer.status != 200:
            self._settle(answer if len(self._answers) == 1 else _of_row(answer, number))
            return
        self._answers[number] = answer
        self._left -= 1
        if not self._left:
            self._settle(self._whole())

    def _settle(self, answer: Answer) -> None:
        self.answered.set_result(answer)
        self.cancel()

    def _whole(self) -> Answer:
        """All rows' outputs as arrays with the batch axis in front."""
        answers = cast("list[Answer]", self._answers)
        rows = [cast("Outputs", value_of(answer.body)) for answer in answers]
        headers: dict[bytes, dict[bytes, None]] = {}
        for answer in answers:
            for name, value in answer.headers:
                headers.setdefault(name, {})[value] = None
        outputs: list[Array] = []
        for port, parts in zip(self._model.inference.outputs, zip(*rows, strict=True), strict=True):
            if len({part.shape for part in parts}) > 1:
                message = "the examples' answers differ in their shape; send them one by one"
                return refusal(422, "ragged_answer", message, port.name)
            outputs.append(np.stack(parts))
        fields = tuple((name, b", ".join(values)) for name, values in headers.items())
        return Answer(200, ValueBody.of(outputs), fields)


def outputs_of(answer: Answer) -> list[Array]:
    """The arrays of an answer that holds them, in the order of the settings."""
    return cast("list[Array]", value_of(answer.body))


def _of_row(answer: Answer, number: int) -> Answer:
    """A refusal of what was sent, which says in which example."""
    if not 400 <= answer.status < 500:
        return answer
    document = json.loads(answer.body)
    document["error"]["message"] = f"example {number}: {document['error']['message']}"
    return answer._replace(body=json.dumps(document, separators=(",", ":")).encode())
