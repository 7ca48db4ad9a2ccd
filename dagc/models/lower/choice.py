"""Choosing between two values element by element, for every dtype.

onnxruntime's CPU kernel of `Where` misses 16-bit integers, u64 and bool (tried, 1.32): a cast there and back keeps
every bit of those, so they are chosen as a wider or a signed dtype.
"""

from dagc.ir.types import DType
from dagc.models.lower.emitter import Emitter

_CHOSEN_AS = {DType.I16: DType.I32, DType.U16: DType.I32, DType.U64: DType.I64, DType.BOOL: DType.U8}


def choose(emitter: Emitter, condition: str, chosen: str, other: str, dtype: DType) -> str:
    """`where(condition, chosen, other)` for two values of `dtype`."""
    via = _CHOSEN_AS.get(dtype, dtype)
    sides = [emitter.cast(side, dtype, via) for side in (chosen, other)]
    return emitter.cast(emitter.op("Where", condition, *sides), via, dtype)
