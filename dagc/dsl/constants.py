"""Values written in a graph body as constants of the IR."""

from enum import Enum

import numpy as np

from dagc.ir.ops import Constant
from dagc.ir.promotion import scalar_kind
from dagc.ir.types import Choice, DType, Scalar, Tensor

_DTYPES: dict[str, DType] = {
    "float16": DType.F16, "float32": DType.F32, "float64": DType.F64,
    "int8": DType.I8, "int16": DType.I16, "int32": DType.I32, "int64": DType.I64,
    "uint8": DType.U8, "uint16": DType.U16, "uint32": DType.U32, "uint64": DType.U64,
    "bool": DType.BOOL,
}  # fmt: skip

_MOST_ITEMS = 1_000_000
"""Constants are Python values in the IR and text in its dumps, 30 times the size of an array: more is a model."""


def constant(item: object) -> Constant | None:
    """The constant for a Python scalar, an enum member of one, or an array; nothing for any other object.

    An enum member stands for its value, as it does in the kernels and in ONNX.
    """
    if isinstance(item, Enum):
        value = item.value
        if not isinstance(value, str | int):
            return None
        return Constant((value,), Choice((value,), type(item).__name__))
    if isinstance(item, np.ndarray | np.generic):
        return _array(np.asarray(item))
    if isinstance(item, bool | int | float | str):
        return Constant((item,), Scalar(scalar_kind(item)))
    return None


def too_large(item: object) -> str | None:
    """Why a value is no constant of a graph though others of its type are; nothing when it can be one."""
    if isinstance(item, np.ndarray) and item.size > _MOST_ITEMS:
        return f"an array of {item.size:,} items, and a constant has at most {_MOST_ITEMS:,}"
    if isinstance(item, int) and not isinstance(item, Enum) and not -(2**63) <= item < 2**64:
        return f"a whole number of {item.bit_length()} bits, and the largest type has 64"
    return None


def dtype_of(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> DType | None:
    """The element type of an array; arrays of Python strings are `str`."""
    if array.dtype.kind in "US" or (array.dtype.kind == "O" and all(isinstance(x, str) for x in array.flat)):
        return DType.STR
    return _DTYPES.get(array.dtype.name)


def _array(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Constant | None:
    dtype = dtype_of(array)
    if dtype is None:
        return None
    values = tuple(str(item) for item in array.flat) if dtype is DType.STR else tuple(array.ravel().tolist())
    return Constant(values, Tensor(dtype, array.shape))
