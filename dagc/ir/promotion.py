"""Which dtype an operation computes in: NumPy 2 promotion, where Python scalars are weak (NEP 50)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dagc.ir.mismatch import RefusedError
from dagc.ir.types import Choice, DType, Scalar, ScalarKind, Tensor, Type

FLOATS = (DType.F16, DType.F32, DType.F64)
SIGNED = (DType.I8, DType.I16, DType.I32, DType.I64)
UNSIGNED = (DType.U8, DType.U16, DType.U32, DType.U64)
INTEGERS = SIGNED + UNSIGNED
NUMBERS = FLOATS + INTEGERS

SCALAR_DTYPES: dict[ScalarKind, DType] = {
    "bool": DType.BOOL,
    "int": DType.I64,
    "float": DType.F64,
    "str": DType.STR,
}
"""What a Python scalar is when nothing else decides: the dtypes `np.asarray` gives."""

SCALAR_KINDS: dict[DType, ScalarKind] = {dtype: kind for kind, dtype in SCALAR_DTYPES.items()}

_BITS = {dtype: int(dtype[1:]) for dtype in NUMBERS}


@dataclass(frozen=True, slots=True)
class Common:
    """The dtype operands meet in. `weak` when all of them are Python scalars: then the result is one too."""

    dtype: DType
    weak: bool


def operand(type: Type) -> Tensor | Scalar:
    """The type as arithmetic sees it: a `Choice` is the scalar its values are. E0207 for anything else."""
    match type:
        case Tensor() | Scalar():
            return type
        case Choice(values=values):
            kinds = {scalar_kind(value) for value in values}
            if len(kinds) == 1:
                return Scalar(kinds.pop())
    raise RefusedError(
        "E0207", f"arithmetic is not defined for `{type}`", "compute this inside a step, which is plain Python"
    )


def scalar_kind(value: int | float | str | bool) -> ScalarKind:
    """The kind of a Python scalar (`True` is `bool`, not `int`)."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "str"
    return "int" if isinstance(value, int) else "float"


def common(operands: Sequence[Tensor | Scalar]) -> Common:
    """The dtype the operands meet in. Refuses strings beside numbers with E0204."""
    if len({_dtype(o) is DType.STR for o in operands}) > 1:
        kinds = " and ".join(dict.fromkeys(f"`{o}`" for o in operands))
        raise RefusedError("E0204", f"strings and numbers do not mix: {kinds}", "convert one side inside a step")
    strong = [o.dtype for o in operands if isinstance(o, Tensor)]
    weak = _widest(o.kind for o in operands if isinstance(o, Scalar))
    if not strong:
        return Common(SCALAR_DTYPES[weak or "float"], weak=True)
    dtype = strong[0]
    for other in strong[1:]:
        dtype = promote(dtype, other)
    return Common(dtype if weak is None else _with_weak(dtype, weak), weak=False)


def promote(a: DType, b: DType) -> DType:
    """The dtype of `a` together with `b`, both strong, as `np.promote_types`; strings meet only strings."""
    if a is b or b is DType.BOOL:
        return a
    if a is DType.BOOL:
        return b
    if a in FLOATS or b in FLOATS:
        return max(_float_for(a), _float_for(b), key=_BITS.__getitem__)
    if (a in SIGNED) == (b in SIGNED):
        return max(a, b, key=_BITS.__getitem__)
    signed, unsigned = (a, b) if a in SIGNED else (b, a)
    room = max(_BITS[signed], 2 * _BITS[unsigned])
    return DType(f"i{room}") if room <= 64 else DType.F64


def float_of(dtype: DType) -> DType:
    """What `np.exp` and its like return for a dtype: the smallest float that holds its integers, at most f64."""
    return _float_for(dtype) if dtype in NUMBERS else DType.F16


def _float_for(dtype: DType) -> DType:
    bits = _BITS[dtype]
    return dtype if dtype in FLOATS else DType(f"f{min(64, 2 * bits)}")


def _with_weak(dtype: DType, weak: ScalarKind) -> DType:
    if weak == "float" and dtype not in FLOATS:
        return DType.F64
    if weak == "int" and dtype is DType.BOOL:
        return DType.I64
    return dtype


def _widest(kinds: Iterable[ScalarKind]) -> ScalarKind | None:
    order: tuple[ScalarKind, ...] = ("bool", "int", "float", "str")
    return max(kinds, key=order.index, default=None)


def _dtype(operand: Tensor | Scalar) -> DType:
    return operand.dtype if isinstance(operand, Tensor) else SCALAR_DTYPES[operand.kind]
