"""What goes back to a client: a status, a JSON body, headers. Errors are a code, a message and a field's name."""

import json
from collections.abc import Sequence
from typing import NamedTuple

JSON = b"application/json"


class Answer(NamedTuple):
    """One response. `headers` are extra ones, names in lower case; `statuses` those of answers that it holds."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = JSON
    statuses: tuple[int, ...] = ()


def refusal(
    status: int,
    code: str,
    message: str,
    field: str | None = None,
    *,
    details: Sequence[dict[str, str]] = (),
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> Answer:
    """An answer that says no: `{"error": {"code", "message", "field"?, "details"?}}`.

    `message` must name no internals and repeat no value of the request.
    """
    error: dict[str, object] = {"code": code, "message": message}
    if field is not None:
        error["field"] = field
    if details:
        error["details"] = list(details)
    return Answer(status, json.dumps({"error": error}, separators=(",", ":")).encode(), headers)


class Unanswered(Exception):
    """Nothing could answer; it carries what the client is told."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


FULL = refusal(503, "overloaded", "the service is at its limit, try again", headers=((b"retry-after", b"1"),))
EXPIRED = refusal(504, "deadline", "the deadline passed before the answer was ready")
FAILED = refusal(500, "internal", "the service failed on this request")
