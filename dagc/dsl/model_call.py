"""How a call's arguments meet a model's inputs: by position, by name, or one record's fields as columns.

The recorded and the eager call share this; they differ only in what they do with the bound inputs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagc.diagnostics import Diagnostic, Span
from dagc.diagnostics.suggest import did_you_mean
from dagc.dsl.arguments import argument, record_fields
from dagc.dsl.eager import refuse_inside_step
from dagc.dsl.eager_feeds import eager_feed, eager_value
from dagc.dsl.handle import Handle, column, type_of
from dagc.dsl.model_contract import called_with, contradictions
from dagc.dsl.outputs import Outputs
from dagc.ir.ops import ModelKey, RunModel
from dagc.ir.placement import Placement
from dagc.ir.types import Record, Scalar, Tensor, Type
from dagc.models.model_error import ModelError
from dagc.models.signature import Signature
from dagc.models.store import ModelStore
from dagc.trace.conversions import fed, given
from dagc.trace.recorder import Recorder, here, mistake, recording, refuse

NamedTupleClass = Callable[..., tuple[object, ...]]

RELOADED = "may be replaced as it serves"
"""Why a model is not fused with what stands around it."""


@dataclass(frozen=True, slots=True)
class Callee:
    """A model ready to be called: `fetches` and `types` are its outputs as the caller sees them.

    A `Scalar` type means that the caller sees the item of a tensor of one element.
    """

    name: str
    key: ModelKey
    signature: Signature
    fetches: tuple[str, ...]
    types: tuple[Type, ...]
    returns: NamedTupleClass | None
    placement: Placement | None = None
    reload: bool = False


def record_call(
    callee: Callee, values: Sequence[object], inputs: Mapping[str, object], recorder: Recorder, store: ModelStore
) -> object:
    """The model's outputs as handles of one `RunModel` node, with scalars made tensors where inputs take them."""
    bound = _bound(callee, values, inputs, recorder.here())
    if bound is None:
        return unknown_answer(callee.name, callee.returns)
    feeds = []
    for port in callee.signature.inputs:
        value = argument(recorder, bound[port.name], f"input `{port.name}` of model `{callee.name}`")
        feeds.append(fed(recorder, value, callee.signature.example(port)))
    names = tuple(port.name for port in callee.signature.inputs)
    barrier, reload = (RELOADED, callee.name) if callee.reload else (None, None)
    op = RunModel(callee.key, names, callee.fetches, (callee.name,), barrier, reload)
    several = [f"{callee.name}_{fetch}" for fetch in callee.fetches] if len(callee.fetches) > 1 else ()
    types = _recorded_types(callee, {name: feed.type for name, feed in zip(names, feeds, strict=True)}, store)
    outputs = recorder.record(op, feeds, types, callee.name, stems=several, placement=callee.placement)
    seen = [given(recorder, value, type) for value, type in zip(outputs, callee.types, strict=True)]
    return _answer(callee, [Handle(recorder, value) for value in seen])


def run_call(
    callee: Callee, values: Sequence[object], inputs: Mapping[str, object], store: ModelStore, root: Path
) -> object:
    """The model's outputs for one example, run by onnxruntime as it stands in its file.

    Raises:
        CompileError: the arguments do not fit the inputs (E0128, E0129, E0130, E0139, E0206).
    """
    refuse_inside_step("model", callee.name, root)
    span = here(root)
    bound = _bound(callee, values, inputs, span)
    if bound is None:
        raise AssertionError("outside a recording every mistake raises")
    feeds = {
        port.name: eager_feed(callee.name, port.name, callee.signature.example(port), bound[port.name], span)
        for port in callee.signature.inputs
    }
    try:
        results = store.runner(callee.key).run_example(feeds, callee.fetches)
    except ModelError as error:
        refuse(error.at(span, f"`{callee.name}` is called here"))
    return _answer(
        callee,
        [eager_value(result, type) for result, type in zip(results, callee.types, strict=True)],
    )


def unknown_answer(model: str, returns: NamedTupleClass | None) -> object:
    """What stands for the outputs of a mistaken call, so that the rest of the body is still looked at."""
    recorder = recording()
    if recorder is None:
        raise AssertionError("outside a recording every mistake raises")
    if returns is None:
        return Handle(recorder, recorder.unknown(model))
    fields: tuple[str, ...] = getattr(returns, "_fields", ())
    return returns(*(Handle(recorder, recorder.unknown(field)) for field in fields))


def _recorded_types(callee: Callee, fed: Mapping[str, Type], store: ModelStore) -> list[Type]:
    """What the model gives for what it is fed: sizes that follow from those of the inputs are computed here."""
    recorder = recording()
    span = recorder.here() if recorder else None
    found = contradictions(callee.signature, store.signature(callee.key), fed, callee.name, span)
    for diagnostic in found:
        mistake(diagnostic)
    signature = callee.signature
    if not found:
        signature = called_with(store, callee.key, signature, fed, callee.name, span)
    tensors = {name: type for name, type in fed.items() if isinstance(type, Tensor)}
    answers = signature.answers(tensors)
    undeclared = callee.returns is None
    return [
        answers[fetch] if fetch in answers and (undeclared or isinstance(declared, Scalar)) else declared
        for fetch, declared in zip(callee.fetches, callee.types, strict=True)
    ]


def _answer(callee: Callee, items: Sequence[object]) -> object:
    if callee.returns is not None:
        return callee.returns(*items)
    return items[0] if len(items) == 1 else Outputs(callee.name, callee.fetches, items, _unknown_output)


def _unknown_output(name: str) -> object:
    recorder = recording()
    return None if recorder is None else Handle(recorder, recorder.unknown(name))


def _bound(
    callee: Callee, values: Sequence[object], inputs: Mapping[str, object], span: Span | None
) -> dict[str, object] | None:
    """What each input of the model is given, or nothing after reporting what is wrong."""
    names = [port.name for port in callee.signature.inputs]
    columns = _columns(values, inputs, names)
    if columns is not None:
        return _bound_columns(callee, values[0], columns, span)
    found = [*_too_many(callee, values, names, span)]
    bound = dict(zip(names, values, strict=False))
    for name, value in inputs.items():
        found += _wrong_name(callee, name, names, bound, span)
        bound[name] = value
    missing = [name for name in names if name not in bound]
    if missing and not found:
        found.append(_missing(callee, missing, span))
    for diagnostic in found:
        mistake(diagnostic)
    return None if found else bound


def _columns(
    values: Sequence[object], inputs: Mapping[str, object], names: Sequence[str]
) -> tuple[str, ...] | None:
    """The fields of the only argument, when it is a record that stands for columns."""
    if len(values) != 1 or inputs:
        return None
    fields = _fields(values[0])
    if fields is None:
        return None
    return fields if len(names) > 1 or any(field in names for field in fields) else None


def _fields(item: object) -> tuple[str, ...] | None:
    if not isinstance(item, Handle):
        return record_fields(item)
    type = type_of(item)
    return tuple(field.name for field in type.fields) if isinstance(type, Record) else None


def _bound_columns(
    callee: Callee, record: object, fields: tuple[str, ...], span: Span | None
) -> dict[str, object] | None:
    names = [port.name for port in callee.signature.inputs]
    missing = [name for name in names if name not in fields]
    # A misspelt column is one that no other input of the model takes.
    spare = [field for field in fields if field not in names] or fields
    for name in missing:
        mistake(
            Diagnostic.at(
                "E0206",
                f"model `{callee.name}` needs a column `{name}`, which the record does not have",
                span,
                "called with a record here",
                help=did_you_mean(name, spare),
            )
        )
    if missing:
        return None
    if isinstance(record, Handle):
        return {name: column(record, name) for name in names}
    return {name: getattr(record, name) for name in names}


def _too_many(
    callee: Callee, values: Sequence[object], names: Sequence[str], span: Span | None
) -> list[Diagnostic]:
    if len(values) <= len(names):
        return []
    message = f"model `{callee.name}` takes {len(names)} {_inputs(len(names))}, and {len(values)} are given"
    return [Diagnostic.at("E0128", message, span, help=f"its inputs are {_listed(names)}")]


def _wrong_name(
    callee: Callee, name: str, names: Sequence[str], bound: Mapping[str, object], span: Span | None
) -> list[Diagnostic]:
    if name not in names:
        message = f"model `{callee.name}` has no input `{name}`"
        return [Diagnostic.at("E0129", message, span, help=did_you_mean(name, names))]
    if name in bound:
        message = f"input `{name}` of model `{callee.name}` is given twice"
        return [Diagnostic.at("E0128", message, span, help="give it by position or by name")]
    return []


def _missing(callee: Callee, missing: Sequence[str], span: Span | None) -> Diagnostic:
    return Diagnostic.at(
        "E0130",
        f"model `{callee.name}` is called without {_inputs(len(missing))} {_listed(missing)}",
        span,
        help="pass every input by position or by name, or one record with a field for each",
    )


def _inputs(count: int) -> str:
    return "input" if count == 1 else "inputs"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
