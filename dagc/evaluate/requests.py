"""The requests a user keeps beside a graph: what each build answers again and compares with what is written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from dagc.diagnostics import CompileError, Diagnostic


class StoredRequest(BaseModel):
    """One body, the answer it must get (if known), and how far numbers may be off (absolute).

    `graph` names the graph it is meant for; without it, every graph of the file is asked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    request: JsonValue
    response: JsonValue = None
    tolerance: float | None = Field(default=None, ge=0)
    graph: str | None = None

    @property
    def answered(self) -> bool:
        """Whether a response is stored; it may be `null`."""
        return "response" in self.model_fields_set


@dataclass(frozen=True, slots=True)
class NamedRequest:
    """A stored request and where it stands: `requests/budget.json`, or `requests/test_split.jsonl:17`."""

    name: str
    stored: StoredRequest


def stored_requests(folder: Path) -> tuple[NamedRequest, ...]:
    """What is stored beside a graph: every request in `folder/requests`, as `stored_in` reads it."""
    return stored_in(folder / "requests")


def stored_in(folder: Path) -> tuple[NamedRequest, ...]:
    """Every request in a folder: one in each `*.json`, one in each line of `*.jsonl`, by name and line.

    Raises:
        CompileError: a file does not hold what it should (E0803).
    """
    files = sorted([*folder.glob("*.json"), *folder.glob("*.jsonl")])
    return tuple(request for file in files for request in _read(file))


def _read(file: Path) -> Iterator[NamedRequest]:
    name = f"requests/{file.name}"
    text = file.read_text(encoding="utf-8", errors="replace")
    if file.suffix == ".json":
        yield NamedRequest(name, _parsed(name, text))
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield NamedRequest(f"{name}:{number}", _parsed(f"{name}:{number}", line))


def _parsed(name: str, text: str) -> StoredRequest:
    try:
        return StoredRequest.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        reason = f"{error.msg.lower()} at line {error.lineno}, column {error.colno}"
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        reason = f"`{place}`: {first['msg'].lower()}"
    raise CompileError.of(
        Diagnostic(
            "E0803",
            f"`{name}` is not a stored request",
            notes=(reason,),
            help='write {"request": ..., "response": ..., "tolerance": 1e-5}; only `request` is needed',
        )
    )
