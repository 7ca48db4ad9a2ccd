"""Questions and their right answers: as stored, or as the service gives them to a single client."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

TOLERANCE = 1e-4
"""Where none is stored: a run of many examples may round otherwise than a run of one."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request's body; the answer it must get, if known, every number within `tolerance` (absolute)."""

    name: str
    body: bytes
    response: JsonValue = None
    tolerance: float | None = None

    @classmethod
    def of(
        cls, name: str, request: JsonValue, response: JsonValue = None, tolerance: float | None = None
    ) -> "Question":
        """A question of JSON, spelt as short as JSON goes."""
        return cls(name, json.dumps(request, separators=(",", ":")).encode(), response, tolerance)


class Answers:
    """Tells right answers from wrong ones, most often by comparing bytes."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = tuple(questions)
        self._known: list[set[bytes]] = [set() for _ in self.questions]
        self._unchecked: set[int] = set()

    @property
    def unchecked(self) -> int:
        """Questions whose answers are not compared: asked twice alone, the service answered differently."""
        return len(self._unchecked)

    def learn(self, number: int, first: bytes, again: bytes) -> str | None:
        """Takes what a single client was answered, twice; what is wrong with it, if something is."""
        question = self.questions[number]
        if question.response is not None:
            return (
                None
                if self.is_right(number, first)
                else f"{question.name}: {first[:200].decode('utf-8', 'replace')}"
            )
        if not near(_parsed(again), _parsed(first), TOLERANCE):
            self._unchecked.add(number)
        self._known[number].update((first, again))
        return None

    def is_right(self, number: int, body: bytes) -> bool:
        """Whether this is the answer of question `number`."""
        known = self._known[number]
        if body in known or number in self._unchecked:
            return True
        question = self.questions[number]
        wanted = question.response if question.response is not None else _parsed(next(iter(known), b"null"))
        tolerance = TOLERANCE if question.tolerance is None else question.tolerance
        if not near(_parsed(body), wanted, tolerance):
            return False
        known.add(body)
        return True


def near(given: object, wanted: object, tolerance: float) -> bool:
    """Whether two JSON documents are equal but for numbers that are at most `tolerance` apart.

    What the answer has besides the members that are wanted is not looked at: stored answers may leave some out.
    """
    if isinstance(wanted, Mapping):
        return isinstance(given, Mapping) and all(
            key in given and near(given[key], wanted[key], tolerance) for key in wanted
        )
    if isinstance(wanted, list):
        if not isinstance(given, list) or len(given) != len(wanted):
            return False
        return all(near(one, other, tolerance) for one, other in zip(given, wanted, strict=True))
    if isinstance(wanted, float) and isinstance(given, int | float):
        return abs(given - wanted) <= tolerance
    return given == wanted


def _parsed(body: bytes) -> object:
    try:
        found: object = json.loads(body)
    except ValueError:
        return body
    return found
