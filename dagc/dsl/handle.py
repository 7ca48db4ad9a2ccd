"""The symbolic value a graph body computes with: arithmetic, comparison, indexing and fields become nodes.

Everything else Python could ask of it is refused (see `refusals.py`), because a body runs before any request.
"""

from collections.abc import Mapping, Sequence
from typing import NoReturn, final

import numpy as np

from dagc.diagnostics import CompileError, Diagnostic, Span
from dagc.diagnostics.suggest import did_you_mean
from dagc.dsl.constants import constant, too_large
from dagc.dsl.outputs import Outputs
from dagc.dsl.refusals import FUNCTIONS, METHODS, REFUSALS, Refusal
from dagc.ir.graph import Value
from dagc.ir.ops import Elementwise, ElementwiseKind, Expression, Index, Slice
from dagc.ir.types import DType, ListOf, Optional, Record, Scalar, Tensor, TupleOf, Type, Unknown
from dagc.trace.recorder import Recorder, mistake, recording, refuse

_UFUNCS: dict[str, ElementwiseKind] = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "floor_divide": "floordiv",
    "remainder": "mod", "power": "pow", "equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le",
    "greater": "gt", "greater_equal": "ge", "maximum": "max", "minimum": "min",
}  # fmt: skip
"""NumPy's names for what `array * handle` asks for: these are arithmetic, whoever spells them."""


@final
class Handle:
    """A value of the graph being recorded."""

    __slots__ = ("_recorder", "_value")

    _recorder: Recorder
    _value: Value

    def __init__(self, recorder: Recorder, value: Value) -> None:
        object.__setattr__(self, "_recorder", recorder)
        object.__setattr__(self, "_value", value)

    def __repr__(self) -> str:
        return f"<{self._value.id}: {self._value.type}>"

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return _member(self, name)

    def __getitem__(self, key: object) -> "Handle":
        value = value_of(self)
        if not isinstance(value.type, Tensor | Unknown):
            _refuse_index(self, value.type)
        items = key if isinstance(key, tuple) else (key,)
        return recorded(Index(tuple(_index_item(self, item) for item in items)), [self])

    def __add__(self, other: object) -> "Handle":
        return elementwise("add", self, other)

    def __radd__(self, other: object) -> "Handle":
        return elementwise("add", other, self)

    def __sub__(self, other: object) -> "Handle":
        return elementwise("sub", self, other)

    def __rsub__(self, other: object) -> "Handle":
        return elementwise("sub", other, self)

    def __mul__(self, other: object) -> "Handle":
        return elementwise("mul", self, other)

    def __rmul__(self, other: object) -> "Handle":
        return elementwise("mul", other, self)

    def __truediv__(self, other: object) -> "Handle":
        return elementwise("div", self, other)

    def __rtruediv__(self, other: object) -> "Handle":
        return elementwise("div", other, self)

    def __floordiv__(self, other: object) -> "Handle":
        return elementwise("floordiv", self, other)

    def __rfloordiv__(self, other: object) -> "Handle":
        return elementwise("floordiv", other, self)

    def __mod__(self, other: object) -> "Handle":
        return elementwise("mod", self, other)

    def __rmod__(self, other: object) -> "Handle":
        return elementwise("mod", other, self)

    def __divmod__(self, other: object) -> "tuple[Handle, Handle]":
        return self // other, self % other

    def __rdivmod__(self, other: object) -> "tuple[Handle, Handle]":
        return other // self, other % self

    def __pow__(self, other: object) -> "Handle":
        return elementwise("pow", self, other)

    def __rpow__(self, other: object) -> "Handle":
        return elementwise("pow", other, self)

    def __neg__(self) -> "Handle":
        return elementwise("neg", self)

    def __pos__(self) -> "Handle":
        return self

    def __abs__(self) -> "Handle":
        return elementwise("abs", self)

    def __eq__(self, other: object) -> "Handle":  # type: ignore[override]  # as NumPy's: element by element
        return elementwise("eq", self, other)

    def __ne__(self, other: object) -> "Handle":  # type: ignore[override]  # as NumPy's: element by element
        return elementwise("ne", self, other)

    def __lt__(self, other: object) -> "Handle":
        return elementwise("lt", self, other)

    def __le__(self, other: object) -> "Handle":
        return elementwise("le", self, other)

    def __gt__(self, other: object) -> "Handle":
        return elementwise("gt", self, other)

    def __ge__(self, other: object) -> "Handle":
        return elementwise("ge", self, other)

    def __and__(self, other: object) -> "Handle":
        return _logical("and", "&", self, other)

    def __rand__(self, other: object) -> "Handle":
        return _logical("and", "&", other, self)

    def __or__(self, other: object) -> "Handle":
        return _logical("or", "|", self, other)

    def __ror__(self, other: object) -> "Handle":
        return _logical("or", "|", other, self)

    def __invert__(self) -> "Handle":
        if isinstance(value_of(self).type, Scalar):
            # Python's own `~True` is -2: the plain call would disagree with the service.
            _report(self, "E0123", "`~` of a Python truth value is a number", "write `x == False`")
        return _logical("not", "~", self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **options: object) -> "Handle":
        kind = _UFUNCS.get(ufunc.__name__)
        if kind is None or method != "__call__" or options:
            _refuse_numpy(self, ufunc.__name__)
        return elementwise(kind, *inputs)

    def __array_function__(
        self, function: object, types: object, arguments: Sequence[object], options: Mapping[str, object]
    ) -> NoReturn:
        _refuse_numpy(self, getattr(function, "__name__", "function"))


def recorded(op: Expression, operands: Sequence[object]) -> Handle:
    """The first output of an expression over handles and constants, recorded as a node."""
    return every_output(op, operands)[0]


def every_output(op: Expression, operands: Sequence[object], *, implicit: bool = False) -> tuple[Handle, ...]:
    """All outputs of an expression over handles and constants, recorded as a node."""
    recorder = _recorder_for(operands)
    inputs = [operand(recorder, item) for item in operands]
    return tuple(Handle(recorder, value) for value in recorder.expression(op, inputs, implicit=implicit))


def elementwise(kind: ElementwiseKind, *operands: object) -> Handle:
    """Element by element with NumPy's broadcasting."""
    return recorded(Elementwise(kind), operands)


def operand(recorder: Recorder, item: object) -> Value:
    """The value of a handle, or a constant for a number, string, truth value or array. E0127 for others."""
    found = as_value(recorder, item)
    if found is not None:
        return found
    what = "a model's several outputs" if isinstance(item, Outputs) else f"a `{type(item).__name__}`"
    mistake(
        Diagnostic.at(
            "E0127",
            f"{what} takes no part in tensor arithmetic",
            recorder.here(),
            "computed here",
            help=remedy(item) or "use numbers, tensors and NumPy arrays here, and anything else inside a step",
        )
    )
    return recorder.unknown("unknown")


def remedy(item: object) -> str | None:
    """What to write instead of something that takes no part in arithmetic, where that is known."""
    if isinstance(item, Outputs):
        return "take one of its outputs by name"
    if isinstance(item, list | tuple) and any(isinstance(each, Handle) for each in item):
        return "give its values one by one, as `dagc.mean(a, b)` takes them"
    if callable(item):
        return "give what it returns, `wide(row)` and not `lambda: wide(row)`: all of these values are computed"
    return None


def as_value(recorder: Recorder, item: object) -> Value | None:
    """The value of a handle, or a constant; nothing for what can be neither."""
    if isinstance(item, Handle):
        return value_of(item)
    if (problem := too_large(item)) is not None:
        help = "keep it in an ONNX model, or compute with it inside a step"
        refuse(Diagnostic.at("E0186", f"a constant of the graph is {problem}", recorder.here(), help=help))
    found = constant(item)
    return recorder.constant(found) if found is not None else None


def value_of(handle: Handle) -> Value:
    """The handle's value in the graph being recorded; in a region, one of the graphs around it is captured.

    Refuses a value that leaked out of another graph (E0124) or out of a region (E0174).
    """
    return _located(handle)[1]


def type_of(handle: Handle) -> Type:
    """The type of the value."""
    return handle._value.type


def column(handle: Handle, name: str) -> object:
    """A field of a record that is asked for on the user's behalf, not by an expression of theirs."""
    return _member(handle, name, implicit=True)


def _recorder_for(operands: Sequence[object]) -> Recorder:
    return _located(next(item for item in operands if isinstance(item, Handle)))[0]


def _located(handle: Handle) -> tuple[Recorder, Value]:
    """What is being recorded, and the handle's value there."""
    recorder = recording()
    if recorder is None or not recorder.is_inside(handle._recorder):
        _refuse_leak(handle, recorder)
    return recorder, recorder.capture(handle._value, handle._recorder)


def _member(handle: Handle, name: str, *, implicit: bool = False) -> object:
    recorder, value = _located(handle)
    if isinstance(value.type, Unknown):
        return handle
    if isinstance(value.type, Record):
        field = value.type.field(name)
        if field is not None:
            return Handle(recorder, recorder.field(value, name, field.type, implicit=implicit))
        names = [field.name for field in value.type.fields]
        help = did_you_mean(name, names)
        message = f"`{value.type}` has no field `{name}`"
    elif isinstance(value.type, Optional):
        message = f"`{value.id}` may be `None`, which has no `{name}`"
        help = "read it inside a step, which can ask for `None`"
    elif isinstance(value.type, Tensor):
        message = f"a tensor of the graph has no `{name}`"
        help = METHODS.get(name, "use the functions of `dagc`, or NumPy inside a step")
    else:
        message = f"`{value.id}` is `{value.type}`, which has no fields in a graph body"
        help = "methods run inside a step, where it is a real value"
        if isinstance(value.type, ListOf):
            help = f"ask each item: `dagc.each({value.id}, lambda item: item.{name}, max_items=...)`"
    mistake(Diagnostic.at("E0125", message, recorder.here(), "read here", help=help))
    return Handle(recorder, recorder.unknown(name))


def _index_item(handle: Handle, item: object) -> int | Slice:
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        return int(item)
    constant_slice = isinstance(item, slice) and _is_bound(item.start) and _is_bound(item.stop)
    if not isinstance(item, slice) or not constant_slice or item.step is not None:
        _report(
            handle,
            "E0126",
            f"`{handle._value.id}` is indexed by something other than constant integers and slices",
            "gather by computed positions inside a step, or with `dagc.where` and `dagc.top_k`",
        )
    return Slice(_bound(item.start), _bound(item.stop))


def _is_bound(bound: object) -> bool:
    return bound is None or isinstance(bound, int | np.integer)


def _bound(bound: int | None) -> int | None:
    return None if bound is None else int(bound)


def _refuse_index(handle: Handle, type: Type) -> NoReturn:
    help = "index it inside a step, where it is a real value"
    if isinstance(type, Record):
        help = f"read a field by name: {', '.join(f'`.{field.name}`' for field in type.fields)}"
    elif isinstance(type, ListOf | TupleOf):
        help = "pass the whole value to a step, which can index it"
    _report(handle, "E0126", f"`{handle._value.id}` is `{type}`: only tensors are indexed in a graph body", help)


def _logical(kind: ElementwiseKind, sign: str, *operands: object) -> Handle:
    handle = next(item for item in operands if isinstance(item, Handle))
    wrong = next((text for item in operands if (text := _not_boolean(item))), None)
    if wrong is not None:
        value_of(handle)
        _report(
            handle,
            "E0123",
            f"`{sign}` is for truth values, and this is {wrong}",
            "compare first, with each comparison in parentheses: `(a > 1) & (b < 2)`",
        )
    return elementwise(kind, *operands)


def _not_boolean(item: object) -> str | None:
    if isinstance(item, Handle):
        match item._value.type:
            case Unknown() | Scalar(kind="bool") | Tensor(dtype=DType.BOOL):
                return None
        return f"`{item._value.type}`"
    boolean = isinstance(item, bool | np.bool_) or (isinstance(item, np.ndarray) and item.dtype == np.bool_)
    return None if boolean else f"`{type(item).__name__}`"


def _report(handle: Handle, code: str, message: str, help: str) -> NoReturn:
    refuse(Diagnostic.at(code, message, handle._recorder.here(), help=help))


def _refuse_numpy(handle: Handle, function: str) -> NoReturn:
    value_of(handle)
    instead = FUNCTIONS.get(function)
    _report(
        handle,
        "E0117",
        f"`numpy.{function}` cannot compute with `{handle._value.id}` while the graph is built",
        f"write `{instead}` here, or use NumPy inside a step" if instead else "use NumPy inside a step",
    )


def _refuse_leak(handle: Handle, current: Recorder | None) -> NoReturn:
    recorder = current or handle._recorder
    place, name = recorder.here(), handle._value.id
    if current is not None and current.outermost is handle._recorder.outermost:
        refuse(_outlived(name, handle._recorder.owner, place))
    diagnostic = Diagnostic.at(
        "E0124",
        f"`{name}` belongs to a graph whose body has ended",
        place,
        "used here",
        help="keep values inside the body that made them: return them, or pass them to a step, never through a "
        "global, a thread or a cache",
    )
    if current is None:
        recorder.report.add(diagnostic)
    refuse(diagnostic)


def _outlived(name: str, owner: str, place: Span | None) -> Diagnostic:
    """A value of a region used where the region is over: E0174 of an item's, E0193 of a branch's."""
    if owner == "`dagc.each`":
        message = f"`{name}` belongs to one item of {owner}, whose function has returned"
        help = "return it from the function: `dagc.each` gives the list of what it returns for the items"
        return Diagnostic.at("E0174", message, place, "used here", help=help)
    message = f"`{name}` belongs to a branch of {owner}, and is computed only where that branch is taken"
    help = f"return it from the branch: {owner} gives what the branch that is taken returns"
    return Diagnostic.at("E0193", message, place, "used here", help=help)


def _refusing(refusal: Refusal) -> object:
    def method(self: Handle, *arguments: object, **options: object) -> "Handle":
        """Refuse the method in the words for it, and go on with a value of unknown type."""
        value_of(self)
        if not isinstance(self._value.type, Unknown) or not self._recorder.report.errors:
            refuse(refusal.at(self._value.id, self._recorder.here()))
        if refusal.code != "E0119":
            raise CompileError(self._recorder.report)  # the consequence of a mistake already told
        return self

    return method


for _name, _refusal in REFUSALS.items():
    setattr(Handle, _name, _refusing(_refusal))
