"""Resources of the user's modules: what steps ask for, what the graph records of it, which files go along."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

from dagc.diagnostics import Diagnostic, Span
from dagc.dsl.annotations import Contract
from dagc.dsl.resource_parameters import AnyResource, Asked, home
from dagc.dsl.resources import default_file, resource_mistakes, resource_span, setting_mistakes
from dagc.dsl.signatures import parameter_span
from dagc.ir.ops import ResourceKind, ResourceUse
from dagc.resources import Http, KeyValue, Sql

Function = Callable[..., object]


def declared_mistakes(modules: Iterable[ModuleType], root: Path) -> Iterator[Diagnostic]:
    """What is wrong with the resources that the modules declare."""
    found = _declared(modules)
    for resource in found:
        yield from resource_mistakes(resource, root)
    yield from setting_mistakes(found, root)


def default_files(asked: Iterable[Asked]) -> tuple[Path, ...]:
    """The files of embedded defaults that steps read."""
    return tuple(sorted({file for each in asked if (file := default_file(each.resource)) is not None}))


def asking_mistakes(function: Function, declared: Contract, root: Path) -> Iterator[Diagnostic]:
    """E0365 where a service could not find what a parameter asks for, and where the step cannot wait for it."""
    for each in declared.asked:
        span = parameter_span(function, each.parameter, root)
        if home(each.resource, function) is None:
            message = f"parameter `{each.parameter}` of `{declared.name}` asks for a resource without a name"
            help_ = "declare it at the top level of the step's module, where a service finds it, and name it here"
            yield Diagnostic.at("E0365", message, span, "asked for here", help=help_)
        if not declared.is_async:
            message = (
                f"step `{declared.name}` asks for a resource, and is not `async`: it cannot wait for an answer"
            )
            yield Diagnostic.at(
                "E0365", message, span, "asked for here", help=f"write `async def {declared.name}`"
            )


def graph_asking_mistakes(function: Function, declared: Contract, root: Path) -> Iterator[Diagnostic]:
    """E0367 for each resource that a graph asks for, in whose body nobody can use it."""
    for each in declared.asked:
        message = f"graph `{declared.name}` asks for the resource `{each.parameter}`, which is no value of a graph"
        span = parameter_span(function, each.parameter, root)
        help_ = "let the step that needs it ask for it"
        yield Diagnostic.at("E0367", message, span, "asked for here", help=help_)


def given_in_body(declared: Contract, named: Mapping[str, object], span: Span | None) -> Iterator[Diagnostic]:
    """E0367 for each resource that a graph body gives a step."""
    for name in declared.resources:
        if name in named:
            message = (
                f"step `{declared.name}` is given `{name}` in a graph body, and a resource is no value of a graph"
            )
            help_ = f"leave `{name}` out: a service gives it; a test passes another when it calls the step itself"
            yield Diagnostic.at("E0367", message, span, "given here", help=help_)


def resource_uses(declared: Contract, function: Function, root: Path) -> tuple[ResourceUse, ...]:
    """What a call of the step asks for; that each has a name was checked before."""
    return tuple(
        _use(each.parameter, each.resource, place, root)
        for each in declared.asked
        if (place := home(each.resource, function)) is not None
    )


def _use(parameter: str, resource: AnyResource, place: tuple[str, str], root: Path) -> ResourceUse:
    default = resource.default
    if default is None and isinstance(resource, Http) and resource.stand_in is not None:
        default = getattr(resource.stand_in, "__name__", "a function")
    span = resource_span(resource, root)
    return ResourceUse(parameter, resource.setting, _kind(resource), *place, default, span)


def _kind(resource: AnyResource) -> ResourceKind:
    match resource:
        case Sql():
            return "sql"
        case KeyValue():
            return "keyvalue"
        case Http():
            return "http"


def _declared(modules: Iterable[ModuleType]) -> tuple[AnyResource, ...]:
    values = (value for module in modules for value in vars(module).values())
    return tuple({id(value): value for value in values if isinstance(value, Sql | KeyValue | Http)}.values())
