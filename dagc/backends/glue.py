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
from dagc.plan.service_plan import (
    Argument,
    CallStage,
    ChooseStage,
    EachStage,
    Endpoint,
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
        "source": _source_file(service),
        "imports": list(_imports(service)),
        "sessions": [line for opened in _opened_once(service, known) for line in laid_out(opened)],
        "endpoints": [_endpoint(endpoint, known) for endpoint in service.endpoints],
    }
    return render("main.py.j2", values)


def _endpoint(endpoint: Endpoint, known: Mapping[str, str]) -> dict[str, object]:
    annotated = zip(endpoint.parameters, endpoint.annotations or [None] * len(endpoint.parameters), strict=True)
    parameters = [f"{name}: {annotation}" if annotation else name for name, annotation in annotated]
    returns = f" -> {endpoint.returns}:" if endpoint.returns else ":"
    return {
        "function": f"{known[endpoint.module]}.{endpoint.name}",
        "signature": signature(f"async def {endpoint.name}", parameters, returns),
        "body": function_lines(endpoint, known, depth=1),
    }


def _source_file(service: Service) -> str:
    return service.endpoints[0].line.rpartition(":")[0]


def _imports(service: Service) -> Iterator[str]:
    stages = [stage for endpoint in service.endpoints for stage in every_stage(endpoint.stages)]
    if any(map(_holds_array, _arguments(service.endpoints, stages))):
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


def _arguments(endpoints: Iterable[Endpoint], stages: Iterable[Stage]) -> Iterator[Argument]:
    for endpoint in endpoints:
        yield from endpoint.result
    for stage in stages:
        match stage:
            case CallStage():
                yield from (argument for _, argument in stage.arguments)
            case RunStage():
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
    yield from (_guarded(guard, known) for guard in service.guards)


def _guarded(guard: StepGuard, known: Mapping[str, str]) -> Statement:
    named = [f"{known[guard.module]}.{guard.qualname}"]
    if guard.fallback is not None:
        module, name = guard.fallback
        named.append(f"fallback={known[module]}.{name}")
    return Statement(f"{guard.name} = ", call("service.step", named), cite(guard.lines))


def _opened(session: Session) -> Statement:
    opened = call("service.session", [literal(session.name)])
    several = f"{joined_parts(session.parts)} in one session: " if len(session.parts) > 1 else ""
    return Statement(f"{session.name} = ", opened, f"{several}{cite(session.lines)}")
