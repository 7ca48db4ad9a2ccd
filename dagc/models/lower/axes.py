"""Along the axes of an example. Axis `a` of an example is axis `a + 1` of the batch, also when counted from -1."""

import numpy as np

from dagc.ir.ops import ArgMax, Normalise, Reduce, Softmax, TopK
from dagc.ir.promotion import FLOATS
from dagc.ir.types import DType
from dagc.models.dtypes import to_numpy
from dagc.models.lower.emitter import AXES_AS_INPUT_OPSET, Emitter, Row

_SMALLEST_NORM = 1e-12

_ORDERED_AS = {
    DType.I8: DType.I32, DType.I16: DType.I32, DType.U8: DType.I32, DType.U16: DType.I32,
    DType.U32: DType.I64, DType.U64: DType.I64, DType.BOOL: DType.I32,
}  # fmt: skip
"""Where onnxruntime orders values it has no own kernel for (tried, 1.32: none for 16-bit, u32 and u64)."""


def reduce(emitter: Emitter, op: Reduce, row: Row, out: DType) -> str:
    """Sum, mean, smallest or largest element; integers are added in 64 bits and averaged in f64, f16 in f32."""
    axes = tuple(range(1, row.rank + 1)) if op.axis is None else (_batched(op.axis, row.rank),)
    if op.kind in ("min", "max"):
        return _extreme(emitter, op.kind, row, axes)
    whole = row.dtype not in FLOATS
    via = {DType.F16: DType.F32}.get(out, out) if not (whole and op.kind == "sum") else DType.I64
    name = emitter.cast(row.name, row.dtype, via)
    if op.kind == "sum" and row.dtype in (DType.I64, DType.U64):
        return emitter.cast(_exact_sum(emitter, name, axes), via, out)
    return emitter.cast(_reduced(emitter, f"Reduce{op.kind.capitalize()}", name, axes), via, out)


def argmax(emitter: Emitter, op: ArgMax, row: Row) -> str:
    """The first index of the largest element, as i64."""
    axis = _batched(op.axis, row.rank)
    name, dtype = _ordered(emitter, row)
    if dtype in FLOATS:
        # NumPy takes a NaN for the largest element; onnxruntime's comparison passes over it.
        largest = emitter.scalar(np.inf, dtype)
        name = emitter.op("Where", emitter.op("IsNaN", name), largest, name)
    return emitter.op("ArgMax", name, axis=axis, keepdims=0)


def softmax(emitter: Emitter, op: Softmax, row: Row, out: DType) -> str:
    """`exp(x) / sum(exp(x))`; the kernel subtracts the largest element first."""
    return emitter.op("Softmax", emitter.cast(row.name, row.dtype, out), axis=_batched(op.axis, row.rank))


def normalise(emitter: Emitter, op: Normalise, row: Row, out: DType) -> str:
    """`x / max(sqrt(sum(x * x)), 1e-12)`, in f32 for f16, which has no 1e-12."""
    via = DType.F32 if out is DType.F16 else out
    name = emitter.cast(row.name, row.dtype, via)
    squares = emitter.op("Mul", name, name)
    axes = (_batched(op.axis, row.rank),)
    length = emitter.op("Sqrt", _reduced(emitter, "ReduceSum", squares, axes, keepdims=1))
    bounded = emitter.op("Max", length, emitter.scalar(_SMALLEST_NORM, via))
    return emitter.cast(emitter.op("Div", name, bounded), via, out)


def top_k(emitter: Emitter, op: TopK, row: Row) -> list[str]:
    """The `k` largest values and their i64 indices, ties by the lower index (the ONNX operator's own rule)."""
    name, dtype = _ordered(emitter, row)
    values, indices = emitter.ops("TopK", [name, emitter.whole(op.k)], 2, axis=row.rank, largest=1, sorted=1)
    return [_restored(emitter, values, dtype, row.dtype), indices]


def _exact_sum(emitter: Emitter, name: str, axes: tuple[int, ...]) -> str:
    """The sum of i64 modulo 2**64, of up to 2**21 elements.

    onnxruntime adds i64 in doubles, which is wrong above 2**53 (tried, 1.32): both halves are added on their own.
    """
    base = emitter.scalar(1 << 32, DType.I64)
    low = emitter.op("Mod", name, base)
    high = emitter.op("Div", emitter.op("Sub", name, low), base)
    low, high = (_reduced(emitter, "ReduceSum", half, axes) for half in (low, high))
    return emitter.op("Add", emitter.op("Mul", high, base), low)


def _extreme(emitter: Emitter, kind: str, row: Row, axes: tuple[int, ...]) -> str:
    name, dtype = _ordered(emitter, row)
    found = _reduced(emitter, f"Reduce{kind.capitalize()}", name, axes)
    if dtype in FLOATS:
        # Whether onnxruntime passes over a NaN depends on dtype and axis (tried, 1.32); NumPy gives NaN.
        strange = emitter.cast(emitter.op("IsNaN", name), DType.BOOL, DType.I32)
        any_strange = emitter.cast(_reduced(emitter, "ReduceMax", strange, axes), DType.I32, DType.BOOL)
        found = emitter.op("Where", any_strange, emitter.scalar(np.nan, dtype), found)
    return _restored(emitter, found, dtype, row.dtype)


def _reduced(emitter: Emitter, kind: str, name: str, axes: tuple[int, ...], *, keepdims: int = 0) -> str:
    if not axes:
        return name
    if kind == "ReduceSum" or emitter.opset >= AXES_AS_INPUT_OPSET:
        return emitter.op(kind, name, emitter.whole(*axes), keepdims=keepdims)
    return emitter.op(kind, name, axes=list(axes), keepdims=keepdims)


def _ordered(emitter: Emitter, row: Row) -> tuple[str, DType]:
    """The row in a dtype onnxruntime can order, in the same order."""
    via = _ORDERED_AS.get(row.dtype, row.dtype)
    name = emitter.cast(row.name, row.dtype, via)
    return (_top_bit_flipped(emitter, name) if row.dtype is DType.U64 else name), via


def _restored(emitter: Emitter, name: str, via: DType, dtype: DType) -> str:
    flipped = _top_bit_flipped(emitter, name) if dtype is DType.U64 else name
    return emitter.cast(flipped, via, dtype)


def _top_bit_flipped(emitter: Emitter, name: str) -> str:
    """Turns the order of u64 bit patterns into the order of i64, and back: adding 2**63 wraps around."""
    return emitter.op("Add", name, emitter.constant(np.array(np.iinfo(np.int64).min, to_numpy(DType.I64))))


def _batched(axis: int, rank: int) -> int:
    return axis % rank + 1
