"""A service's endpoints as a client knows them: a route, a deadline if it is told, and questions to ask."""

import http.client
import json
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import JsonValue

from dagc.bench.answers import Answers, Question
from dagc.bench.client import Target
from dagc.bench.key import authorization

DEADLINE_S = 1.0
"""Where a service does not tell its own."""
_TIMEOUT_S = 60.0


class UnfitServiceError(Exception):
    """What is asked does not answer as it should; the text says how, `code` is the diagnostic's."""

    def __init__(self, code: str, message: str, note: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.note = note


@dataclass(frozen=True, slots=True)
class Asked:
    """One endpoint and what it is asked."""

    name: str
    route: str
    questions: tuple[Question, ...]
    deadline_s: float = DEADLINE_S


def described(address: str) -> Iterator[tuple[str, JsonValue, JsonValue]]:
    """Route, schema of the body and example of each endpoint, as the service at `address` describes itself.

    Raises:
        UnfitServiceError: nothing answers there, or it has no OpenAPI document (E0705).
    """
    try:
        asked = urllib.request.Request(f"{address}/openapi.json", headers=dict(authorization()))
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_S) as answer:
            document = json.load(answer)
        paths = document["paths"]
        for route, item in paths.items():
            content = item["post"]["requestBody"]["content"]["application/json"]
            # Its references point into the document.
            yield (
                route,
                {**content["schema"], "components": document.get("components", {})},
                content.get("example"),
            )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UnfitServiceError("E0705", f"`{address}` does not describe a service", reason) from None


def target(address: str, route: str) -> Target:
    """Where the requests to a route go.

    Raises:
        UnfitServiceError: the address is not one of plain HTTP (E0705).
    """
    parts = urlsplit(address)
    if parts.scheme != "http" or not parts.hostname:
        raise UnfitServiceError("E0705", f"`{address}` is not an address like `http://127.0.0.1:8000`")
    return Target(parts.hostname, parts.port or 80, route)


def answered(target: Target, questions: Iterable[Question]) -> Answers:
    """The questions that a single client gets a 200 for, with their answers; each was asked twice.

    Invented questions a service may refuse; a stored one whose answer is known it may not.

    Raises:
        UnfitServiceError: a wrong answer (E0706), or no question is answered 200 (E0707).
        OSError: nothing answers there.
    """
    connection = http.client.HTTPConnection(target.host, target.port, timeout=_TIMEOUT_S)
    kept: list[tuple[Question, bytes, bytes]] = []
    refused = ""
    try:
        for question in questions:
            status, first = _ask(connection, target, question)
            if status == 200:
                kept.append((question, first, _ask(connection, target, question)[1]))
            elif question.response is not None:
                text = first[:300].decode("utf-8", "replace")
                raise UnfitServiceError("E0706", f"`{question.name}` is answered {status}, not as stored", text)
            else:
                refused = refused or f"{question.name}: {status} {first[:200].decode('utf-8', 'replace')}"
    except http.client.HTTPException as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if not kept:
        raise UnfitServiceError("E0707", f"no request to `{target.path}` is answered 200", refused)
    answers = Answers([question for question, _, _ in kept])
    for number, (_, first, again) in enumerate(kept):
        if wrong := answers.learn(number, first, again):
            raise UnfitServiceError(
                "E0706", f"`{answers.questions[number].name}` is not answered as stored", wrong
            )
    return answers


def _ask(connection: http.client.HTTPConnection, target: Target, question: Question) -> tuple[int, bytes]:
    connection.request("POST", target.path, question.body, {"content-type": "application/json", **authorization()})
    response = connection.getresponse()
    return response.status, response.read()
