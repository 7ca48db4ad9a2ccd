"""main.py of a service: the user's graph as straight-line async Python, each line citing the one it came from.

What is called for every item of a list is a function inside the function it stands in.
Lines are made here as data; the template only puts them one below the other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dagc.artifacts.render import render
from dagc.backends.citations import cite, joined_parts
from dagc.backends.layout import (
    Expression,
    Group,
    Statement,
    call,
    indented,
    laid_out,
    literal,
    signature,
    targets,
)
from dagc.plan.service_plan import (
    Argument,
    CallStage,
    EachStage,
    Endpoint,
    RunStage,
    Service,
    Session,
    Stage,
    TogetherStage,
)

_Function = Endpoint | EachStage
"""What has stages and a result."""

_NUMPY_DTYPES = {
    "f16": "np.float16",
    "f32": "np.float32",
    "f64": "np.float64",
    "i8": "np.int8",
    "i16": "np.int16",
    "i32": "np.int32",
    "i64": "np.int64",
    "u8": "np.uint8",
    "u16": "np.uint16",
    "u32": "np.uint32",
    "u64": "np.uint64",
    "bool": "np.bool_",
    "str": "object",
}


def glue(service: Service, dagc_version: str) -> str:
    """The text of main.py, as `ruff format --line-length 115` leaves it."""
    known = dict(service.modules)
    values = {
        "service": service.name,
        "dagc_version": dagc_version,
        "source": _source_file(service),
        "imports": list(_imports(service)),
        "sessions": [line for session in service.sessions for line in laid_out(_opened(session))],
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
        "body": _body(endpoint, known, depth=1),
    }


def _source_file(service: Service) -> str:
    return service.endpoints[0].line.rpartition(":")[0]


def _imports(service: Service) -> Iterator[str]:
    stages = [stage for endpoint in service.endpoints for stage in _every(endpoint.stages)]
    if any(argument.dtype for argument in _arguments(service.endpoints, stages)):
        yield "import numpy as np"
        yield ""
    for module, name in service.modules:
        yield f"import {module}" if name == module else f"import {module} as {name}"
    used = {"each": EachStage, "together": TogetherStage}
    names = [name for name, kind in used.items() if any(isinstance(stage, kind) for stage in stages)]
    yield f"from dagc_runtime import {', '.join(('Service', *names))}"


def _every(stages: Iterable[Stage]) -> Iterator[Stage]:
    """The stages and all that stand in them."""
    for stage in stages:
        yield stage
        if isinstance(stage, TogetherStage):
            yield from _every(stage.calls)
        elif isinstance(stage, EachStage):
            yield from _every(stage.stages)


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


def _opened(session: Session) -> Statement:
    opened = call("service.session", [literal(session.name)])
    several = f"{joined_parts(session.parts)} in one session: " if len(session.parts) > 1 else ""
    return Statement(f"{session.name} = ", opened, f"{several}{cite(session.lines)}")


def _body(function: _Function, known: Mapping[str, str], depth: int) -> list[str]:
    """The lines of the stages, the last one behind `return` when its result is the answer."""
    lines: list[str] = []
    for at, stage in enumerate(function.stages, start=1):
        for inner in _functions(stage):
            lines += [*([""] if lines and lines[-1] else []), *_function(inner, known, depth), ""]
        if at == len(function.stages) and _is_answer(stage, function):
            return lines + laid_out(Statement("return ", _expression(stage, known), cite(_lines(stage))), depth)
        prefix = "" if set(_targets(stage)) == {"_"} else targets(_targets(stage), depth)
        lines += laid_out(Statement(prefix, _expression(stage, known), cite(_lines(stage))), depth)
    return lines + laid_out(Statement("return ", _result(function)), depth)


def _functions(stage: Stage) -> list[EachStage]:
    """The functions that have to stand before the stage."""
    return [
        one for one in (stage.calls if isinstance(stage, TogetherStage) else [stage]) if isinstance(one, EachStage)
    ]


def _function(stage: EachStage, known: Mapping[str, str], depth: int) -> list[str]:
    head = f"async def {stage.function}({stage.item}):  # {cite([stage.line])}"
    return [*indented([head], depth), *_body(stage, known, depth + 1)]


def _is_answer(stage: Stage, function: _Function) -> bool:
    wanted = tuple(Argument(name=target) for target in _targets(stage))
    one = len(wanted) == 1 and not function.returns_tuple
    several = len(wanted) > 1 and function.returns_tuple and not isinstance(stage, TogetherStage)
    return function.result == wanted and (one or several)


def _targets(stage: Stage) -> tuple[str, ...]:
    match stage:
        case CallStage() | RunStage():
            return stage.targets
        case TogetherStage():
            return tuple(_spread(_targets(one)) for one in stage.calls)
        case EachStage():
            return (stage.target,)


def _spread(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def _lines(stage: Stage) -> Iterable[str]:
    return [line for one in stage.calls for line in one.lines] if isinstance(stage, TogetherStage) else stage.lines


def _expression(stage: Stage, known: Mapping[str, str]) -> Group:
    match stage:
        case CallStage():
            return _awaitable(stage, known, "await " if stage.waits else "")
        case EachStage():
            return _awaitable(stage, known, "await ")
        case TogetherStage():
            return call("await together", [_awaitable(one, known, "") for one in stage.calls])
        case RunStage():
            return call(f"await {stage.session}", [_argument(argument) for argument in stage.arguments])


def _awaitable(stage: CallStage | EachStage, known: Mapping[str, str], awaited: str) -> Group:
    if isinstance(stage, EachStage):
        return call(f"{awaited}each", [stage.function, _argument(stage.items), f"max_items={stage.max_items}"])
    given = [
        _named("" if at < stage.positional else f"{name}=", _argument(argument))
        for at, (name, argument) in enumerate(stage.arguments)
    ]
    return call(f"{awaited}{known[stage.module]}.{stage.qualname}", given)


def _named(name: str, value: Expression) -> Expression:
    return (
        f"{name}{value}" if isinstance(value, str) else Group(f"{name}{value.opening}", value.items, value.closing)
    )


def _result(function: _Function) -> Expression:
    values = tuple(_argument(argument) for argument in function.result)
    if not function.returns_tuple:
        return values[0]
    if len(values) == 1:
        return Group("(", values, ",)")
    return Group("(", values, ")", bare=True)


def _argument(argument: Argument) -> Expression:
    if argument.name is None:
        return _constant(argument)
    members = "".join(f"[{member}]" if member.isdecimal() else f".{member}" for member in argument.path)
    return f"{argument.name}{members}{'.item()' if argument.item else ''}"


def _constant(argument: Argument) -> Expression:
    if argument.dtype is None:
        return literal(argument.constant)
    array = call("np.array", [literal(argument.constant), f"dtype={_NUMPY_DTYPES[argument.dtype]}"])
    return Group(array.opening, array.items, ").item()") if argument.item else array
