"""Functions of dagc that are called with other arguments than they take: told at the user's line, with a code.

Python's own `TypeError` would name a function of ours and a line the user has not written.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from dagc.diagnostics import Diagnostic
from dagc.diagnostics.suggest import closest
from dagc.dsl.handle import Handle
from dagc.trace.recorder import here, mistake, recording
from dagc.trace.spans import caller_place

P = ParamSpec("P")
R = TypeVar("R")

_GIVEN_ANYWAY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def complete(example: str, *, code: str = "E0180") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator that checks the arguments of a call before it is made; `example` is a right one.

    In a graph body a wrong call gives an unknown value, and the body goes on.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        """The function behind the check."""
        signature = inspect.signature(function)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            """Its result, or what stands for one after a mistake."""
            problem = _problem(signature, args, kwargs)
            if problem is None:
                return function(*args, **kwargs)
            message = f"`dagc.{function.__name__}` {problem}"
            mistake(Diagnostic.at(code, message, here(callers_folder()), "called here", help=f"write `{example}`"))
            return unknown(function.__name__)  # type: ignore[return-value]  # what stands for any result

        return call

    return decorated


def unknown(stem: str) -> Handle:
    """What stands for the result of a mistaken call; outside a recording every mistake raises."""
    recorder = recording()
    if recorder is None:
        raise AssertionError("outside a recording every mistake raises")
    return Handle(recorder, recorder.unknown(stem))


def callers_folder() -> Path:
    """The folder of the file in which dagc is called."""
    place = caller_place()
    return Path(place.file).resolve().parent if place else Path.cwd()


def _problem(signature: inspect.Signature, values: tuple[object, ...], named: dict[str, object]) -> str | None:
    """What is wrong with the arguments, as the end of a sentence about the function."""
    parameters = signature.parameters
    open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    for name in named:
        if name not in parameters and not open_ended:
            near = closest(name, parameters)
            return f"takes no `{name}=`" + (f", but a `{near}=`" if near else "")
    try:
        given = signature.bind_partial(*values, **named).arguments
    except TypeError as error:
        return f"is called wrong: {error}"
    missing = [
        f"`{name}`"
        for name, parameter in parameters.items()
        if name not in given
        and parameter.default is inspect.Parameter.empty
        and parameter.kind not in _GIVEN_ANYWAY
    ]
    return f"is called without {' and '.join(missing)}" if missing else None
