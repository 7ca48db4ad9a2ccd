"""What a caller wrote as an argument, as a value of the graph, and the fields of a Python record."""

import dataclasses
from collections.abc import Sequence

from pydantic import BaseModel

from dagc.diagnostics import Diagnostic
from dagc.dsl.handle import as_value
from dagc.dsl.outputs import Outputs
from dagc.ir.graph import Value
from dagc.ir.meeting import meeting
from dagc.ir.ops import Collect
from dagc.ir.types import ListOf, Optional, TupleOf, Type, Unknown
from dagc.resources import Resource
from dagc.trace.conversions import given
from dagc.trace.recorder import Recorder, mistake


def passed(recorder: Recorder, item: object, wanted: Type, receiver: str) -> Value:
    """What a caller wrote as an argument, as a parameter of the type takes it: a list or a tuple of values too."""
    plain = wanted.item if isinstance(wanted, Optional) else wanted
    if isinstance(item, list) and item and isinstance(plain, ListOf):
        return _collected(recorder, item, plain, receiver)
    if type(item) is tuple and isinstance(plain, TupleOf) and len(item) == len(plain.items) > 1:
        values = [passed(recorder, one, type, receiver) for one, type in zip(item, plain.items, strict=True)]
        made = TupleOf(tuple(value.type for value in values))
        return recorder.record(Collect("tuple"), values, (made,), "tuple", implicit=True)[0]
    return given(recorder, argument(recorder, item, receiver), wanted)


def argument(recorder: Recorder, item: object, receiver: str) -> Value:
    """The value of a handle or a constant; of any other object an unknown one, after reporting E0138 or E0367."""
    found = as_value(recorder, item)
    if found is not None:
        return found
    message, help = not_a_value(item)
    code = "E0367" if isinstance(item, Resource) else "E0138"
    mistake(Diagnostic.at(code, f"{receiver} is given {message}", recorder.here(), "passed here", help=help))
    return recorder.unknown("unknown")


def _collected(recorder: Recorder, items: Sequence[object], wanted: ListOf, receiver: str) -> Value:
    """Several values as the list that a parameter takes."""
    values = [passed(recorder, item, wanted.item, receiver) for item in items]
    found = meeting([value.type for value in values])
    if found is None:
        kinds = ", ".join(dict.fromkeys(f"`{value.type}`" for value in values))
        message = f"{receiver} is given a list of several types: {kinds}"
        help = f"give it values of `{wanted.item}`"
        mistake(Diagnostic.at("E0138", message, recorder.here(), "passed here", help=help))
    return recorder.record(Collect(), values, (ListOf(found or Unknown()),), "list", implicit=True)[0]


def record_fields(item: object) -> tuple[str, ...] | None:
    """The field names of a pydantic model, dataclass or NamedTuple; nothing for other objects."""
    if isinstance(item, BaseModel):
        return tuple(type(item).model_fields)
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return tuple(field.name for field in dataclasses.fields(item))
    if isinstance(item, tuple):
        fields = getattr(item, "_fields", None)
        return tuple(fields) if fields is not None else None
    return None


def not_a_value(item: object) -> tuple[str, str]:
    """What an object is that can be no value of a graph, and what to do instead."""
    if isinstance(item, Resource):
        return (
            f"the resource `{item.setting}`",
            "a resource is no value of a graph: a step asks for it by a keyword whose default it is",
        )
    if isinstance(item, Outputs):
        return "several outputs at once", "pass one of them by name, for example `model(x).probabilities`"
    if record_fields(item) is not None:
        name = type(item).__name__
        return (
            f"a `{name}` made in the graph body",
            f"records are made by steps: `make = dagc.step({name})` and call `make(...)` here, or pass its fields",
        )
    if item is None:
        return "`None`", "give the parameter a default of `None` and leave it out"
    if isinstance(item, list | tuple | dict | set):
        return (
            f"a {type(item).__name__} made in the graph body",
            "pass a list to a parameter that is a `list[...]` or `Sequence[...]`, a tuple to one of as many items,"
            " or each item to one of its own",
        )
    return (
        f"a `{type(item).__name__}`",
        "pass values of the graph, numbers, strings and arrays; keep other objects at module level or in a step",
    )
