"""Arithmetic on values of a graph by name: recorded in a graph body, computed at once by NumPy elsewhere.

Both readings go through one op, so the plain call and the fused model cannot mean different things.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, NoReturn, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from dagc.diagnostics import Diagnostic
from dagc.diagnostics.suggest import did_you_mean
from dagc.dsl.complete import complete
from dagc.dsl.handle import Handle, every_output, remedy
from dagc.evaluate.choosing import sum_to_one
from dagc.evaluate.kernels import apply
from dagc.ir.ops import (
    ArgMax,
    Cast,
    Concat,
    Elementwise,
    ElementwiseKind,
    Expression,
    Normalise,
    Reduce,
    Softmax,
    Stack,
    TopK,
    Vote,
)
from dagc.ir.types import DType
from dagc.trace.recorder import recording, refuse

T = TypeVar("T", bound=np.generic)
Label = TypeVar("Label", str, int, bool)
Bool = np.bool_


class Largest(NamedTuple):
    """What `top_k` gives: the values, largest first, and their positions."""

    values: NDArray[np.generic]
    indices: NDArray[np.int64]


@overload
def mean(*values: float) -> float: ...
@overload
def mean(first: NDArray[T], /, *rest: NDArray[T] | float) -> NDArray[T]: ...
@overload
def mean(first: float, second: NDArray[T], /, *rest: NDArray[T] | float) -> NDArray[T]: ...
@complete("dagc.mean(a, b)")
def mean(*values: object) -> object:
    """The average of several values, element by element (`average` is the one along an axis)."""
    return _elementwise("mean", *_some("mean", values))


@overload
def vote(*labels: Label, ties: Literal["lowest", "first"] = ...) -> Label: ...
@overload
def vote(*labels: NDArray[T], ties: Literal["lowest", "first"] = ...) -> NDArray[T]: ...
@complete("dagc.vote(a, b, c)")
def vote(*labels: object, ties: Literal["lowest", "first"] = "lowest") -> object:
    """The most frequent of several class labels; on a tie the smallest, or the earliest voter's."""
    _one_of("ties", ties, ("lowest", "first"))
    return _one(Vote(ties), *_some("vote", labels))


@overload
def weighted(*pairs: tuple[float, float]) -> float: ...
@overload
def weighted(*pairs: tuple[float | NDArray[T], NDArray[T]]) -> NDArray[T]: ...
@complete("dagc.weighted((0.7, a), (0.3, b))")
def weighted(*pairs: tuple[object, object]) -> object:
    """The sum of `weight * value`: `weighted((0.7, a), (0.3, b))`. In a graph body, constant weights sum to 1."""
    for pair in _some("weighted", pairs):
        if not isinstance(pair, tuple) or len(pair) != 2:
            _refuse("`weighted` takes pairs of a weight and a value", "write `dagc.weighted((0.7, a), (0.3, b))`")
    _refuse_loss([weight for weight, _ in pairs])
    last = len(pairs) - 1
    total: object = None
    for position, (weight, value) in enumerate(pairs):
        product = _elementwise("mul", weight, value, implicit=last > 0)
        total = product if position == 0 else _elementwise("add", total, product, implicit=position < last)
    return total


@complete("dagc.concat(a, b, axis=0)")
def concat(*values: NDArray[T], axis: int = 0) -> NDArray[T]:
    """Tensors joined along an existing axis of one example."""
    return _tensor(Concat(_axis(axis)), *_some("concat", values))


@overload
def stack(*values: float, axis: int = ...) -> NDArray[np.float64]: ...
@overload
def stack(*values: NDArray[T] | float, axis: int = ...) -> NDArray[T]: ...
@complete("dagc.stack(a, b, axis=0)")
def stack(*values: object, axis: int = 0) -> object:
    """Values of one shape joined along a new axis of one example."""
    return _one(Stack(_axis(axis)), *_some("stack", values))


@overload
def where(condition: NDArray[Bool] | bool, a: NDArray[T], b: NDArray[T] | float) -> NDArray[T]: ...
@overload
def where(condition: NDArray[Bool] | bool, a: float, b: NDArray[T]) -> NDArray[T]: ...
@overload
def where(condition: bool, a: Label, b: Label) -> Label: ...
@overload
def where(condition: bool, a: float, b: float) -> float: ...
@overload
def where(condition: NDArray[Bool], a: float, b: float) -> NDArray[np.float64]: ...
@complete("dagc.where(x > 0, a, b)")
def where(condition: object, a: object, b: object) -> object:
    """`a` where the condition holds, else `b`, element by element."""
    return _elementwise("where", condition, a, b)


@complete("dagc.argmax(x, axis=-1)")
def argmax(value: NDArray[np.generic], *, axis: int = -1) -> NDArray[np.int64]:
    """The first position of the largest element along an axis of one example."""
    return _tensor(ArgMax(_axis(axis)), value)


@complete("dagc.softmax(x, axis=-1)")
def softmax(value: NDArray[T], *, axis: int = -1) -> NDArray[T]:
    """`exp(x) / sum(exp(x))` along an axis of one example."""
    return _tensor(Softmax(_axis(axis)), value)


@complete("dagc.normalise(x, axis=-1)")
def normalise(value: NDArray[T], *, axis: int = -1) -> NDArray[T]:
    """The value divided by its Euclidean length along an axis; zeros stay zeros."""
    return _tensor(Normalise(_axis(axis)), value)


@complete("dagc.top_k(x, 3)")
def top_k(value: NDArray[np.generic], k: int) -> Largest:
    """The `k` largest along the last axis, largest first, with their positions."""
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        _refuse("`k` of `top_k` is a whole number from 1", "write a constant: `dagc.top_k(x, 3)`")
    return Largest(*_run(TopK(k), [value]))  # type: ignore[arg-type]  # handles while a body is recorded


@overload
def clip(value: float, low: float, high: float) -> float: ...
@overload
def clip(value: NDArray[T], low: NDArray[T] | float, high: NDArray[T] | float) -> NDArray[T]: ...
@complete("dagc.clip(x, 0.0, 1.0)")
def clip(value: object, low: object, high: object) -> object:
    """The value held between `low` and `high`, element by element."""
    return _elementwise("min", _elementwise("max", value, low, implicit=True), high)


@overload
def minimum(*values: float) -> float: ...
@overload
def minimum(first: NDArray[T], /, *rest: NDArray[T] | float) -> NDArray[T]: ...
@overload
def minimum(first: float, second: NDArray[T], /, *rest: NDArray[T] | float) -> NDArray[T]: ...
@complete("dagc.minimum(a, b)")
def minimum(*values: object) -> object:
    """The smallest of several values, element by element (`lowest` is the one along an axis)."""
    return _elementwise("min", *_some("minimum", values))


@overload
def maximum(*values: float) -> float: ...
@overload
def maximum(first: NDArray[T], /, *rest: NDArray[T] | float) -> NDArray[T]: ...
@overload
def maximum(first: float, second: NDArray[T], /, *rest: NDArray[T] | float) -> NDArray[T]: ...
@complete("dagc.maximum(a, b)")
def maximum(*values: object) -> object:
    """The largest of several values, element by element (`highest` is the one along an axis)."""
    return _elementwise("max", *_some("maximum", values))


@overload
def exp(value: float) -> float: ...
@overload
def exp(value: NDArray[T]) -> NDArray[T]: ...
@complete("dagc.exp(x)")
def exp(value: object) -> object:
    """`e` to the power of the value."""
    return _elementwise("exp", value)


@overload
def log(value: float) -> float: ...
@overload
def log(value: NDArray[T]) -> NDArray[T]: ...
@complete("dagc.log(x)")
def log(value: object) -> object:
    """The natural logarithm."""
    return _elementwise("log", value)


@overload
def sqrt(value: float) -> float: ...
@overload
def sqrt(value: NDArray[T]) -> NDArray[T]: ...
@complete("dagc.sqrt(x)")
def sqrt(value: object) -> object:
    """The square root."""
    return _elementwise("sqrt", value)


@complete("dagc.total(x, axis=-1)")
def total(value: NDArray[T], *, axis: int | None = None) -> NDArray[T]:
    """The sum along an axis of one example, or of all its elements."""
    return _tensor(Reduce("sum", _axis_or_all(axis)), value)


@complete("dagc.average(x, axis=-1)")
def average(value: NDArray[T], *, axis: int | None = None) -> NDArray[T]:
    """The mean along an axis of one example, or of all its elements."""
    return _tensor(Reduce("mean", _axis_or_all(axis)), value)


@complete("dagc.lowest(x, axis=-1)")
def lowest(value: NDArray[T], *, axis: int | None = None) -> NDArray[T]:
    """The smallest element along an axis of one example, or of all its elements."""
    return _tensor(Reduce("min", _axis_or_all(axis)), value)


@complete("dagc.highest(x, axis=-1)")
def highest(value: NDArray[T], *, axis: int | None = None) -> NDArray[T]:
    """The largest element along an axis of one example, or of all its elements."""
    return _tensor(Reduce("max", _axis_or_all(axis)), value)


Operand = NDArray[np.generic] | float


@overload
def cast(value: Operand, dtype: Literal["f16"]) -> NDArray[np.float16]: ...
@overload
def cast(value: Operand, dtype: Literal["f32"]) -> NDArray[np.float32]: ...
@overload
def cast(value: Operand, dtype: Literal["f64"]) -> NDArray[np.float64]: ...
@overload
def cast(value: Operand, dtype: Literal["i8"]) -> NDArray[np.int8]: ...
@overload
def cast(value: Operand, dtype: Literal["i16"]) -> NDArray[np.int16]: ...
@overload
def cast(value: Operand, dtype: Literal["i32"]) -> NDArray[np.int32]: ...
@overload
def cast(value: Operand, dtype: Literal["i64"]) -> NDArray[np.int64]: ...
@overload
def cast(value: Operand, dtype: Literal["u8"]) -> NDArray[np.uint8]: ...
@overload
def cast(value: Operand, dtype: Literal["u16"]) -> NDArray[np.uint16]: ...
@overload
def cast(value: Operand, dtype: Literal["u32"]) -> NDArray[np.uint32]: ...
@overload
def cast(value: Operand, dtype: Literal["u64"]) -> NDArray[np.uint64]: ...
@overload
def cast(value: Operand, dtype: Literal["bool"]) -> NDArray[Bool]: ...
@complete('dagc.cast(x, "f32")')
def cast(value: object, dtype: str) -> object:
    """The same elements in another dtype: `cast(x, "f32")`."""
    _one_of("dtype", dtype, [str(known) for known in DType if known is not DType.STR])
    return _one(Cast(DType(dtype)), value)


def _elementwise(kind: ElementwiseKind, *values: object, implicit: bool = False) -> object:
    return _run(Elementwise(kind), values, implicit=implicit)[0]


def _one(op: Expression, *values: object) -> object:
    return _run(op, values)[0]


def _tensor(op: Expression, *values: object) -> NDArray[T]:
    return _run(op, values)[0]  # type: ignore[return-value]  # a handle while a body is recorded


def _run(op: Expression, values: Sequence[object], *, implicit: bool = False) -> tuple[object, ...]:
    if any(isinstance(value, Handle) for value in values):
        return every_output(op, values, implicit=implicit)
    try:
        return apply(op, values)
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        if recording() is None:
            raise
        known = "the values are all known here: compute the constant outside the graph body"
        return _refuse(str(error), next(filter(None, map(remedy, values)), known))


def _refuse_loss(weights: Sequence[object]) -> None:
    """E0217 where weights written in a body do not sum to 1; those computed there are nobody's mistake yet."""
    known = [
        float(weight) for weight in weights if isinstance(weight, int | float) and not isinstance(weight, bool)
    ]
    recorder = recording()
    if recorder is None or len(known) < len(weights) or sum_to_one(known):
        return
    added = " + ".join(f"{weight:g}" for weight in known)
    message = f"the weights of `dagc.weighted` sum to {sum(known):g}, not to 1: {added}"
    help = "correct them; a sum that is no average is written as one: `0.7 * a + 0.5 * b`"
    refuse(Diagnostic.at("E0217", message, recorder.here(), "averaged here", help=help))


def _some(function: str, values: Sequence[object]) -> Sequence[object]:
    if not values:
        _refuse(f"`{function}` of no values", "give it at least one value")
    if any(isinstance(value, list) for value in values):
        _refuse(f"`{function}` takes values, not a list of them", f"write `dagc.{function}(*values)`")
    return values


def _axis(axis: object) -> int:
    if not isinstance(axis, int) or isinstance(axis, bool):
        _refuse(
            f"an axis is a constant integer, not `{type(axis).__name__}`",
            "axes count within one example: 0 is the first after the batch axis",
        )
    return axis


def _axis_or_all(axis: int | None) -> int | None:
    return None if axis is None else _axis(axis)


def _one_of(parameter: str, given: object, known: Sequence[str]) -> None:
    if not isinstance(given, str) or given not in known:
        shown = given if isinstance(given, str) else type(given).__name__
        _refuse(f"`{parameter}` is not `{shown}`", did_you_mean(str(shown), known))


def _refuse(message: str, help: str) -> NoReturn:
    recorder = recording()
    refuse(Diagnostic.at("E0127", message, recorder.here() if recorder else None, "computed here", help=help))
