from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagc.evaluate.kernels import apply, numpy_dtype
from dagc.ir.infer import Mismatch, infer, operand_dtypes
from dagc.ir.ops import (
    ArgMax,
    Cast,
    Concat,
    Elementwise,
    ElementwiseKind,
    Expression,
    Index,
    Normalise,
    Reduce,
    Slice,
    Softmax,
    Stack,
    TopK,
    Vote,
)
from dagc.ir.promotion import NUMBERS, promote
from dagc.ir.types import (
    Bytes,
    Choice,
    Dim,
    DType,
    ListOf,
    Opaque,
    Optional,
    Record,
    Scalar,
    ScalarKind,
    Tensor,
    TupleOf,
    Type,
    Unknown,
)

F32, F64, I64, BOOL, STR = DType.F32, DType.F64, DType.I64, DType.BOOL, DType.STR
SCALARS: dict[ScalarKind, object] = {"int": 2, "float": 2.0, "bool": True, "str": "a"}
UNARY: tuple[ElementwiseKind, ...] = ("neg", "abs", "exp", "log", "sqrt", "not")
BINARY: tuple[ElementwiseKind, ...] = (
    "add", "sub", "mul", "div", "floordiv", "mod", "pow", "eq", "ne", "lt", "le", "gt", "ge", "and", "or",
    "min", "max", "mean",
)  # fmt: skip
OPERANDS: tuple[Tensor | Scalar, ...] = (
    *(Tensor(dtype, (3,)) for dtype in DType),
    *(Scalar(kind) for kind in SCALARS),
)


def f32(*dims: Dim) -> Tensor:
    return Tensor(F32, dims)


def i64(*dims: Dim) -> Tensor:
    return Tensor(I64, dims)


def result(op: Expression, *inputs: Type) -> Type | str:
    """The one output type, or the code of the mismatch."""
    types = infer(op, inputs)
    if isinstance(types, Mismatch):
        return types.code
    return types[0]


def value_of(type: Tensor | Scalar) -> object:
    if isinstance(type, Scalar):
        return SCALARS[type.kind]
    shape = tuple(2 if size is None or isinstance(size, str) else size for size in type.dims or ())
    if type.dtype is STR:
        return np.full(shape, "a", object)
    return np.full(shape, 2).astype(numpy_dtype(type.dtype))


def type_of(value: object) -> Type:
    if isinstance(value, np.ndarray):
        dtype = next(d for d in DType if numpy_dtype(d) == value.dtype)
        return Tensor(dtype, value.shape)
    kinds: dict[type, ScalarKind] = {bool: "bool", int: "int", float: "float", str: "str"}
    return Scalar(kinds[type(value)])


@pytest.mark.parametrize("kind", (*UNARY, *BINARY, "where"))
def test_what_is_inferred_is_what_numpy_computes(kind: ElementwiseKind) -> None:
    arity = 1 if kind in UNARY else 3 if kind == "where" else 2
    accepted = 0
    for operands in product(OPERANDS, repeat=arity):
        types = infer(Elementwise(kind), operands)
        if isinstance(types, Mismatch):
            continue
        accepted += 1
        values = [value_of(operand) for operand in operands]
        assert (type_of(apply(Elementwise(kind), values)[0]),) == types, operands
    assert accepted


@pytest.mark.parametrize(
    ("op", "inputs"),
    [
        (Cast(F64), (f32(3),)),
        (Cast(F32), (Scalar("float"),)),
        (Reduce("sum", None), (Tensor(DType.I8, (2, 3)),)),
        (Reduce("sum", 0), (Tensor(DType.U16, (2, 3)),)),
        (Reduce("sum", 0), (Tensor(BOOL, (2, 3)),)),
        (Reduce("mean", -1), (i64(2, 3),)),
        (Reduce("mean", -1), (Tensor(DType.F16, (2, 3)),)),
        (Reduce("max", 1), (i64(2, 3),)),
        (ArgMax(0), (f32(2, 3),)),
        (Softmax(-1), (f32(2, 3),)),
        (Normalise(0), (Tensor(F64, (2, 3)),)),
        (TopK(2), (f32(2, 3),)),
        (Concat(1), (f32(2, 3), f32(2, 4))),
        (Concat(0), (f32(3), i64(2))),
        (Stack(1), (f32(3), f32(3), f32(3))),
        (Stack(0), (f32(), Scalar("float"))),
        (Stack(0), (Scalar("int"), Scalar("float"))),
        (Index((0,)), (f32(2, 3),)),
        (Index((Slice(None, -1), -1)), (f32(2, 3),)),
        (Index((Slice(5, 9),)), (f32(2, 3),)),
        (Vote("lowest"), (i64(2), i64(2), i64(2))),
        (Vote("first"), (Scalar("str"), Scalar("str"))),
        (Vote("first"), (Tensor(STR, ()), Tensor(STR, ()))),
    ],
    ids=str,
)
def test_what_is_inferred_along_axes_is_what_numpy_computes(op: Expression, inputs: tuple[Type, ...]) -> None:
    values = [value_of(type) for type in inputs if isinstance(type, Tensor | Scalar)]
    assert infer(op, inputs) == tuple(type_of(value) for value in apply(op, values))


def test_dtypes_promote_as_numpy_promotes_them() -> None:
    for a, b in product((*NUMBERS, BOOL), repeat=2):
        assert numpy_dtype(promote(a, b)) == np.promote_types(numpy_dtype(a), numpy_dtype(b)), (a, b)


@pytest.mark.parametrize(
    ("a", "b", "together"),
    [
        ((30,), (30,), (30,)),
        ((30,), (), (30,)),
        ((1, 30), (5, 1), (5, 30)),
        (("n",), ("n",), ("n",)),
        (("n",), (1,), ("n",)),
        (("n",), (30,), (None,)),
        (("n",), ("m",), (None,)),
        ((None,), (30,), (None,)),
        (None, (30,), None),
    ],
)
def test_sizes_broadcast_and_what_is_not_known_stays_unknown(
    a: tuple[Dim, ...] | None, b: tuple[Dim, ...], together: tuple[Dim, ...] | None
) -> None:
    assert result(Elementwise("add"), Tensor(F32, a), Tensor(F32, b)) == Tensor(F32, together)
    assert result(Elementwise("add"), Tensor(F32, b), Tensor(F32, a)) == Tensor(F32, together)


@pytest.mark.parametrize(
    ("code", "op", "inputs"),
    [
        ("E0203", Elementwise("add"), (f32(30), f32(32))),
        ("E0203", Concat(0), (f32(2, 3), f32(2, 4))),
        ("E0203", Concat(0), (f32(2), f32(2, 4))),
        ("E0203", Stack(0), (f32(2), f32(3))),
        ("E0203", Vote("first"), (i64(2), i64(3))),
        ("E0204", Elementwise("eq"), (Scalar("str"), Scalar("int"))),
        ("E0204", Elementwise("where"), (f32(), f32(), f32())),
        ("E0204", Vote("first"), (f32(), f32())),
        ("E0204", Vote("first"), (i64(), Tensor(DType.I32, ()))),
        ("E0204", Softmax(0), (i64(3),)),
        ("E0204", Cast(F32), (Tensor(STR, ()),)),
        ("E0205", Reduce("sum", 1), (f32(3),)),
        ("E0205", ArgMax(0), (f32(),)),
        ("E0205", Index((3,)), (f32(3),)),
        ("E0205", Index((0, 0)), (f32(3),)),
        ("E0205", TopK(4), (f32(3),)),
        ("E0205", TopK(0), (f32(3),)),
        ("E0205", Stack(2), (f32(3), f32(3))),
        ("E0207", Elementwise("add"), (Tensor(STR, ()), Tensor(STR, ()))),
        ("E0207", Elementwise("lt"), (Scalar("str"), Scalar("str"))),
        ("E0207", Elementwise("and"), (i64(), i64())),
        ("E0207", Elementwise("add"), (Tensor(BOOL, ()), Tensor(BOOL, ()))),
        ("E0207", Elementwise("add"), (Record("R", ()), f32())),
        ("E0207", Elementwise("add"), (f32(),)),
        ("E0207", Elementwise("add"), (Choice(("a", 1)), f32())),
        ("E0207", Reduce("sum", None), (Scalar("float"),)),
        ("E0207", Concat(0), (Scalar("float"),)),
        ("E0207", Stack(0), ()),
        ("E0207", Elementwise("mean"), ()),
    ],
    ids=str,
)
def test_a_refusal_has_the_code_of_its_kind(code: str, op: Expression, inputs: tuple[Type, ...]) -> None:
    assert result(op, *inputs) == code


def test_a_refusal_says_what_differs_and_where() -> None:
    refused = infer(Elementwise("add"), (f32(2, 30), f32(32)))
    assert refused == Mismatch(
        "E0203",
        "shapes `f32[2, 30]` and `f32[32]` do not agree: axis 1 has sizes 30 and 32",
        "sizes must be equal, or one of them 1",
    )


def test_a_choice_counts_as_the_scalar_its_values_are() -> None:
    assert result(Elementwise("eq"), Choice(("a", "b")), Scalar("str")) == Scalar("bool")
    assert result(Elementwise("mul"), Choice((1, 2)), f32(3)) == f32(3)


def test_an_unknown_input_gives_unknown_outputs_and_no_second_error() -> None:
    assert infer(Elementwise("add"), (Unknown(), Record("R", ()))) == (Unknown(),)
    assert infer(TopK(3), (Unknown(),)) == (Unknown(), Unknown())


def test_a_scalar_takes_the_dtype_it_meets() -> None:
    def dtypes(kind: ElementwiseKind, *types: Type) -> tuple[DType, ...]:
        return operand_dtypes(Elementwise(kind), types)

    assert dtypes("mul", f32(3), Scalar("float")) == (F32, F32)
    assert dtypes("mul", i64(), Scalar("float")) == (I64, F64)
    assert dtypes("mul", Scalar("float"), Scalar("int")) == (F64, F64)
    assert dtypes("where", Scalar("bool"), f32(), Scalar("int")) == (BOOL, F32, F32)
    assert dtypes("lt", Tensor(DType.U8, ()), Scalar("int")) == (DType.U8, I64)  # 300 has to compare, not overflow
    assert dtypes("eq", Scalar("str"), Tensor(STR, ())) == (STR, STR)


_dims = st.none() | st.lists(st.none() | st.sampled_from(["n", "m"]) | st.integers(0, 4), max_size=3).map(tuple)
_types: st.SearchStrategy[Type] = st.recursive(
    st.builds(Tensor, st.sampled_from(DType), _dims)
    | st.builds(Scalar, st.sampled_from(["int", "float", "str", "bool"]))
    | st.builds(Choice, st.lists(st.sampled_from(["a", 1, True]), max_size=2).map(tuple))
    | st.sampled_from([Bytes(), Opaque("object"), Record("R", ()), Unknown()]),
    lambda inner: st.builds(ListOf, inner) | st.builds(Optional, inner) | st.builds(TupleOf, st.tuples(inner)),
    max_leaves=3,
)
_axes = st.integers(-4, 4)
_ops: st.SearchStrategy[Expression] = (
    st.builds(Elementwise, st.sampled_from([*UNARY, *BINARY, "where"]))
    | st.builds(Cast, st.sampled_from(DType))
    | st.builds(Reduce, st.sampled_from(["sum", "mean", "min", "max"]), st.none() | _axes)
    | st.one_of(*(st.builds(op, _axes) for op in (ArgMax, Softmax, Normalise, TopK, Concat, Stack)))
    | st.builds(
        Index, st.lists(_axes | st.builds(Slice, st.none() | _axes, st.none() | _axes), max_size=4).map(tuple)
    )
    | st.builds(Vote, st.sampled_from(["lowest", "first"]))
)


@given(_ops, st.lists(_types, max_size=4).map(tuple))
def test_infer_never_raises_and_only_known_codes_come_out(op: Expression, inputs: tuple[Type, ...]) -> None:
    types = infer(op, inputs)
    if isinstance(types, Mismatch):
        assert types.code in {"E0203", "E0204", "E0205", "E0207"}
    else:
        assert len(types) == (2 if isinstance(op, TopK) else 1)
