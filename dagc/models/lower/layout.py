"""Joining and taking apart: operators that move elements and compute nothing, so every dtype has a kernel."""

from collections.abc import Sequence

import numpy as np

from dagc.ir.ops import Concat, Index, Slice, Stack
from dagc.ir.types import DType
from dagc.models.lower.emitter import Emitter, Operand, Row

_END = int(np.iinfo(np.int64).max)


def concat(emitter: Emitter, op: Concat, operands: Sequence[Operand], out: DType) -> str:
    """The tensors joined along an axis of the example."""
    rank = operands[0].rank
    return emitter.op("Concat", *_rows(emitter, operands, out), axis=op.axis % rank + 1)


def stack(emitter: Emitter, op: Stack, operands: Sequence[Operand], out: DType) -> str:
    """The tensors joined along a new axis."""
    axis = op.axis % (operands[0].rank + 1) + 1
    slots = [emitter.op("Unsqueeze", name, emitter.whole(axis)) for name in _rows(emitter, operands, out)]
    return emitter.op("Concat", *slots, axis=axis)


def index(emitter: Emitter, op: Index, row: Row) -> str:
    """`x[i, j:k]`: slices first, then integers from the last axis, so that earlier axes keep their numbers."""
    name = row.name
    numbered = list(enumerate(op.items, start=1))
    slices = [(axis, item) for axis, item in numbered if isinstance(item, Slice) and item != Slice(None, None)]
    if slices:
        starts = emitter.whole(*(item.start or 0 for _, item in slices))
        stops = emitter.whole(*(_END if item.stop is None else item.stop for _, item in slices))
        name = emitter.op("Slice", name, starts, stops, emitter.whole(*(axis for axis, _ in slices)))
    for axis, item in reversed(numbered):
        if not isinstance(item, Slice):
            name = _picked(emitter, name, row.dtype, axis, item)
    return name


def _picked(emitter: Emitter, name: str, dtype: DType, axis: int, position: int) -> str:
    if dtype is not DType.STR:
        return emitter.op("Gather", name, emitter.scalar(position, DType.I64), axis=axis)
    # `Gather` loses strings: it copies one of each block it should copy (tried, onnxruntime 1.32).
    stop = _END if position == -1 else position + 1
    one = emitter.op("Slice", name, emitter.whole(position), emitter.whole(stop), emitter.whole(axis))
    return emitter.op("Squeeze", one, emitter.whole(axis))


def _rows(emitter: Emitter, operands: Sequence[Operand], out: DType) -> list[str]:
    return [emitter.take_rows(operand, out, operands) for operand in operands]
