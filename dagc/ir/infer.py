"""The output types of an expression: one table from op to rule, so trace, check and verify agree.

Rules raise `RefusedError` inside; `infer` itself never raises.
"""

from collections.abc import Sequence

from dagc.ir.axis_rules import axis_types
from dagc.ir.elementwise_rules import compute_dtypes, elementwise_type
from dagc.ir.mismatch import Mismatch, RefusedError
from dagc.ir.ops import Cast, Elementwise, Expression, TopK
from dagc.ir.promotion import common, operand
from dagc.ir.types import DType, Scalar, Tensor, Type, Unknown

__all__ = ["Mismatch", "infer", "operand_dtypes"]


def infer(op: Expression, inputs: tuple[Type, ...]) -> tuple[Type, ...] | Mismatch:
    """The types of the outputs, or why the operation does not accept these inputs.

    dtypes follow NumPy 2 (Python scalars are weak, NEP 50); dims describe one example. An `Unknown` input gives
    `Unknown` outputs, never a mismatch: its producer has been reported.
    """
    if any(isinstance(type, Unknown) for type in inputs):
        return (Unknown(), Unknown()) if isinstance(op, TopK) else (Unknown(),)
    try:
        return _types(op, [operand(type) for type in inputs])
    except RefusedError as refused:
        return refused.mismatch


def operand_dtypes(op: Expression, inputs: tuple[Type, ...]) -> tuple[DType, ...]:
    """The dtype each input has as a tensor: its own, or for a Python scalar the one it takes among the others.

    `f32[30] * 0.5` computes with `0.5` as f32, `i64[] * 0.5` with `0.5` as f64; a truth value stays one. Only for
    inputs that `infer` accepts.
    """
    operands = [operand(type) for type in inputs]
    if isinstance(op, Elementwise):
        weak = compute_dtypes(op.kind, operands)
    else:
        weak = [common(operands).dtype] * len(operands)
    return tuple(_dtype_among(own, dtype) for own, dtype in zip(operands, weak, strict=True))


def _types(op: Expression, operands: Sequence[Tensor | Scalar]) -> tuple[Type, ...]:
    match op:
        case Elementwise(kind=kind):
            return (elementwise_type(kind, operands),)
        case Cast(dtype=dtype):
            return (_cast(dtype, operands),)
        case _:
            return axis_types(op, operands)


def _dtype_among(own: Tensor | Scalar, weak: DType) -> DType:
    if isinstance(own, Tensor):
        return own.dtype
    return DType.BOOL if own.kind == "bool" else weak


def _cast(dtype: DType, operands: Sequence[Tensor | Scalar]) -> Tensor:
    if len(operands) != 1:
        raise RefusedError("E0207", f"a cast takes 1 input, got {len(operands)}")
    given = operands[0]
    if (common(operands).dtype is DType.STR) != (dtype is DType.STR):
        raise RefusedError(
            "E0204",
            f"`{given}` cannot be cast to {dtype}",
            "parse and format text inside a step, which is plain Python",
        )
    return Tensor(dtype, given.dims if isinstance(given, Tensor) else ())
