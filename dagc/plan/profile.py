"""`profile.json`: what the parts of a service cost on a machine; `dagc profile` makes it, beside graph.py.

It is committed. A build reads it and measures nothing, so two builds of the same files are the same. A session's
numbers count for the very model they were measured with.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from dagc.diagnostics import CompileError, Diagnostic
from dagc.plan.service_plan import Session

PROFILE_NAME = "profile.json"


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Spread(_Plain):
    """Half of the measured times were at most `p50_ms`, 99 % at most `p99_ms`."""

    p50_ms: float = Field(ge=0)
    p99_ms: float = Field(ge=0)


class Machine(_Plain):
    """Where it was measured, as far as it matters for the numbers; nothing that names a machine."""

    processor: str
    cpus: int = Field(ge=1)
    system: str
    python: str
    onnxruntime: str


class Front(_Plain):
    """From the client and back for a constant answer, one connection: where no step waits, and where one may.

    `run_ms` is what any run of a session takes besides itself: to be gathered, and its results handed back.
    """

    turn: Spread
    task: Spread
    run_ms: float = Field(ge=0)


class SessionProfile(_Plain):
    """What the runs of one model cost.

    `run` is a run of one example while serving, when other work has taken the processor's caches; `alone` and
    `together` are runs one after another of 1 and of `batch` examples, and a run of n examples of them costs about
    `fixed_ms + n * row_ms`.
    """

    name: str
    sha256: str
    run: Spread
    alone: Spread
    together: Spread
    batch: int = Field(ge=1)
    fixed_ms: float = Field(ge=0)
    row_ms: float = Field(ge=0)


class StepProfile(_Plain):
    """What one call of a Python step costs, with its waiting if it waits; `name` is `module.qualname`."""

    name: str
    call: Spread


class SessionUse(_Plain):
    """How often one request runs a session, and how many examples those runs hold in all; means."""

    runs: float = Field(ge=0)
    rows: float = Field(ge=0)


class EndpointProfile(_Plain):
    """One endpoint asked `requests` times by one client: its own costs, and how much it uses of the shared ones.

    `measured` is the whole request as that client saw it. Predictions are made without it and compared with it.
    """

    name: str
    requests: int = Field(ge=1)
    decode: Spread
    encode: Spread
    measured: Spread
    steps: dict[str, float]
    sessions: dict[str, SessionUse]


class Profile(_Plain):
    """All of `profile.json`; `version` is that of this form."""

    version: Literal[1] = 1
    dagc: str
    machine: Machine
    front: Front
    sessions: tuple[SessionProfile, ...]
    steps: tuple[StepProfile, ...]
    endpoints: tuple[EndpointProfile, ...]

    def document(self) -> JsonValue:
        """The file's content as JSON."""
        found: JsonValue = self.model_dump(mode="json")
        return found

    def of_session(self, sha256: str) -> SessionProfile | None:
        """What was measured with the model of this SHA-256 in hex."""
        return next((each for each in self.sessions if each.sha256 == sha256), None)

    def of_step(self, name: str) -> StepProfile | None:
        """What was measured of the step `module.qualname`."""
        return next((each for each in self.steps if each.name == name), None)

    def of_endpoint(self, name: str) -> EndpointProfile | None:
        """What was measured of the endpoint of this name."""
        return next((each for each in self.endpoints if each.name == name), None)


def read_profile(path: Path) -> Profile | None:
    """The profile in file `path`, or nothing when there is no such file.

    Raises:
        CompileError: the file is not a profile this dagc reads (E0512).
    """
    try:
        return Profile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        found = error.errors(include_input=False)[0] if isinstance(error, ValidationError) else None
        where = ".".join(str(part) for part in found["loc"]) if found else ""
        note = f"`{where}`: {found['msg']}" if found and where else "the file is not readable JSON"
        message = f"`{path.name}` is not a profile this dagc reads"
        help_ = "run `dagc profile` to write it anew"
        raise CompileError.of(Diagnostic("E0512", message, notes=(note,), help=help_)) from None


def outdated(profile: Profile | None, sessions: Sequence[Session]) -> Iterator[Diagnostic]:
    """A warning for each session that `profile` has no numbers of, because its model is another (W0503)."""
    if profile is None:
        return
    for session in sessions:
        if profile.of_session(session.sha256) is None:
            known = any(each.name == session.name for each in profile.sessions)
            why = "was measured with another model" if known else "was not measured"
            message = f"session `{session.name}` {why}, so `{PROFILE_NAME}` says nothing of it"
            help_ = "run `dagc profile` and commit what it writes"
            yield Diagnostic("W0503", message, notes=("its cost is estimated instead",), help=help_)
