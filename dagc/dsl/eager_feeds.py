"""One example as a model takes it in a plain call: the same conversions a recorded graph makes, and no others."""

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from dagc.diagnostics import Diagnostic, Span
from dagc.dsl.constants import dtype_of
from dagc.evaluate.kernels import numpy_dtype
from dagc.ir.agree import disagreement
from dagc.ir.promotion import scalar_kind
from dagc.ir.types import DType, ListOf, Optional, Scalar, ScalarKind, Tensor, TupleOf, Type
from dagc.trace.conversions import FEEDS, ITEMS, one_element
from dagc.trace.recorder import refuse

Array = NDArray[np.generic]


def eager_feed(model: str, name: str, port: Tensor, value: object, span: Span | None) -> Array:
    """The value as an array of the input's dtype and dims, without the batch axis. E0139 when it does not fit."""
    problem = _problem(port, value)
    if problem is not None:
        refuse(
            Diagnostic.at(
                "E0139",
                f"input `{name}` of model `{model}` does not take this value: {problem}",
                span,
                "called here",
                help=f"give it an array of `{port}`",
            )
        )
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        return array.astype(object) if port.dtype is DType.STR else array
    plain = value.value if isinstance(value, Enum) else value
    return np.array(plain, numpy_dtype(port.dtype)).reshape(one_element(port) or ())


def eager_value(value: object, wanted: Type | None) -> object:
    """What a plain call passes on where a parameter, an output or a result is declared `wanted`.

    A one-element array becomes the number or text that is wanted, and a number or text the one-element array.
    """
    match wanted:
        case Optional():
            return eager_value(value, wanted.item)
        case Scalar(kind=kind):
            return _item(value, kind)
        case Tensor():
            return _tensor(value, wanted)
        case ListOf(item=Scalar() as type) if isinstance(value, list):
            return [eager_value(item, type) for item in value]
        case TupleOf(items=types) if value.__class__ is tuple and len(value) == len(types):
            return tuple(map(eager_value, value, types))
        case _:
            return value


def _item(value: object, kind: ScalarKind) -> object:
    if not isinstance(value, np.ndarray | np.generic):
        return value
    array = np.asarray(value)
    if array.shape not in ((), (1,)) or dtype_of(array) not in ITEMS[kind]:
        return value
    return array.item()


def _tensor(value: object, wanted: Tensor) -> object:
    """A branch may give a constant for what is a tensor in the others."""
    if not isinstance(value, bool | int | float | str) or isinstance(value, np.generic | Enum):
        return value
    dims = one_element(wanted)
    if dims is None or wanted.dtype not in FEEDS[scalar_kind(value)]:
        return value
    return np.array(value, numpy_dtype(wanted.dtype)).reshape(dims)


def _problem(port: Tensor, value: object) -> str | None:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, np.ndarray | np.generic):
        return _array_problem(port, np.asarray(value))
    if not isinstance(value, bool | int | float | str):
        return f"it is a `{type(value).__name__}`"
    if one_element(port) is None:
        return f"it is one `{type(value).__name__}`"
    return None if port.dtype in FEEDS[scalar_kind(value)] else f"it is a `{type(value).__name__}`"


def _array_problem(port: Tensor, array: Array) -> str | None:
    dtype = dtype_of(array)
    if dtype is None:
        return f"its dtype is {array.dtype.name}"
    return disagreement(Tensor(dtype, array.shape), port)
