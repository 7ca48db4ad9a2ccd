"""`each`: a function called once for every item of a list.

In a graph body the function runs once, on one symbolic item, and becomes a region whose captures are explicit;
elsewhere it is a plain loop, which is what the service must answer like.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

from dagc.diagnostics import Diagnostic, Span
from dagc.dsl.arguments import not_a_value
from dagc.dsl.eager import refuse_inside_step
from dagc.dsl.handle import Handle, as_value, value_of
from dagc.dsl.refuse import Refuse
from dagc.dsl.signatures import definition_span
from dagc.ir.graph import Graph, Value
from dagc.ir.ops import Each
from dagc.ir.types import ListOf, Optional, Record, Tensor, TupleOf, Type, Unknown
from dagc.trace.recorder import Recorder, here, mistake, recording, recording_with
from dagc.trace.spans import caller_place

P = ParamSpec("P")
Item = TypeVar("Item")
Result = TypeVar("Result")

_EXAMPLE = "`dagc.each(crops, lambda crop: recognise(crop), max_items=64)`"


def _complete(function: Callable[P, Result]) -> Callable[P, Result]:
    """The function with its arguments counted first: what Python would raise is told at the user's line."""
    signature = inspect.signature(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> Result:
        try:
            given = signature.bind_partial(*args, **kwargs).arguments
            missing = [name for name in signature.parameters if name not in given]
            problem = f"without {' and '.join(f'`{name}`' for name in missing)}" if missing else None
        except TypeError as error:
            problem = f"wrong: {error}"
        if problem is None:
            return function(*args, **kwargs)
        _report("E0171", f"`dagc.each` is called {problem}", f"write {_EXAMPLE}")
        return _unknown()  # type: ignore[return-value]

    return call


@_complete
def each(items: Sequence[Item], function: Callable[[Item], Result], *, max_items: int) -> list[Result]:
    """What `function` gives for each item, in the order of the items; no items give an empty list.

    The items of all requests that are served together share model runs.

    Args:
        items: a list: a parameter, a field of a record, or the result of a step.
        function: takes one item; a lambda, a function, a step, a model or a graph. It may use other values of the
            body it stands in.
        max_items: how many items a request may have; one with more is refused (422).
    """
    refuse_inside_step("function", "dagc.each", _folder())
    recorder = recording()
    if not _is_sound(function, max_items):
        return _unknown()  # type: ignore[return-value]
    if recorder is None:
        return [function(item) for item in _bounded(items, max_items)]
    return _recorded(recorder, items, function, max_items)  # type: ignore[return-value]  # a handle in a body


def _recorded(recorder: Recorder, items: object, function: Callable[..., object], max_items: int) -> Handle:
    if not isinstance(items, Handle):
        _report("E0170", *_not_a_list(items))
        return _unknown()
    value = value_of(items)
    if not isinstance(value.type, ListOf | Unknown):
        _report("E0170", f"`dagc.each` goes through a list, and `{value.id}` is `{value.type}`", _remedy(value))
        return _unknown()
    span = recorder.here()
    region = recorder.region(span)
    body = _body(region, value.type, function, span)
    op = Each(body, max_items)
    stems = (f"{body.inputs[0].id}_results",)
    inputs = (value, *region.captures)
    (output,) = recorder.record(op, inputs, (ListOf(body.returns),), body.name, stems=stems, span=span)
    return Handle(recorder, output)


def _body(region: Recorder, items: ListOf | Unknown, function: Callable[..., object], call: Span | None) -> Graph:
    """One run of the function on a symbolic item, as a region."""
    type = items.item if isinstance(items, ListOf) else items
    plain = inspect.isfunction(function)
    span = (definition_span(function, region.root) if plain else None) or call
    item = region.input(_parameter(function), type, span)
    named = plain and function.__name__ != "<lambda>"
    name = function.__name__ if named else f"each_{item.id}"
    with recording_with(region):
        outputs, returns = _results(region, function(Handle(region, item)))
    return region.body(name, outputs, returns, span or Span(f"{function.__module__}.py", 1))


def _results(region: Recorder, result: object) -> tuple[list[Value], Type]:
    """The values of a result, and its type: that of a real tuple for a tuple."""
    several = isinstance(result, tuple) and not hasattr(result, "_fields") and bool(result)
    items = list(result) if isinstance(result, tuple) and several else [result]
    values = [_result(region, item) for item in items]
    types = tuple(value.type for value in values)
    return values, TupleOf(types) if several else types[0]


def _result(region: Recorder, item: object) -> Value:
    found = as_value(region, item)
    if found is not None:
        return found
    message, help = not_a_value(item)
    if item is None:
        message, help = "nothing", "return a value of the graph, for example the result of a step"
    elif isinstance(item, list | dict | set | tuple):
        help = "return the values as one tuple, or let a step make it"
    _report("E0175", f"the function given to `dagc.each` returns {message}", help)
    return region.unknown("each")


def _parameter(function: Callable[..., object]) -> str:
    """The name the function gives its item."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return "item"
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return next((parameter.name for parameter in parameters if parameter.kind in kinds), "item")


def _is_sound(function: object, max_items: object) -> bool:
    if not isinstance(max_items, int) or isinstance(max_items, bool) or max_items < 1:
        shown = max_items if isinstance(max_items, int | float | str) else type(max_items).__name__
        message = f"`max_items` of `dagc.each` is a whole number from 1, not `{shown}`"
        _report("E0172", message, "write a constant: the most items one request may have")
        return False
    if (problem := _unsuitable(function)) is not None:
        message, help = problem
        _report("E0173", f"`dagc.each` calls its function with one item, and this is {message}", help)
        return False
    return True


def _unsuitable(function: object) -> tuple[str, str] | None:
    """Why a function cannot be called with an item, and what to write instead."""
    if isinstance(function, Handle):
        return "a value of the graph", f"write {_EXAMPLE}"
    if not callable(function):
        return f"a `{type(function).__name__}`", f"write {_EXAMPLE}"
    if inspect.iscoroutinefunction(function):
        return "an `async` function", "write a plain one: async steps are called in it without `await`"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return "a generator", "return the whole value"
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        name = getattr(function, "__name__", "function")
        shown = "a `lambda`" if name == "<lambda>" else f"`{name}`"
        return f"{shown} with other parameters", "give it one parameter, and use other values of the body directly"
    except ValueError:  # a function of C without a signature
        return None
    return None


def _bounded(items: Iterable[Item], max_items: int) -> list[Item]:
    if isinstance(items, Handle):
        value_of(items)  # refuses: no graph is being recorded
    if isinstance(items, str | bytes | Mapping | np.ndarray) or not isinstance(items, Iterable):
        _report("E0170", *_not_a_list(items))
    found = list(islice(items, max_items + 1))
    if len(found) > max_items:
        raise Refuse(f"at most {max_items} items are taken, more were given")
    return found


def _not_a_list(items: object) -> tuple[str, str]:
    if isinstance(items, list | tuple):
        help = "call the function for each of them: `[read(first), read(second)]`"
        return f"`dagc.each` is given a {type(items).__name__} made in the graph body", help
    message = f"`dagc.each` goes through a list, and this is a `{type(items).__name__}`"
    return message, "give it a list: a parameter, a field of a record, or the result of a step"


def _remedy(items: Value) -> str:
    match items.type:
        case Tensor():
            return "let a step make a list of it (`list[...]`); a model that takes the whole needs no `dagc.each`"
        case Optional(item=ListOf()):
            return "decide in a step what the list is when it is `None`"
        case Record(fields=fields):
            lists = [f"`{items.id}.{field.name}`" for field in fields if isinstance(field.type, ListOf)]
            return f"give it {' or '.join(lists)}" if lists else "give it a field that is a list"
        case _:
            return "give it a list: a parameter, a field of a record, or the result of a step"


def _report(code: str, message: str, help: str) -> None:
    mistake(Diagnostic.at(code, message, here(_folder()), "called here", help=help))


def _unknown() -> Handle:
    """What stands for the result of a mistaken call; outside a recording every mistake raises."""
    recorder = recording()
    if recorder is None:
        raise AssertionError("outside a recording every mistake raises")
    return Handle(recorder, recorder.unknown("each"))


def _folder() -> Path:
    place = caller_place()
    return Path(place.file).resolve().parent if place else Path.cwd()
