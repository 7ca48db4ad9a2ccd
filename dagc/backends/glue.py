"""main.py of a service: the user's graph as straight-line async Python, each line citing the one it came from.

What is called for every item of a list is a function inside the function it stands in.
Lines are made here as data; the template only puts them one below the other.
"""

from collections.abc import Iterable, Iterator, Mapping

from dagc.artifacts.render import render
from dagc.backends.citations import cite, joined_parts
from dagc.backends.layout import Statement, call, laid_out, literal, signature
from dagc.backends.statements import function_lines
from dagc.plan.nesting import every_stage
from dagc.plan.outside import Resource
from dagc.plan.service_plan import (
    Argument,
    CallStage,
    ChooseStage,
    EachStage,
    Endpoint,
    Part,
    Remote,
    RemoteStage,
    RunStage,
    Service,
    Session,
    Stage,
    StandStage,
    StepGuard,
    TogetherStage,
)


def glue(service: Service, dagc_version: str) -> str:
    """The text of main.py, as `ruff format --line-length 115` leaves it."""
    known = dict(service.modules)
    values = {
        "service": service.name,
        "dagc_version": dagc_version,
        "source": service.source,
        "imports": list(_imports(service)),
        "sessions": [line for opened in _opened_once(service, known) for line in laid_out(opened)],
        "endpoints": [
            *(_endpoint(endpoint, known) for endpoint in service.endpoints),
            *(_part(part, known) for part in service.parts),
        ],
        "ingress": [line for front in _front(service, known) for line in laid_out(front)],
    }
    return render("main.py.j2", values)


def _endpoint(endpoint: Endpoint, known: Mapping[str, str]) -> dict[str, object]:
    annotated = zip(endpoint.parameters, endpoint.annotations or [None] * len(endpoint.parameters), strict=True)
    parameters = [f"{name}: {annotation}" if annotation else name for name, annotation in annotated]
    returns = f" -> {endpoint.returns}:" if endpoint.returns else ":"
    return {
        "decorator": f"service.endpoint({known[endpoint.module]}.{endpoint.name})",
        "signature": signature(f"async def {endpoint.name}", parameters, returns),
        "body": function_lines(endpoint, known, depth=1),
    }


def _front(service: Service, known: Mapping[str, str]) -> Iterator[Statement]:
    """The application in front; it is told last, when all that it may call is there."""
    if (front := service.ingress) is not None:
        yield Statement("", call("service.ingress", [f"{known[front.module]}.{front.name}"]), cite([front.line]))


def _part(part: Part, known: Mapping[str, str]) -> dict[str, object]:
    return {
        "decorator": "service.part",
        "signature": signature(f"async def {part.name}", part.parameters, ":"),
        "body": function_lines(part, known, depth=1),
    }


def _imports(service: Service) -> Iterator[str]:
    served: tuple[Endpoint | Part, ...] = (*service.endpoints, *service.parts)
    stages = [stage for one in served for stage in every_stage(one.stages)]
    if any(map(_holds_array, _arguments(served, stages))):
        yield "import numpy as np"
        yield ""
    for module, name in service.modules:
        yield f"import {module}" if name == module else f"import {module} as {name}"
    used = sorted({word for stage in stages if (word := _imported(stage)) is not None})
    yield f"from dagc_runtime import {', '.join(('Service', *used))}"


def _imported(stage: Stage) -> str | None:
    """The function of the runtime that a stage calls."""
    match stage:
        case EachStage():
            return "each"
        case TogetherStage():
            return "together"
        case ChooseStage(how="split"):
            return "share_of"
        case StandStage(how=how):
            return how
        case _:
            return None


def _arguments(served: Iterable[Endpoint | Part], stages: Iterable[Stage]) -> Iterator[Argument]:
    for one in served:
        yield from one.result
    for stage in stages:
        match stage:
            case CallStage():
                yield from (argument for _, argument in stage.arguments)
            case RunStage() | RemoteStage():
                yield from stage.arguments
            case EachStage():
                yield from (stage.items, *stage.result)
            case ChooseStage():
                yield from (result for arm in stage.arms for result in arm.result)
            case StandStage():
                yield from (result for branch in stage.branches for result in branch.result)
                yield from (result for one in stage.combinations for result in one.result)


def _holds_array(argument: Argument) -> bool:
    return argument.dtype is not None or any(map(_holds_array, argument.operands))


def _opened_once(service: Service, known: Mapping[str, str]) -> Iterator[Statement]:
    yield from map(_opened, service.sessions)
    yield from (_resource(resource, known) for resource in service.resources)
    yield from (_guarded(guard, known) for guard in service.guards)
    yield from map(_asked, service.remotes)


def _guarded(guard: StepGuard, known: Mapping[str, str]) -> Statement:
    named = [f"{known[guard.module]}.{guard.qualname}"]
    if guard.fallback is not None:
        module, name = guard.fallback
        named.append(f"fallback={known[module]}.{name}")
    return Statement(f"{guard.name} = ", call("service.step", named), cite(guard.lines))


def _resource(resource: Resource, known: Mapping[str, str]) -> Statement:
    declared = call("service.resource", [f"{known[resource.module]}.{resource.name}"])
    return Statement("", declared, f"{resource.setting}: {cite(resource.lines)}")


def _asked(remote: Remote) -> Statement:
    said = f"{joined_parts(remote.parts)} on service {remote.service}: {cite(remote.lines)}"
    return Statement(f"{remote.name} = ", call("service.remote", [literal(remote.name)]), said)


def _opened(session: Session) -> Statement:
    opened = call("service.session", [literal(session.name)])
    several = f"{joined_parts(session.parts)} in one session: " if len(session.parts) > 1 else ""
    said = "its file may be replaced while it serves: " if session.reload else several
    return Statement(f"{session.name} = ", opened, f"{said}{cite(session.lines)}")
