"""The numbers of a service (service.json) as frozen data, and the one error that stops a start.

They stand beside the glue as data so that a person can change a deadline without reading code.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from .wire.types import WireType


class StartError(Exception):
    """Why a service does not start: a word for programs and a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Limits:
    """What one endpoint accepts before it says no. `max_queue` counts requests accepted and not yet answered."""

    deadline_s: float
    max_body_bytes: int
    max_json_depth: int
    max_queue: int


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """A node whose answers may be degraded, or which is watched: what metrics and headers call it."""

    name: str
    kind: Literal["fallback", "quorum", "shadow", "retry", "remote"]
    members: int = 0


@dataclass(frozen=True, slots=True)
class KeyAuth:
    """Callers are known by a key that stands in a setting."""

    kind: Literal["api_key"]
    setting: str


@dataclass(frozen=True, slots=True)
class TokenAuth:
    """Callers are known by tokens that a public key in a setting has signed."""

    kind: Literal["jwt"]
    setting: str
    issuer: str
    audience: str
    scopes: tuple[str, ...] = ()


Auth = KeyAuth | TokenAuth


@dataclass(frozen=True, slots=True)
class InferenceTensor:
    """A tensor of the Open Inference Protocol, of one example: where its value stands in the body or the answer.

    `path` are members of JSON, or a number of a tuple's; the empty one is the whole. A `scalar` is a Python value.
    """

    name: str
    path: tuple[str | int, ...]
    dtype: str
    dims: tuple[int | str | None, ...]
    scalar: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class InferenceSettings:
    """An endpoint in the Open Inference Protocol; a request holds up to `max_rows` examples."""

    inputs: tuple[InferenceTensor, ...]
    outputs: tuple[InferenceTensor, ...]
    max_rows: int
    max_body_bytes: int


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """One graph behind `POST route`; `body` names the parameter that is the whole request body, if one is.

    With `takes_bytes` the body may also be the bytes of its one parameter as they are (an image). `auth` are the
    ways of knowing its callers, one of which has to.
    """

    name: str
    version: str
    route: str
    body: str | None
    parameters: tuple[str, ...]
    waits: bool
    limits: Limits
    takes_bytes: bool = False
    nodes: tuple[NodeSettings, ...] = ()
    auth: tuple[Auth, ...] = ()
    inference: InferenceSettings | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a session for one example: no batch axis; free dims are names or `None`."""

    name: str
    dtype: str
    dims: tuple[int | str | None, ...] | None


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """One model file. `one_by_one` says why requests may not share a run of it.

    Those that share one agree on the feeds `agreed_on`.
    The first request of a run waits up to `max_wait_ms` for others.
    `run_ms` is how long a run of one example is expected to take; without it the warm-up measures. A file
    called `reload` may take the model's place while the service runs.
    """

    name: str
    model: str
    sha256: str
    feeds: tuple[Port, ...]
    fetches: tuple[Port, ...]
    max_batch: int
    one_by_one: str | None = None
    run_ms: float | None = None
    reload: str | None = None
    max_wait_ms: float = 0.0
    agreed_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """A step, as `module.name`, with the time of one attempt and how many further ones there may be.

    `run` is where it runs. With `max_batch` it takes lists, of at most so many items, and requests share a call.
    """

    step: str
    timeout_s: float | None = None
    retries: int = 0
    run: Literal["inline", "thread", "process"] = "inline"
    max_batch: int | None = None


@dataclass(frozen=True, slots=True)
class IngressSettings:
    """The application in front: the longest body it is given, and who may use it unless it is `open`."""

    max_body_bytes: int
    auth: tuple[Auth, ...] = ()
    open: bool = False


@dataclass(frozen=True, slots=True)
class PartSettings:
    """A part that this service runs, as service.json has it."""

    name: str
    route: str
    parameters: tuple[str, ...]
    takes: tuple[WireType, ...]
    gives: tuple[WireType, ...]
    interface: str
    waits: bool
    limits: Limits
    nodes: tuple[NodeSettings, ...] = ()

    def endpoint(self) -> EndpointSettings:
        """The part as an endpoint."""
        return EndpointSettings(
            self.name, "0", self.route, None, self.parameters, self.waits, self.limits, nodes=self.nodes
        )


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """A part, as service.json has it."""

    name: str
    service: str
    route: str
    takes: tuple[WireType, ...]
    gives: tuple[WireType, ...]
    interface: str
    may_repeat: bool = False
    waits: bool = False

    @property
    def edge(self) -> str:
        """What metrics call it: `compute/fraud/score`."""
        return f"{self.service}{self.route.removeprefix('/internal')}"


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """All of service.json; `steps` are the Python steps that main.py calls, as `module.name`."""

    service: str
    dagc_version: str
    endpoints: tuple[EndpointSettings, ...]
    sessions: tuple[SessionSettings, ...]
    steps: tuple[str, ...] = ()
    guards: tuple[GuardSettings, ...] = ()
    ingress: IngressSettings | None = None
    parts: tuple[PartSettings, ...] = ()
    remotes: tuple[RemoteSettings, ...] = ()


def load_settings(path: Path) -> ServiceSettings:
    """The settings in the file `path`.

    Raises:
        StartError: `settings_missing`, or `settings_broken` with the first member that is wrong.
    """
    text = read_file(path, "settings")
    try:
        return TypeAdapter(ServiceSettings).validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        place = f" at `{where}`" if where else ""
        raise StartError("settings_broken", f"`{path.name}`{place}: {first['msg']}") from None


def read_file(path: Path, what: str) -> bytes:
    """The bytes of a file of the service's folder.

    Raises:
        StartError: `{what}_missing`.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartError(f"{what}_missing", f"cannot read `{path.name}`: {error.strerror}") from None
