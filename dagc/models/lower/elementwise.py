"""Element by element. The result's dtype is given; operands are cast to the dtype NumPy computes in.

Where onnxruntime's CPU has no kernel (tried, 1.32: `Min` and `Max` on 16-bit integers) or rounds at every step
where NumPy does not (f16 division), values take a detour through a wider dtype.
"""

from collections.abc import Callable, Sequence

import numpy as np

from dagc.ir.ops import ElementwiseKind
from dagc.ir.promotion import FLOATS, UNSIGNED, common
from dagc.ir.types import DType, Scalar, Tensor
from dagc.models.dtypes import to_numpy
from dagc.models.lower.choice import choose
from dagc.models.lower.division import floor_divide, modulo
from dagc.models.lower.emitter import (
    EQUAL_STRINGS_OPSET,
    Emitter,
    Fixed,
    LoweringNeeds,
    LoweringRefused,
    Operand,
)
from dagc.models.lower.power import power

_COMPARED_AS = {DType.I16: DType.I32, DType.U16: DType.I32}

_DIVIDED_AS = {DType.F16: DType.F32}

_NARROW = (DType.I8, DType.I16, DType.U8, DType.U16)
_NARROW_ARITHMETIC_OPSET = 14
"""`Add`, `Sub` and `Mul` of 8 and 16 bits. Cut from 32 bits the results wrap around just the same."""

_COMPARISONS = {"lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual"}

_DIVISIONS: dict[str, Callable[[Emitter, str, str, DType], str]] = {"floordiv": floor_divide, "mod": modulo}

_DIRECT = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div",
    "neg": "Neg", "abs": "Abs", "exp": "Exp", "log": "Log", "sqrt": "Sqrt",
}  # fmt: skip


def elementwise(emitter: Emitter, kind: ElementwiseKind, operands: Sequence[Operand], out: DType) -> str:
    """The name of the result."""
    rank = max(operand.rank for operand in operands)
    match kind:
        case "eq" | "ne" | "lt" | "le" | "gt" | "ge":
            return _compare(emitter, kind, operands, rank)
        case "and" | "or" | "not":
            taken = [emitter.take(operand, DType.BOOL, rank) for operand in operands]
            return emitter.op(kind.capitalize(), *taken)
        case "where":
            return _where(emitter, operands, out, rank)
        case "min" | "max":
            return _extreme(emitter, kind, operands, out, rank)
        case "mean":
            return _mean(emitter, operands, out, rank)
        case "pow":
            return power(emitter, operands, out, rank)
        case _:
            return _arithmetic(emitter, kind, [emitter.take(o, out, rank) for o in operands], out)


def _arithmetic(emitter: Emitter, kind: str, taken: list[str], out: DType) -> str:
    if out in (DType.BOOL, DType.STR):
        raise LoweringRefused(f"`{kind}` has no ONNX operator for {out}")
    via: DType = DType.I32 if out in _NARROW and emitter.opset < _NARROW_ARITHMETIC_OPSET else out
    if kind in _DIVISIONS:
        via = _DIVIDED_AS.get(via, via)
    return emitter.cast(_calculated(emitter, kind, [emitter.cast(t, out, via) for t in taken], via), via, out)


def _calculated(emitter: Emitter, kind: str, taken: list[str], dtype: DType) -> str:
    if kind == "neg" and dtype in UNSIGNED:
        # NumPy wraps around; `Neg` does not take unsigned integers.
        return emitter.op("Sub", emitter.scalar(0, dtype), *taken)
    if kind in _DIVISIONS:
        return _DIVISIONS[kind](emitter, taken[0], taken[1], dtype)
    return emitter.op(_DIRECT[kind], *taken)


def _compare(emitter: Emitter, kind: str, operands: Sequence[Operand], rank: int) -> str:
    dtype = _compared_dtype(operands)
    if dtype is DType.STR and emitter.opset < EQUAL_STRINGS_OPSET:
        raise LoweringNeeds(EQUAL_STRINGS_OPSET, "comparing strings")
    taken = [emitter.take(operand, dtype, rank) for operand in operands]
    if kind in ("eq", "ne"):
        equal = emitter.op("Equal", *taken)
        return equal if kind == "eq" else emitter.op("Not", equal)
    return emitter.op(_COMPARISONS[kind], *taken)


def _compared_dtype(operands: Sequence[Operand]) -> DType:
    """Where both sides meet; a Python integer the tensor's dtype cannot hold is compared in a wider one."""
    types: list[Tensor | Scalar] = [_type(operand) for operand in operands]
    dtype = common(types).dtype
    weak = [o.constant.values[0] for o in operands if isinstance(o, Fixed) and o.weak]
    whole = [value for value in weak if isinstance(value, int) and not isinstance(value, bool)]
    if dtype in FLOATS or all(_fits(value, dtype) for value in whole):
        return dtype
    return DType.I64 if dtype is not DType.U64 and all(_fits(v, DType.I64) for v in whole) else DType.F64


def _type(operand: Operand) -> Tensor | Scalar:
    if not isinstance(operand, Fixed):
        return Tensor(operand.dtype, (None,) * operand.rank)
    if isinstance(operand.constant.type, Tensor | Scalar):
        return operand.constant.type
    raise LoweringRefused(f"a constant of type `{operand.constant.type}` takes no part in arithmetic")


def _fits(value: int, dtype: DType) -> bool:
    if to_numpy(dtype).kind not in "iu":
        return dtype is not DType.BOOL
    limits = np.iinfo(to_numpy(dtype).name)
    return limits.min <= value <= limits.max


def _where(emitter: Emitter, operands: Sequence[Operand], out: DType, rank: int) -> str:
    condition = emitter.take(operands[0], DType.BOOL, rank)
    chosen, other = (emitter.take(operand, out, rank) for operand in operands[1:])
    return choose(emitter, condition, chosen, other, out)


def _extreme(emitter: Emitter, kind: str, operands: Sequence[Operand], out: DType, rank: int) -> str:
    if out in (DType.BOOL, DType.STR):
        raise LoweringRefused(f"`{kind}` has no ONNX operator for {out}")
    via = _COMPARED_AS.get(out, out)
    taken = [emitter.cast(emitter.take(operand, out, rank), out, via) for operand in operands]
    return emitter.cast(emitter.op(kind.capitalize(), *taken), via, out)


def _mean(emitter: Emitter, operands: Sequence[Operand], out: DType, rank: int) -> str:
    """Summed from the first to the last, then divided by how many there are: the order NumPy adds in."""
    total, *rest = [emitter.take(operand, out, rank) for operand in operands]
    for taken in rest:
        total = emitter.op("Add", total, taken)
    return emitter.op("Div", total, emitter.scalar(len(operands), out))
