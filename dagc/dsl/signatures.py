"""Functions as the compiler sees them: where they can be imported from, and how a call meets their parameters."""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from dagc.diagnostics import Diagnostic, Span
from dagc.diagnostics.suggest import did_you_mean
from dagc.dsl.annotations import AnnotationError, Contract
from dagc.trace.source import definition_place, field_place, parameter_place
from dagc.trace.spans import Place

Function = Callable[..., object]


class Declaration:
    """What dagc makes of a user's function or model; `kind` names it in messages, `function` is what it wraps."""

    kind: ClassVar[str]
    function: Function | None = None


def definition_span(function: object, root: Path) -> Span | None:
    """The name in the `def` or `class` statement."""
    place = definition_place(function)
    return place.span(root) if place else None


def declared_span(function: object, used: Place | None, root: Path) -> Span | None:
    """Where a function is defined, else where it is used; what is a declaration itself, where it is used."""
    span = used.span(root) if used else None
    if isinstance(function, Declaration):
        return span
    return definition_span(function, root) or span


def parameter_span(function: object, name: str, root: Path) -> Span | None:
    """The declaration of a parameter, else of its function."""
    place = parameter_place(function, name)
    return (place.span(root) if place else None) or definition_span(function, root)


def annotation_mistakes(
    function: object, error: AnnotationError, root: Path, used: Place | None = None
) -> Iterator[Diagnostic]:
    """The mistakes of a signature, each at its parameter or at the field of a record that all its users share.

    Those of a foreign function are one, where it is used.
    """
    if definition_span(function, root) is None:
        span = used.span(root) if used else None
        help = "write a function of your own around it, with annotations"
        yield Diagnostic.at(error.code, error.message, span, "used here", help=help)
        return
    for mistake in (error, *error.others):
        message, span = _told_at_field(mistake, root) or (
            mistake.message,
            parameter_span(function, mistake.parameter or "", root),
        )
        yield Diagnostic.at(mistake.code, message, span, "declared here", help=mistake.help or None)


def _told_at_field(mistake: AnnotationError, root: Path) -> tuple[str, Span] | None:
    """What is said at a field of a user's record, if it is that which is mistaken."""
    if mistake.field is None:
        return None
    place = field_place(mistake.field.owner, mistake.field.name)
    span = place.span(root) if place else None
    return (mistake.field.message, span) if span else None


def import_problem(function: object) -> tuple[str, str] | None:
    """Why a service could not import the function by module and name, with what to do; nothing when it can."""
    name = getattr(function, "__qualname__", None)
    if inspect.ismethod(function):
        owner = function.__self__ if isinstance(function.__self__, type) else type(function.__self__)
        help = "write a function at the top level of the module that calls it"
        return f"it is a method, bound to a `{owner.__name__}`", help
    if not isinstance(name, str):
        return f"a `{type(function).__name__}` has no name to import", "write a function with `def`"
    if "<lambda>" in name:
        return "a lambda has no name to import", "write a function with `def` at the top level of a module"
    if "<locals>" in name:
        outer = name.split(".")[0]
        return (
            f"`{name.rpartition('.')[2]}` is defined inside `{outer}`",
            "move it to the top level of the module, and pass what it captured as parameters",
        )
    found: object = sys.modules.get(getattr(function, "__module__", ""))
    for part in name.split("."):
        found = getattr(found, part, None)
    if getattr(found, "function", found) is not function:
        return (
            f"`{name}` of module `{getattr(function, '__module__', '?')}` is another object by now",
            "give each function its own name",
        )
    return None


def unusual_kind(function: object) -> str | None:
    """What else than a function that returns one result it is; nothing when it is one."""
    if isinstance(function, Declaration):
        return f"{function.kind} already"
    if inspect.isasyncgenfunction(function):
        return "an async generator"
    return "a generator" if inspect.isgeneratorfunction(function) else None


def bound_arguments(
    contract: Contract, values: Sequence[object], named: Mapping[str, object]
) -> tuple[dict[str, object], list[tuple[str, str]]]:
    """The given arguments by parameter, in the order of the parameters, and what is wrong (message, help)."""
    names = [parameter.name for parameter in contract.parameters]
    positional = [parameter.name for parameter in contract.parameters if not parameter.keyword_only]
    bound = dict(zip(positional, values, strict=False))
    wrong: list[tuple[str, str]] = []
    if len(values) > len(positional):
        message = f"`{contract.name}` takes {len(positional)} by position, and {len(values)} are given"
        wrong.append((message, f"its parameters are {_listed(names)}"))
    for name, value in named.items():
        if name not in names:
            wrong.append((f"`{contract.name}` has no parameter `{name}`", did_you_mean(name, names)))
        elif name in bound:
            wrong.append((f"`{contract.name}` is given `{name}` twice", "give it by position or by name"))
        bound[name] = value
    missing = [p.name for p in contract.parameters if p.required and p.name not in bound]
    if missing and not wrong:
        message = f"`{contract.name}` is called without {_listed(missing)}"
        wrong.append((message, "pass it, or give the parameter a default"))
    return {name: bound[name] for name in names if name in bound}, wrong


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
