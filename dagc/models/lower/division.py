"""Floor division and remainder as Python and NumPy define them: rounded down, the sign of the divisor.

Integer division by 0, and of the smallest integer by -1, stops the process inside onnxruntime's kernels; NumPy
gives 0 and wraps around. The divisor is therefore replaced before the kernel sees it.
"""

from dagc.ir.promotion import FLOATS, UNSIGNED
from dagc.ir.types import DType
from dagc.models.lower.choice import choose
from dagc.models.lower.emitter import Emitter


def floor_divide(emitter: Emitter, a: str, b: str, dtype: DType) -> str:
    """`a // b` for two values of `dtype`."""
    return (
        _floor_divide_floats(emitter, a, b, dtype) if dtype in FLOATS else _floor_divide_ints(emitter, a, b, dtype)
    )


def modulo(emitter: Emitter, a: str, b: str, dtype: DType) -> str:
    """`a % b` for two values of `dtype`."""
    if dtype in FLOATS:
        return _modulo_floats(emitter, a, b, dtype)
    # The remainder by 1 is 0, which is NumPy's answer for 0 and -1 as well.
    return emitter.op("Mod", a, _safe_divisor(emitter, b, dtype))


def _floor_divide_ints(emitter: Emitter, a: str, b: str, dtype: DType) -> str:
    safe = _safe_divisor(emitter, b, dtype)
    quotient = emitter.op("Div", a, safe)
    if dtype not in UNSIGNED:
        # `Div` rounds towards zero: one too many where the signs differ and something remains.
        zero = emitter.scalar(0, dtype)
        inexact = emitter.op("Not", emitter.op("Equal", emitter.op("Mod", a, safe), zero))
        opposite = emitter.op("Xor", emitter.op("Less", a, zero), emitter.op("Less", safe, zero))
        too_many = emitter.cast(emitter.op("And", inexact, opposite), DType.BOOL, dtype)
        quotient = emitter.op("Sub", quotient, too_many)
        negated = emitter.op("Sub", emitter.scalar(0, dtype), a)
        quotient = choose(emitter, _equals(emitter, b, -1, dtype), negated, quotient, dtype)
    return choose(emitter, _equals(emitter, b, 0, dtype), emitter.scalar(0, dtype), quotient, dtype)


def _safe_divisor(emitter: Emitter, b: str, dtype: DType) -> str:
    unsafe = _equals(emitter, b, 0, dtype)
    if dtype not in UNSIGNED:
        unsafe = emitter.op("Or", unsafe, _equals(emitter, b, -1, dtype))
    return choose(emitter, unsafe, emitter.scalar(1, dtype), b, dtype)


def _floor_divide_floats(emitter: Emitter, a: str, b: str, dtype: DType) -> str:
    """`floor(a / b)` corrected as CPython's `float_floor_div` does, so that `1.0 // 0.1` is 9."""
    half, one, zero = (emitter.scalar(number, dtype) for number in (0.5, 1, 0))
    remainder = emitter.op("Mod", a, b, fmod=1)
    quotient = emitter.op("Div", emitter.op("Sub", a, remainder), b)
    lower = emitter.op("Where", _signs_differ(emitter, remainder, b, dtype), one, zero)
    quotient = emitter.op("Sub", quotient, lower)
    floor = emitter.op("Floor", quotient)
    far = emitter.op("Greater", emitter.op("Sub", quotient, floor), half)
    floor = emitter.op("Add", floor, emitter.op("Where", far, one, zero))
    by_zero = emitter.op("Equal", b, zero)
    return emitter.op("Where", by_zero, emitter.op("Div", a, b), floor)


def _modulo_floats(emitter: Emitter, a: str, b: str, dtype: DType) -> str:
    remainder = emitter.op("Mod", a, b, fmod=1)
    zero = emitter.scalar(0, dtype)
    moved = emitter.op("Where", _signs_differ(emitter, remainder, b, dtype), b, zero)
    return emitter.op("Add", remainder, moved)


def _signs_differ(emitter: Emitter, remainder: str, b: str, dtype: DType) -> str:
    """True where the remainder is not zero and lies on the other side of zero than the divisor."""
    zero = emitter.scalar(0, dtype)
    below, above = emitter.op("Less", remainder, zero), emitter.op("Greater", remainder, zero)
    first = emitter.op("And", below, emitter.op("Greater", b, zero))
    second = emitter.op("And", above, emitter.op("Less", b, zero))
    return emitter.op("Or", first, second)


def _equals(emitter: Emitter, name: str, number: int, dtype: DType) -> str:
    return emitter.op("Equal", name, emitter.scalar(number, dtype))
