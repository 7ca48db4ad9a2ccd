"""The waist of the hourglass: what backends know of a graph. Plain, frozen data with a JSON form and a schema."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from dagc.plan.access import Auth, Ingress
from dagc.plan.outside import Capacity, Resource, Setting
from dagc.plan.wire_types import WireType


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Operation = Literal["eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "list", "tuple"]
"""What main.py computes by itself, of Python values: to choose by, or to give to a step as a list or a tuple."""


class Argument(_Plain):
    """What one call receives: a variable, a member of one (`path`), the Python value it holds, or a constant.

    Exactly one of `name`, `operation` and `constant` is meant: without the first two it is the constant, which may
    itself be `None`. `item` turns a one-element array into its Python value after `path` is followed. With `dtype`
    the constant is an array of that dtype, written as nested lists. `operation` compares, joins or lists operands.
    """

    name: str | None = None
    path: tuple[str, ...] = ()
    item: bool = False
    constant: JsonValue = None
    dtype: str | None = None
    operation: Operation | None = None
    operands: tuple["Argument", ...] = ()


class CallStage(_Plain):
    """A Python step of the user's module, awaited when it waits for the world.

    It has one target, or one for each member of the tuple it returns; nobody reads a target `_`. The first
    `positional` arguments may go without their names. `guard` is what main.py calls the step together with its
    guard, where it has one. With `batch` requests share a call, and this is one item of its lists.
    """

    kind: Literal["call"] = "call"
    targets: tuple[str, ...]
    module: str
    qualname: str
    arguments: tuple[tuple[str, Argument], ...]
    positional: int = 0
    guard: str | None = None
    run: Literal["inline", "thread", "process"] = "inline"
    batch: bool = False
    waits: bool
    lines: tuple[str, ...]


class RunStage(_Plain):
    """One run of a session; `targets` follow the session's fetches (`_`: not read), `arguments` its feeds."""

    kind: Literal["run"] = "run"
    targets: tuple[str, ...]
    session: str
    arguments: tuple[Argument, ...]
    lines: tuple[str, ...]


class EachStage(_Plain):
    """A function of main.py's own, called for every item of a list, and all items advance together.

    `function` takes the item as `item`; its other values are those of the function it stands in, and their names
    are distinct. It runs `stages` and returns `result`. `waits` is true when one of its steps waits for the world.
    `line` is where the user wrote the function, `lines` where it is given to `dagc.each`.
    """

    kind: Literal["each"] = "each"
    target: str
    function: str
    item: str
    items: Argument
    max_items: int = Field(ge=1)
    stages: tuple["Stage", ...]
    result: tuple[Argument, ...]
    returns_tuple: bool
    waits: bool
    line: str
    lines: tuple[str, ...]


class Arm(_Plain):
    """What runs where one arm of a choice is taken, and what it gives.

    It is taken for the values of `case`, where `condition` holds, or for `share` of the keys; with none of them,
    when no other arm is.
    """

    case: tuple[JsonValue, ...] = ()
    condition: Argument | None = None
    share: float | None = None
    stages: tuple["Stage", ...]
    result: tuple[Argument, ...]


class ChooseStage(_Plain):
    """One of several arms: by the value `by` (switch), a condition (route, cascade) or the key `by` (split).

    `targets` are what the arm's result is called afterwards. A stage that waits beside others stands in a function
    of its own, called `function`.
    """

    kind: Literal["choose"] = "choose"
    how: Literal["switch", "route", "cascade", "split"]
    targets: tuple[str, ...]
    by: Argument | None
    seed: str = ""
    arms: tuple[Arm, ...]
    function: str | None = None
    waits: bool
    lines: tuple[str, ...]


class Branch(_Plain):
    """A function of main.py's own without parameters, which sees the values of the function it stands in."""

    function: str
    stages: tuple["Stage", ...]
    result: tuple[Argument, ...]
    returns_tuple: bool
    line: str


class Combination(_Plain):
    """What is made of so many answers of a quorum, which are called `answers`."""

    answers: tuple[str, ...]
    stages: tuple["Stage", ...]
    result: tuple[Argument, ...]


class StandStage(_Plain):
    """Branches beside each other: a primary and its backup, a champion and its challenger, a quorum's members.

    `node` is what metrics, logs and answers call it. Of a quorum `need` members have to answer, and `combinations`
    say what is made of `need` answers, of one more, and so on; a stage that waits beside others stands in a
    function of its own then, called `function`. `compare` is the user's function (module, name) of a shadow.
    """

    kind: Literal["stand"] = "stand"
    how: Literal["fallback", "shadow", "quorum"]
    node: str
    targets: tuple[str, ...]
    branches: tuple[Branch, ...]
    within_s: float | None = None
    need: int = 0
    compare: tuple[str, str] | None = None
    combinations: tuple[Combination, ...] = ()
    function: str | None = None
    waits: bool
    lines: tuple[str, ...]


class RemoteStage(_Plain):
    """A part of the graph that another service runs, always awaited. `remote` is what main.py calls it."""

    kind: Literal["remote"] = "remote"
    targets: tuple[str, ...]
    remote: str
    arguments: tuple[Argument, ...]
    lines: tuple[str, ...]


class TogetherStage(_Plain):
    """Waiting steps that do not need each other: they overlap."""

    kind: Literal["together"] = "together"
    calls: tuple[
        Annotated[CallStage | EachStage | ChooseStage | StandStage | RemoteStage, Field(discriminator="kind")], ...
    ]


Stage = Annotated[
    CallStage | TogetherStage | RunStage | EachStage | ChooseStage | StandStage | RemoteStage,
    Field(discriminator="kind"),
]


class Port(_Plain):
    """An input or output of a session for one example: dims hold sizes, names of free sizes, or `None`.

    `dims=None` means not even the rank is known. The batch axis is axis 0 in the model and not among the dims.
    """

    name: str
    dtype: str
    dims: tuple[int | str | None, ...] | None


class Session(_Plain):
    """One ONNX model loaded once by the service. `one_by_one` says why requests may not share a run of it.

    Those that share one agree on the feeds `agreed_on`; its first request waits `max_wait_ms` for others.

    `run_ms` is what a run of one example was measured to take; without it the service measures when it starts. A
    file called `reload` may take the model's place in the running service.
    """

    name: str
    model: str
    sha256: str
    feeds: tuple[Port, ...]
    fetches: tuple[Port, ...]
    parts: tuple[str, ...]
    lines: tuple[str, ...]
    max_batch: int = Field(ge=1)
    max_wait_ms: float = Field(default=0.0, ge=0)
    one_by_one: str | None = None
    agreed_on: tuple[str, ...] = ()
    run_ms: float | None = None
    reload: str | None = None


class StepGuard(_Plain):
    """What main.py calls `name`: a step that runs elsewhere or takes lists, is timed, retried or stood in for."""

    name: str
    module: str
    qualname: str
    timeout_s: float | None = None
    retries: int = 0
    fallback: tuple[str, str] | None = None
    run: Literal["inline", "thread", "process"] = "inline"
    batch: bool = False
    lines: tuple[str, ...]


class CostPart(_Plain):
    """What one part of a request is predicted to take, and how that is known; `None` milliseconds: it is not."""

    part: str
    ms: float | None
    source: Literal["measured", "estimated", "unknown"]


class Limits(_Plain):
    """What one endpoint accepts before it says no."""

    deadline_s: float = Field(gt=0)
    max_body_bytes: int = Field(gt=0)
    max_json_depth: int = Field(gt=0)
    max_queue: int = Field(gt=0)


class InferenceTensor(_Plain):
    """A tensor of one example in the Open Inference Protocol: its name, and where its value stands in JSON.

    `path` are members of the body or the answer, or the number of a tuple's member; the empty one is the whole. A
    `scalar` is a Python value and no array. `dtype` is that of a tensor, or `bytes`.
    """

    name: str
    path: tuple[str | int, ...]
    dtype: str
    dims: tuple[int | str | None, ...]
    scalar: bool = False
    optional: bool = False


class OpenInference(_Plain):
    """An endpoint's form in the Open Inference Protocol; a request holds up to `max_rows` examples."""

    inputs: tuple[InferenceTensor, ...]
    outputs: tuple[InferenceTensor, ...]
    max_rows: int = Field(ge=1)
    max_body_bytes: int = Field(ge=1)


class Endpoint(_Plain):
    """One graph behind `POST route`.

    `body` is the name of the parameter that is the whole request body, or `None` when the body is an object with
    one member per parameter. `waits` is true when some step waits for the world, which decides the driver:
    an asyncio task per request, or all requests of a loop turn driven together. `annotations` (one a parameter)
    and `returns` are the user's own, as main.py can write them, or `None`. `example` is a stored request. With
    `takes_bytes` the body may also be the bytes of the one parameter as they are.
    `auth` are the ways of knowing its callers; with none, those of the service's other endpoints, if any.
    `predicted` are the parts of the time one request takes when nobody else asks. `inference` is the endpoint in
    the Open Inference Protocol, or why it is not in it.
    """

    name: str
    version: str
    route: str
    module: str
    parameters: tuple[str, ...]
    body: str | None
    stages: tuple[Stage, ...]
    result: tuple[Argument, ...]
    returns_tuple: bool
    waits: bool
    limits: Limits
    request_schema: JsonValue
    response_schema: JsonValue
    summary: str
    line: str
    annotations: tuple[str | None, ...] = ()
    returns: str | None = None
    example: JsonValue = None
    takes_bytes: bool = False
    predicted: tuple[CostPart, ...] = ()
    auth: tuple[Auth, ...] = ()
    inference: OpenInference | str = ""


class Part(_Plain):
    """Nodes of a graph behind `POST route`, for another service of the plan; `name` is its function in main.py.

    `takes` and `gives` are what crosses the wire. `interface` changes with them, so that services of different
    builds do not misread each other.
    """

    name: str
    graph: str
    route: str
    parameters: tuple[str, ...]
    takes: tuple[WireType, ...]
    gives: tuple[WireType, ...]
    interface: str
    stages: tuple[Stage, ...]
    result: tuple[Argument, ...]
    returns_tuple: bool
    waits: bool
    limits: Limits
    lines: tuple[str, ...]


class Remote(_Plain):
    """A part as the service that asks for it knows it: `name` in main.py, the service, and what the part says.

    A call that `may_repeat` is tried once more where a connection fails. One that `waits` waits for the world over
    there. One request may call `items` times, once for each item of a list; those travel together. `parts` are the
    user's models and steps.
    """

    name: str
    service: str
    route: str
    takes: tuple[WireType, ...]
    gives: tuple[WireType, ...]
    interface: str
    may_repeat: bool
    waits: bool = False
    items: int = Field(default=1, ge=1)
    parts: tuple[str, ...]
    lines: tuple[str, ...]


class Service(_Plain):
    """One process image: its endpoints, the sessions they share and what its Python needs.

    `modules` are the user's modules main.py calls into, each with the name main.py knows it by. `calls` are the
    names of the services it calls, and of a plan's services only the first is called from outside: it has
    `endpoints` and `remotes`, the others have `parts`. `capacity` is `None` where the user named no service: the
    machine decides.
    """

    name: str
    modules: tuple[tuple[str, str], ...]
    endpoints: tuple[Endpoint, ...]
    sessions: tuple[Session, ...]
    requirements: tuple[str, ...]
    guards: tuple[StepGuard, ...] = ()
    settings: tuple[Setting, ...] = ()
    resources: tuple[Resource, ...] = ()
    ingress: Ingress | None = None
    capacity: Capacity | None = None
    calls: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    remotes: tuple[Remote, ...] = ()

    @property
    def source(self) -> str:
        """The user's file that the service is made from."""
        lines = [endpoint.line for endpoint in self.endpoints]
        lines += [line for part in self.parts for line in part.lines]
        return lines[0].rpartition(":")[0] if lines else ""

    @property
    def grpc(self) -> bool:
        """Whether it answers the Open Inference Protocol, and so over gRPC where it is given a port for that."""
        return any(isinstance(endpoint.inference, OpenInference) for endpoint in self.endpoints)


class ServicePlan(_Plain):
    """Everything the backends need, and nothing of how it was found. `sources` are the user's files by content."""

    name: str
    dagc_version: str
    services: tuple[Service, ...]
    sources: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]
