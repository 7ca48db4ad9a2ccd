"""`each`: a function called once for every item of a list.

In a graph body the function runs once, on one symbolic item, and becomes a region whose captures are explicit;
elsewhere it is a plain loop, which is what the service must answer like.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np

from dagc.diagnostics import Diagnostic, Span
from dagc.dsl.complete import callers_folder, complete, unknown
from dagc.dsl.eager import refuse_inside_step
from dagc.dsl.handle import Handle, value_of
from dagc.dsl.refuse import Refuse
from dagc.dsl.region import results, unsuitable
from dagc.dsl.signatures import definition_span
from dagc.ir.graph import Each, Graph, Value
from dagc.ir.types import ListOf, Optional, Record, Tensor, Unknown
from dagc.trace.recorder import Recorder, here, mistake, recording, recording_with

Item = TypeVar("Item")
Result = TypeVar("Result")

_EXAMPLE = "dagc.each(crops, lambda crop: recognise(crop), max_items=64)"


@complete(_EXAMPLE, code="E0171")
def each(items: Sequence[Item], function: Callable[[Item], Result], *, max_items: int) -> list[Result]:
    """What `function` gives for each item, in the order of the items; no items give an empty list.

    The items of all requests that are served together share model runs.

    Args:
        items: a list: a parameter, a field of a record, or the result of a step.
        function: takes one item; a lambda, a function, a step, a model or a graph. It may use other values of the
            body it stands in.
        max_items: how many items a request may have; one with more is refused (422).
    """
    refuse_inside_step("function", "dagc.each", callers_folder())
    recorder = recording()
    if not _is_sound(function, max_items):
        return unknown("each")  # type: ignore[return-value]
    if recorder is None:
        return [function(item) for item in _bounded(items, max_items)]
    return _recorded(recorder, items, function, max_items)  # type: ignore[return-value]  # a handle in a body


def _recorded(recorder: Recorder, items: object, function: Callable[..., object], max_items: int) -> Handle:
    if not isinstance(items, Handle):
        _report("E0170", *_not_a_list(items))
        return unknown("each")
    value = value_of(items)
    if not isinstance(value.type, ListOf | Unknown):
        _report("E0170", f"`dagc.each` goes through a list, and `{value.id}` is `{value.type}`", _remedy(value))
        return unknown("each")
    span = recorder.here()
    region = recorder.region(span, owner="`dagc.each`")
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
        outputs, returns = results(region, function(Handle(region, item)), _tell)
    return region.body(name, outputs, returns, span or Span(f"{function.__module__}.py", 1))


def _tell(message: str, help: str) -> None:
    _report("E0175", f"the function given to `dagc.each` returns {message}", help)


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
    if (problem := unsuitable(function, ("item",), _EXAMPLE)) is not None:
        message, help = problem
        _report("E0173", f"`dagc.each` calls its function with one item, and this is {message}", help)
        return False
    return True


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
    mistake(Diagnostic.at(code, message, here(callers_folder()), "called here", help=help))
