"""Powers. onnxruntime raises integers through doubles, which is wrong above 2**53: they are multiplied instead."""

from collections.abc import Sequence

from dagc.ir.promotion import FLOATS
from dagc.ir.types import DType
from dagc.models.lower.emitter import Emitter, Fixed, LoweringRefused, Operand

_EXPONENT_BITS = 6
"""Any exponent of 64 or more overflows 64 bits unless the base is -1, 0 or 1, where only its parity counts."""


def power(emitter: Emitter, operands: Sequence[Operand], out: DType, rank: int) -> str:
    """`base ** exponent`; integers wrap around.

    With a tensor as exponent, an overflowing integer power wraps to another number than NumPy's, and a negative
    exponent, which NumPy refuses, gives some number.
    """
    base, exponent = operands
    if out in FLOATS:
        return emitter.op("Pow", *(emitter.take(operand, out, rank) for operand in operands))
    if out in (DType.BOOL, DType.STR):
        raise LoweringRefused(f"`pow` has no ONNX operator for {out}")
    taken = emitter.take(base, DType.I64, rank)
    if isinstance(exponent, Fixed) and exponent.array(DType.I64).size == 1:
        return emitter.cast(_known_exponent(emitter, taken, exponent), DType.I64, out)
    return emitter.cast(_any_exponent(emitter, taken, emitter.take(exponent, DType.I64, rank)), DType.I64, out)


def _known_exponent(emitter: Emitter, base: str, exponent: Fixed) -> str:
    """Square and multiply."""
    left = int(exponent.array(DType.I64).reshape(-1)[0])
    if left < 0:
        raise LoweringRefused("integers to negative integer powers are not allowed")
    if left == 0:
        zeros = emitter.op("Mul", base, emitter.scalar(0, DType.I64))
        return emitter.op("Add", zeros, emitter.scalar(1, DType.I64))
    result = ""
    while left:
        if left & 1:
            result = emitter.op("Mul", result, base) if result else base
        left >>= 1
        if left:
            base = emitter.op("Mul", base, base)
    return result


def _any_exponent(emitter: Emitter, base: str, exponent: str) -> str:
    one, two = (emitter.scalar(number, DType.I64) for number in (1, 2))
    high = emitter.scalar(1 << _EXPONENT_BITS, DType.I64)
    last = emitter.op(
        "Add", emitter.scalar((1 << _EXPONENT_BITS) - 2, DType.I64), emitter.op("Mod", exponent, two)
    )
    left = emitter.op("Where", emitter.op("Less", exponent, high), exponent, last)
    result = one
    for bit in range(_EXPONENT_BITS):
        odd = emitter.op("Equal", emitter.op("Mod", left, two), one)
        result = emitter.op("Where", odd, emitter.op("Mul", result, base), result)
        if bit < _EXPONENT_BITS - 1:
            left = emitter.op("Div", left, two)
            base = emitter.op("Mul", base, base)
    return result
