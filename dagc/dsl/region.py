"""What a user's function returns when it is recorded as a region, and whether it can be called at all."""

import inspect
from collections.abc import Callable, Sequence

from dagc.dsl.arguments import not_a_value
from dagc.dsl.handle import Handle, as_value
from dagc.ir.graph import Value
from dagc.ir.types import TupleOf, Type
from dagc.trace.recorder import Recorder

Tell = Callable[[str, str], None]
"""Reports what a function returns that is no value, and what to return instead."""


def results(region: Recorder, result: object, tell: Tell) -> tuple[list[Value], Type]:
    """The values of what a function returned, and its type: that of a real tuple for a tuple."""
    items = several(result)
    values = [_result(region, item, tell) for item in items or [result]]
    types = tuple(value.type for value in values)
    return values, TupleOf(types) if items else types[0]


def several(result: object) -> list[object] | None:
    """The items of a result that is a real tuple."""
    return list(result) if isinstance(result, tuple) and result and not hasattr(result, "_fields") else None


def unsuitable(function: object, given: Sequence[str], example: str) -> tuple[str, str] | None:
    """Why a function cannot be called with these arguments, and what to write instead."""
    if isinstance(function, Handle):
        return "a value of the graph", f"write `{example}`"
    if not callable(function):
        return f"a `{type(function).__name__}`", f"write `{example}`"
    if inspect.iscoroutinefunction(function):
        return "an `async` function", "write a plain one: async steps are called in it without `await`"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return "a generator", "return the whole value"
    try:
        inspect.signature(function).bind(*given)
    except TypeError:
        name = getattr(function, "__name__", "function")
        shown = "a `lambda`" if name == "<lambda>" else f"`{name}`"
        wanted = "one parameter" if given else "no parameters"
        return f"{shown} with other parameters", f"give it {wanted}, and use other values of the body directly"
    except ValueError:  # a function of C without a signature
        return None
    return None


def _result(region: Recorder, item: object, tell: Tell) -> Value:
    found = as_value(region, item)
    if found is not None:
        return found
    message, help = not_a_value(item)
    if item is None:
        message, help = "nothing", "return a value of the graph, for example the result of a step"
    elif isinstance(item, list | dict | set | tuple):
        help = "return the values as one tuple, or let a step make it"
    tell(message, help)
    return region.unknown("result")
