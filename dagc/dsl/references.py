"""Functions that a service calls by name although no graph body does: comparisons, fallbacks of steps."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from dagc.dsl.branches import tell
from dagc.dsl.signatures import Declaration, import_problem

Function = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Reference:
    """What messages call the function, how many arguments it takes, and what such a function looks like."""

    title: str
    takes: int
    example: str


def called_by_name(function: object, reference: Reference) -> bool:
    """Whether a service can import the function and call it; reports E0198."""
    problem = reference_problem(function, reference)
    if problem is not None:
        tell("E0198", *problem)
    return problem is None


def reference_problem(function: object, reference: Reference) -> tuple[str, str] | None:
    """Why a service cannot call the function, and what to write instead."""
    plain = function.function if isinstance(function, Declaration) else function
    if isinstance(function, Declaration) and function.kind != "a step":
        return f"{reference.title} is {function.kind}", f"write a function: `{reference.example}`"
    if not callable(plain):
        return f"{reference.title} is a `{type(plain).__name__}`", f"write a function: `{reference.example}`"
    if inspect.iscoroutinefunction(plain):
        return f"{reference.title} is an `async` function", "it is called and not awaited: write a plain function"
    if (problem := import_problem(plain)) is not None:
        return f"a service cannot import {reference.title}: {problem[0]}", problem[1]
    try:
        inspect.signature(plain).bind(*[None] * reference.takes)
    except TypeError:
        count = (
            f"{reference.takes} argument{'s' if reference.takes != 1 else ''}"
            if reference.takes
            else "no argument"
        )
        return f"{reference.title} does not take {count}", f"write `{reference.example}`"
    except ValueError:  # a function of C without a signature
        return None
    return None


def reference_key(function: Function) -> tuple[str, str]:
    """Module and qualified name, by which a service imports it."""
    plain = function.function if isinstance(function, Declaration) and function.function else function
    return getattr(plain, "__module__", ""), getattr(plain, "__qualname__", "")
