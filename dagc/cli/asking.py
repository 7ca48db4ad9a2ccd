"""What a service is asked by `dagc bench` and `dagc profile`: stored requests first, else invented ones."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from dagc.bench.answers import Question
from dagc.bench.questions import Asked, UnfitServiceError, described
from dagc.cli.served import served
from dagc.cli.service_process import service_folder
from dagc.diagnostics import CompileError, Diagnostic

if TYPE_CHECKING:
    from dagc.compile import Compilation
    from dagc.evaluate.requests import NamedRequest

MOST = 64
"""Requests that are asked in turn; a stored test split may have thousands."""
SEED = 20_260_701


@dataclass(frozen=True, slots=True)
class Place:
    """A service to ask: its address, what each endpoint is asked, and its leading process, if we started it."""

    address: str
    endpoints: tuple[Asked, ...]
    pid: int | None = None


@contextmanager
def place(source: str, folder: Path, requests: Path | None) -> Iterator[Place]:
    """The service of a URL, or of a build or graph file that is served meanwhile; `folder` is there to write to.

    It is asked what is stored in the folder `requests`; without one, what is stored beside the graph file.

    Raises:
        CompileError: it cannot be built, served or asked.
    """
    if source.startswith(("http://", "https://")):
        address = source.rstrip("/")
        endpoints = [
            Asked(route.rpartition("/")[2], route, invented(schema, example))
            for route, schema, example in described(address)
        ]
        yield Place(address, tuple(_with_stored(endpoints, requests)))
        return
    path = Path(source)
    if path.is_dir():
        tree, endpoints = path, of_build(path)
    else:
        tree = folder / "build"
        endpoints = of_graph(path, tree)
    with served(service_folder(tree)) as running:
        yield Place(running.address, tuple(_with_stored(endpoints, requests)), running.pid)


def _with_stored(endpoints: Sequence[Asked], requests: Path | None) -> Iterator[Asked]:
    """The endpoints, asked what is stored in a folder where that holds something for them."""
    from dagc.evaluate.requests import stored_in

    named = stored_in(requests) if requests is not None else ()
    for endpoint in endpoints:
        yield replace(endpoint, questions=stored(named, endpoint.name) or endpoint.questions)


def stored(requests: Sequence["NamedRequest"], endpoint: str) -> tuple[Question, ...]:
    """What is stored for an endpoint: at most `MOST`, from the first to the last."""
    found = [
        Question.of(named.name, named.stored.request, named.stored.response, named.stored.tolerance)
        for named in requests
        if named.stored.graph in (None, endpoint)
    ]
    if len(found) <= MOST:
        return tuple(found)
    return tuple(found[at * len(found) // MOST] for at in range(MOST))


def of_build(build: Path) -> list[Asked]:
    """The endpoints of a build's plan, with invented requests: a build holds one stored request at most.

    Raises:
        CompileError: it holds no service (E0704).
    """
    from dagc.plan.service_plan import ServicePlan

    service_folder(build)
    plan = ServicePlan.model_validate_json((build / "plan.json").read_bytes())
    return [
        Asked(e.name, e.route, invented(e.request_schema, e.example), e.limits.deadline_s)
        for service in plan.services
        for e in service.endpoints
    ]


def of_graph(source: Path, out: Path) -> list[Asked]:
    """The endpoints of a graph file, built into `out`, with the requests stored beside it or invented ones."""
    from dagc.artifacts.write import write
    from dagc.cli.build import compiled

    compilation = compiled(source)
    write(compilation.tree, out)
    return asked(compilation)


def asked(compilation: "Compilation") -> list[Asked]:
    """The endpoints of a compilation, with stored requests where there are any."""
    requests = compilation.planned.requests
    return [
        Asked(
            e.name, e.route, stored(requests, e.name) or invented(e.request_schema, e.example), e.limits.deadline_s
        )
        for service in compilation.planned.plan.services
        for e in service.endpoints
    ]


def invented(schema: JsonValue, example: JsonValue) -> tuple[Question, ...]:
    """Requests that fit a schema, the same ones every time, after the example if there is one."""
    from dagc.evaluate.inputs import seeded_requests

    bodies = list(seeded_requests(schema, MOST, SEED))
    own = [Question.of("the example", example)] if example is not None else []
    return (*own, *(Question.of(f"seeded {number}", body) for number, body in enumerate(bodies)))


@contextmanager
def fit(source: str) -> Iterator[None]:
    """Turns what an unfit or absent service raises into diagnostics."""
    try:
        yield
    except UnfitServiceError as error:
        notes = (error.note,) if error.note else ()
        raise CompileError.of(Diagnostic(error.code, error.message, notes=notes)) from None
    except OSError as error:
        reason = (error.strerror or str(error) or type(error).__name__).lower()
        raise CompileError.of(Diagnostic("E0705", f"`{source}` does not answer", notes=(reason,))) from None
