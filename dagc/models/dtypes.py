"""Element types in the three languages spoken here: dagc's `DType`, ONNX's numbers and NumPy's dtypes."""

import numpy as np

from dagc.ir.types import DType

_TABLE: tuple[tuple[DType, int, str], ...] = (
    (DType.F32, 1, "float32"),
    (DType.U8, 2, "uint8"),
    (DType.I8, 3, "int8"),
    (DType.U16, 4, "uint16"),
    (DType.I16, 5, "int16"),
    (DType.I32, 6, "int32"),
    (DType.I64, 7, "int64"),
    (DType.STR, 8, "object"),
    (DType.BOOL, 9, "bool"),
    (DType.F16, 10, "float16"),
    (DType.F64, 11, "float64"),
    (DType.U32, 12, "uint32"),
    (DType.U64, 13, "uint64"),
)
"""ONNX's numbers are those of `TensorProto.DataType` in onnx.proto."""

_BY_NUMBER = {number: dtype for dtype, number, _ in _TABLE}
_NUMBERS = {dtype: number for dtype, number, _ in _TABLE}
_NUMPY = {dtype: np.dtype(name) for dtype, _, name in _TABLE}


def from_onnx(number: int) -> DType | None:
    """The element type of an ONNX number; `None` for those dagc does not serve (bfloat16, float8, complex)."""
    return _BY_NUMBER.get(number)


def to_onnx(dtype: DType) -> int:
    """The ONNX number of an element type."""
    return _NUMBERS[dtype]


def to_numpy(dtype: DType) -> np.dtype[np.generic]:
    """The NumPy dtype of an element type; strings are Python objects."""
    return _NUMPY[dtype]
