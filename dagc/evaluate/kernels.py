"""NumPy's answer for every expression of a graph body, on one example.

Python scalars stay Python scalars and are weak beside tensors, as in NumPy 2 (NEP 50). What NumPy would widen for
safety alone keeps the dtype `ir.infer` states, because that is what the fused ONNX operators compute.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import reduce
from typing import TypeGuard, assert_never

import numpy as np
from numpy.typing import NDArray

from dagc.ir.ops import (
    ArgMax,
    Cast,
    Concat,
    Elementwise,
    Expression,
    Index,
    Normalise,
    Reduce,
    Slice,
    Softmax,
    Stack,
    TopK,
    Vote,
)
from dagc.models.dtypes import to_numpy

Array = NDArray[np.generic]
numpy_dtype = to_numpy
PythonScalar = int | float | str | bool

_SMALLEST_NORM = 1e-12


def apply(op: Expression, values: Sequence[object]) -> tuple[object, ...]:
    """The op's outputs, one per output of its node: arrays without the batch axis, or Python scalars.

    Floating point never warns here (a division by zero is an infinity, as in ONNX); Python's own arithmetic on
    Python scalars raises what Python raises.
    """
    given = [as_operand(value) for value in values]
    with np.errstate(all="ignore"):
        return tuple(_finished(result) for result in _outputs(op, given))


def as_operand(value: object) -> Array | PythonScalar:
    """The value as arithmetic takes it: enum members by their value, strings as object arrays.

    Raises:
        TypeError: for anything that is neither a number, string or truth value nor an array of them.
    """
    if isinstance(value, Enum):
        return as_operand(value.value)
    if isinstance(value, int | float | str) and not isinstance(value, np.generic):
        return value
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        return array.astype(object) if array.dtype.kind in "US" else array
    raise TypeError(f"a value of type `{type(value).__name__}` takes no part in tensor arithmetic")


def _outputs(op: Expression, values: list[Array | PythonScalar]) -> tuple[object, ...]:
    match op:
        case Elementwise(kind):
            return (_elementwise(kind, values),)
        case Cast(dtype):
            return (np.asarray(values[0]).astype(to_numpy(dtype)),)
        case Vote(ties):
            return (_vote(values, ties),)
        case Concat(axis):
            return (np.concatenate(_alike(values), axis),)
        case Stack(axis):
            return (np.stack(_alike(values), axis),)
        case Reduce() | ArgMax() | Softmax() | Normalise() | TopK() | Index():
            return _of_one_tensor(op, np.asarray(values[0]))
        case _:
            assert_never(op)


def _of_one_tensor(op: Reduce | ArgMax | Softmax | Normalise | TopK | Index, tensor: Array) -> tuple[object, ...]:
    match op:
        case Reduce(kind, axis):
            return (_reductions[kind](tensor, axis=axis),)
        case ArgMax(axis):
            return (np.argmax(tensor, axis).astype(np.int64),)
        case Softmax(axis):
            return (_softmax(tensor, axis),)
        case Normalise(axis):
            return (_normalise(tensor, axis),)
        case TopK(k):
            return _top_k(tensor, k)
        case Index(items):
            where = tuple(slice(i.start, i.stop) if isinstance(i, Slice) else i for i in items)
            return (np.asarray(tensor[where], tensor.dtype),)
        case _:
            assert_never(op)


def _finished(result: object) -> object:
    """NumPy hands out scalar objects for rank 0; everything downstream expects arrays."""
    return np.asarray(result) if isinstance(result, np.generic) else result


# Elementwise


def _elementwise(kind: str, values: list[Array | PythonScalar]) -> object:
    if _all_python(values):
        return _python_results[kind](*values)
    if kind == "where":
        return np.where(np.asarray(values[0], bool), *_alike(values[1:]))
    if kind in ("min", "max"):
        return reduce(np.minimum if kind == "min" else np.maximum, _alike(values))
    if kind == "mean":
        return _tensor_mean(_alike(values))
    return _ufuncs[kind](*values)


def _tensor_mean(tensors: list[Array]) -> object:
    """Whole numbers are averaged in f64, so that a sum of `i8` cannot overflow."""
    dtype = tensors[0].dtype if tensors[0].dtype.kind == "f" else np.dtype(np.float64)
    return np.divide(reduce(np.add, [tensor.astype(dtype) for tensor in tensors]), dtype.type(len(tensors)))


def _alike(values: Sequence[Array | PythonScalar]) -> list[Array]:
    """All values as tensors of the one dtype they meet in."""
    if any(isinstance(value, str) for value in values):
        return [np.asarray(value, object) for value in values]
    dtype = np.result_type(*values)
    return [np.asarray(value, dtype) for value in values]


def _all_python(values: list[Array | PythonScalar]) -> TypeGuard[list[PythonScalar]]:
    return not any(isinstance(value, np.ndarray) for value in values)


def _python_where(condition: PythonScalar, chosen: PythonScalar, other: PythonScalar) -> PythonScalar:
    return _of_one_kind([chosen, other])[0 if condition else 1]


def _python_extreme(ufunc: np.ufunc) -> Callable[..., PythonScalar]:
    def extreme(*values: PythonScalar) -> PythonScalar:
        """The largest or smallest of Python values, of their own kind."""
        alike = _of_one_kind(values)
        found = ufunc.reduce(np.asarray(alike, float if isinstance(alike[0], float) else object))
        return float(found) if isinstance(alike[0], float) else found

    return extreme


def _python_mean(*values: PythonScalar) -> float:
    return sum(float(value) for value in values) / len(values)


def _of_one_kind(values: Sequence[PythonScalar]) -> list[PythonScalar]:
    """Numbers of which one is a float are all floats; truth values beside ints are ints."""
    kinds = {type(value) for value in values}
    if len(kinds) == 1 or str in kinds:
        return list(values)
    return [float(value) if float in kinds else int(value) for value in values]


def _python_power(base: float, exponent: float) -> float:
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError(f"{base} to the power of {exponent} is not a real number")
    return float(result) if isinstance(base, float) or isinstance(exponent, float) else result


def _as_float(ufunc: np.ufunc) -> Callable[..., float]:
    return lambda value: float(ufunc(float(value)))


_ufuncs: Mapping[str, Callable[..., object]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide,
    "floordiv": np.floor_divide, "mod": np.mod, "pow": np.power, "neg": np.negative, "abs": np.abs,
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
    "gt": np.greater, "ge": np.greater_equal,
    "and": np.logical_and, "or": np.logical_or, "not": np.logical_not,
}  # fmt: skip

_python_results: Mapping[str, Callable[..., PythonScalar]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "floordiv": operator.floordiv, "mod": operator.mod, "pow": _python_power,
    "neg": operator.neg, "abs": operator.abs,
    "exp": _as_float(np.exp), "log": _as_float(np.log), "sqrt": _as_float(np.sqrt),
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le,
    "gt": operator.gt, "ge": operator.ge,
    "and": lambda a, b: bool(a) and bool(b), "or": lambda a, b: bool(a) or bool(b), "not": operator.not_,
    "where": _python_where, "min": _python_extreme(np.minimum), "max": _python_extreme(np.maximum),
    "mean": _python_mean,
}  # fmt: skip

# Along an axis

_reductions: Mapping[str, Callable[..., object]] = {
    "sum": lambda tensor, axis: np.sum(tensor, axis),
    "mean": lambda tensor, axis: np.mean(tensor, axis),
    "min": lambda tensor, axis: np.min(tensor, axis),
    "max": lambda tensor, axis: np.max(tensor, axis),
}


def _softmax(tensor: Array, axis: int) -> object:
    """Shifted by the largest element first, so that `exp` cannot overflow."""
    powers = np.exp(np.subtract(tensor, np.max(tensor, axis, keepdims=True)))
    return np.divide(powers, np.sum(powers, axis, keepdims=True))


def _normalise(tensor: Array, axis: int) -> object:
    length = np.sqrt(np.sum(np.multiply(tensor, tensor), axis, keepdims=True))
    return np.divide(tensor, np.maximum(length, _SMALLEST_NORM))


def _top_k(tensor: Array, k: int) -> tuple[object, object]:
    """Of equal elements the one at the lower index comes first: the reversed stable order of the reversed row."""
    size = tensor.shape[-1]
    if k > size:
        raise ValueError(f"the {k} largest of {size} elements were asked for")
    order = size - 1 - np.argsort(tensor[..., ::-1], axis=-1, kind="stable")[..., ::-1][..., :k]
    return np.take_along_axis(tensor, order, axis=-1), order.astype(np.int64)


def _vote(values: list[Array | PythonScalar], ties: str) -> object:
    ballots = np.stack(_alike(values))
    _, flat_ranks = np.unique(ballots, return_inverse=True)
    ranks = np.reshape(flat_ranks, ballots.shape)
    votes = np.sum(np.equal(ballots[:, None], ballots[None, :]), axis=1)
    leading = np.equal(votes, np.max(votes, axis=0))
    if ties == "lowest":
        winner = np.argmin(np.where(leading, ranks, len(ballots) * ballots.size), axis=0)
    else:
        winner = np.argmax(leading, axis=0)
    if _all_python(values):
        return values[int(winner)]
    return np.asarray(np.take_along_axis(ballots, winner[None], axis=0)[0], ballots.dtype)
