"""Typing of element-by-element arithmetic: one table from kind to how many inputs and which dtype comes out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dagc.ir.mismatch import RefusedError
from dagc.ir.ops import ElementwiseKind
from dagc.ir.promotion import FLOATS, INTEGERS, NUMBERS, SCALAR_KINDS, Common, common, float_of
from dagc.ir.shapes import broadcast
from dagc.ir.types import DType, Scalar, Tensor

SYMBOLS: dict[ElementwiseKind, str] = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "floordiv": "//", "mod": "%", "pow": "**", "neg": "-",
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "and": "&", "or": "|", "not": "~",
}  # fmt: skip
"""How users write a kind, where it is an operator of Python; the others are functions of their name."""


def elementwise_type(kind: ElementwiseKind, operands: Sequence[Tensor | Scalar]) -> Tensor | Scalar:
    """The type of the result. Raises `RefusedError` with E0203, E0204 or E0207."""
    rule = _RULES[kind]
    least, most = rule.inputs
    if len(operands) < least or (most is not None and len(operands) > most):
        wanted = str(least) if most == least else f"{least} or more"
        raise RefusedError("E0207", f"{_written(kind)} takes {wanted} inputs, got {len(operands)}")
    met = _met(kind, operands)
    dtype = rule.result(kind, met)
    if all(isinstance(o, Scalar) for o in operands):
        return Scalar(SCALAR_KINDS[dtype])
    return Tensor(dtype, broadcast(operands))


def compute_dtypes(kind: ElementwiseKind, operands: Sequence[Tensor | Scalar]) -> list[DType]:
    """The dtype each operand takes if it is a Python scalar."""
    dtype = _met(kind, operands).dtype
    if kind == "where":
        return [DType.BOOL, dtype, dtype]
    if kind in _COMPARISONS and dtype in INTEGERS:
        dtype = DType.I64  # NumPy compares any Python integer, also one the tensor's dtype cannot hold
    return [dtype] * len(operands)


def _met(kind: ElementwiseKind, operands: Sequence[Tensor | Scalar]) -> Common:
    if kind != "where":
        return common(operands)
    if common(operands[:1]).dtype is not DType.BOOL:
        raise RefusedError(
            "E0204", f"the condition of `where` is `{operands[0]}`, not bool", "compare first: `where(x > 0, ...)`"
        )
    return common(operands[1:])


def _arithmetic(kind: ElementwiseKind, met: Common) -> DType:
    if met.dtype in NUMBERS:
        return met.dtype
    if met.dtype is DType.BOOL and met.weak:
        return DType.I64  # Python: `True + True` is 2
    return _refuse(kind, met)


def _quotient(kind: ElementwiseKind, met: Common) -> DType:
    dtype = _arithmetic(kind, met)
    return DType.F64 if dtype in INTEGERS else dtype


def _transcendental(kind: ElementwiseKind, met: Common) -> DType:
    return float_of(_arithmetic(kind, met))


def _extremum(kind: ElementwiseKind, met: Common) -> DType:
    return met.dtype if met.dtype in NUMBERS else _refuse(kind, met)


def _mean(kind: ElementwiseKind, met: Common) -> DType:
    if met.dtype is DType.STR:
        return _refuse(kind, met)
    return met.dtype if met.dtype in FLOATS else DType.F64


def _equality(kind: ElementwiseKind, met: Common) -> DType:
    return DType.BOOL


def _ordering(kind: ElementwiseKind, met: Common) -> DType:
    return DType.BOOL if met.dtype in NUMBERS else _refuse(kind, met)


def _logic(kind: ElementwiseKind, met: Common) -> DType:
    return DType.BOOL if met.dtype is DType.BOOL else _refuse(kind, met)


def _choice(kind: ElementwiseKind, met: Common) -> DType:
    return met.dtype


def _refuse(kind: ElementwiseKind, met: Common) -> DType:
    type = SCALAR_KINDS[met.dtype] if met.weak else met.dtype
    raise RefusedError(
        "E0207",
        f"{_written(kind)} is not defined for {type}",
        _HELP.get(met.dtype, "compare first to get truth values"),
    )


def _written(kind: ElementwiseKind) -> str:
    return f"`{SYMBOLS.get(kind, kind)}`"


_HELP = {
    DType.STR: "strings can be compared with `==` and `!=` and chosen with `where`; do the rest in a step",
    DType.BOOL: "cast to a number first, or combine truth values with `&`, `|` and `~`",
}

_Result = Callable[[ElementwiseKind, Common], DType]


@dataclass(frozen=True, slots=True)
class _Rule:
    inputs: tuple[int, int | None]
    result: _Result


_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")

_ONE, _TWO, _MANY = (1, 1), (2, 2), (1, None)

_RULES: dict[ElementwiseKind, _Rule] = {
    "add": _Rule(_TWO, _arithmetic),
    "sub": _Rule(_TWO, _arithmetic),
    "mul": _Rule(_TWO, _arithmetic),
    "div": _Rule(_TWO, _quotient),
    "floordiv": _Rule(_TWO, _arithmetic),
    "mod": _Rule(_TWO, _arithmetic),
    "pow": _Rule(_TWO, _arithmetic),
    "neg": _Rule(_ONE, _arithmetic),
    "abs": _Rule(_ONE, _arithmetic),
    "exp": _Rule(_ONE, _transcendental),
    "log": _Rule(_ONE, _transcendental),
    "sqrt": _Rule(_ONE, _transcendental),
    "eq": _Rule(_TWO, _equality),
    "ne": _Rule(_TWO, _equality),
    "lt": _Rule(_TWO, _ordering),
    "le": _Rule(_TWO, _ordering),
    "gt": _Rule(_TWO, _ordering),
    "ge": _Rule(_TWO, _ordering),
    "and": _Rule(_TWO, _logic),
    "or": _Rule(_TWO, _logic),
    "not": _Rule(_ONE, _logic),
    "where": _Rule((3, 3), _choice),
    "min": _Rule(_MANY, _extremum),
    "max": _Rule(_MANY, _extremum),
    "mean": _Rule(_MANY, _mean),
}
