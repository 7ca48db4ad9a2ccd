"""Every expression, every dtype it is defined for, lowered and run beside NumPy at batch sizes 1, 3 and 0."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from dagc.evaluate.kernels import apply
from dagc.ir.infer import infer
from dagc.ir.mismatch import Mismatch
from dagc.ir.ops import (
    ArgMax,
    Cast,
    Concat,
    Constant,
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
from dagc.ir.promotion import FLOATS, INTEGERS, NUMBERS, UNSIGNED
from dagc.ir.types import DType, Scalar, Tensor
from dagc.models.dtypes import to_numpy
from dagc.models.lower import LoweringNeeds, LoweringRefused, lower
from dagc.models.rowwise import mixing
from dagc.models.runner import Runner

pytestmark = pytest.mark.ort

# How far one rounding may be apart from another: kernels of onnxruntime and NumPy add and exponentiate in their
# own order. Units in the last place of the dtype, times a few.
TOLERANCE = {DType.F16: 4e-3, DType.F32: 3e-6, DType.F64: 1e-12}
EDGES: dict[str, list[float]] = {
    "f": [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 7.0, np.nan, np.inf, -np.inf],
    "i": [0, 1, -1, 2, -2, 7, -128, 127],
    "u": [0, 1, 2, 3, 7, 128, 254, 255],
}


def examples(dtype: DType, dims: tuple[int, ...], rows: int, seed: int, *, edges: bool = True) -> np.ndarray:
    """A batch with everyday and awkward elements."""
    random = np.random.default_rng([seed, rows, *dims])
    shape = (rows, *dims)
    if dtype is DType.STR:
        return random.choice(np.array(["a", "b", "é", "Zebra", ""], object), shape)
    kind = to_numpy(dtype).kind
    if kind == "b":
        return random.random(shape) < 0.5
    drawn = random.normal(0, 3, shape) if kind == "f" else random.integers(0 if kind == "u" else -9, 10, shape)
    array = np.asarray(drawn).astype(to_numpy(dtype))
    if edges:
        awkward = np.asarray(EDGES[kind]).astype(to_numpy(dtype))
        if kind != "f":
            limits = np.iinfo(array.dtype)
            awkward = np.append(awkward, np.array([limits.min, limits.max], array.dtype))
        array = np.where(random.random(shape) < 0.4, random.choice(awkward, shape), array)
    return np.asarray(array)


def check(
    op: Expression,
    batches: Sequence[np.ndarray],
    *,
    constants: dict[int, Constant] | None = None,
    opset: int = 17,
    rows: int,
    tolerance: float | None = None,
) -> bytes:
    """Lower, run the batch, and compare each row with NumPy's answer for that example alone."""
    known = constants or {}
    types = [Tensor(_dtype(b), tuple(b.shape[1:])) for b in batches]
    given = tuple(known[i].type if i in known else t for i, t in enumerate(types))
    outputs = infer(op, given)
    assert not isinstance(outputs, Mismatch), outputs
    tensors = tuple(o for o in outputs if isinstance(o, Tensor))
    model = lower(op, tuple(types), tensors, constants=known, opset=opset)
    runner = Runner(model)
    assert runner.outputs == tuple(f"out{i}" for i in range(len(tensors)))
    feeds = {f"in{i}": b for i, b in enumerate(batches) if i not in known}
    got = runner.run(feeds, runner.outputs)
    for row in range(rows):
        values = [python(known[i]) if i in known else np.asarray(b[row]) for i, b in enumerate(batches)]
        wanted = apply(op, values)
        for tensor, have, want in zip(tensors, got, wanted, strict=True):
            equal(have[row], np.asarray(want), tensor.dtype, tolerance)
    for tensor, have in zip(tensors, got, strict=True):
        assert have.dtype == to_numpy(tensor.dtype)
        assert have.shape[0] == rows
        if tensor.dims is not None and None not in tensor.dims:
            assert have.shape == (rows, *tensor.dims)
    return model


def python(constant: Constant) -> object:
    if isinstance(constant.type, Scalar):
        return constant.values[0]
    assert isinstance(constant.type, Tensor)
    return np.array(constant.values, to_numpy(constant.type.dtype)).reshape(constant.type.dims)


def equal(have: object, want: np.ndarray, dtype: DType, tolerance: float | None) -> None:
    have = np.asarray(have)
    if dtype not in FLOATS:
        assert have.tolist() == want.tolist()
        return
    allowed = TOLERANCE[dtype] if tolerance is None else tolerance
    np.testing.assert_allclose(have.astype(float), want.astype(float), rtol=allowed, atol=allowed * 1e-2)


def _dtype(array: np.ndarray) -> DType:
    return next(d for d in DType if to_numpy(d) == array.dtype)


BINARY: tuple[ElementwiseKind, ...] = (
    "add", "sub", "mul", "div", "floordiv", "mod", "eq", "ne", "lt", "le", "gt", "ge",
)  # fmt: skip
OPSETS = (13, 17, 21)
ROWS = (1, 3, 0)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("kind", BINARY)
def test_arithmetic_and_comparison_are_numpys_for_every_number_type(kind: ElementwiseKind, dtype: DType) -> None:
    for rows, opset in itertools.product((*ROWS, 64), OPSETS):
        a, b = (examples(dtype, (4,), rows, seed) for seed in (1, 2))
        check(Elementwise(kind), [a, b], rows=rows, opset=opset)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_powers_are_numpys_until_they_overflow(dtype: DType) -> None:
    for rows in ROWS:
        base = examples(dtype, (5,), rows, 1, edges=False)
        exponent = np.abs(examples(dtype, (5,), rows, 2, edges=False))
        check(Elementwise("pow"), [base, exponent], rows=rows, tolerance=1e-2 if dtype is DType.F16 else None)
        for number in (0, 1, 2, 3, 13):
            constant = Constant((number,), Scalar("int"))
            check(Elementwise("pow"), [base, np.zeros(())[None]], constants={1: constant}, rows=rows,
                  tolerance=1e-2 if dtype is DType.F16 else None)  # fmt: skip


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("kind", ["neg", "abs", "exp", "log", "sqrt"])
def test_functions_of_one_number_are_numpys(kind: ElementwiseKind, dtype: DType) -> None:
    for rows, opset in itertools.product(ROWS, OPSETS):
        check(Elementwise(kind), [examples(dtype, (6,), rows, 1)], rows=rows, opset=opset)


@pytest.mark.parametrize("dtype", DType)
def test_where_chooses_elements_of_any_type(dtype: DType) -> None:
    for rows, opset in itertools.product(ROWS, OPSETS):
        condition = examples(DType.BOOL, (3, 1), rows, 1)
        a, b = examples(dtype, (4,), rows, 2), examples(dtype, (), rows, 3)
        check(Elementwise("where"), [condition, a, b], rows=rows, opset=opset)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("kind", ["min", "max", "mean"])
def test_extremes_and_means_take_any_number_of_tensors(kind: ElementwiseKind, dtype: DType) -> None:
    for rows, count in itertools.product((*ROWS, 40), (1, 2, 5)):
        batches = [examples(dtype, (33,), rows, seed, edges=kind != "mean") for seed in range(count)]
        # onnxruntime keeps f16 sums in f32 between two nodes, NumPy rounds each
        check(Elementwise(kind), batches, rows=rows, tolerance=5e-2 if dtype is DType.F16 else None)


def test_truth_values_combine() -> None:
    for rows in ROWS:
        a, b = examples(DType.BOOL, (4,), rows, 1), examples(DType.BOOL, (), rows, 2)
        check(Elementwise("and"), [a, b], rows=rows)
        check(Elementwise("or"), [a, b], rows=rows)
        check(Elementwise("not"), [a], rows=rows)
        check(Elementwise("eq"), [a, b], rows=rows)
        check(Elementwise("ne"), [a, b], rows=rows)
        check(Elementwise("mean"), [a, b], rows=rows)


@pytest.mark.parametrize(
    ("a", "b"), list(itertools.product((DType.F32, DType.I8, DType.U16, DType.BOOL), NUMBERS))
)
def test_mixed_types_meet_where_numpy_lets_them_meet(a: DType, b: DType) -> None:
    for kind in ("add", "div", "lt", "eq", "min"):
        if not isinstance(infer(Elementwise(kind), (Tensor(a, (3,)), Tensor(b, (3,)))), Mismatch):
            check(Elementwise(kind), [examples(a, (3,), 3, 1), examples(b, (3,), 3, 2)], rows=3)


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.BOOL])
@pytest.mark.parametrize("number", [0.5, 2, True, -1, 300])
def test_python_numbers_are_weak_beside_tensors(dtype: DType, number: float) -> None:
    kind = "bool" if isinstance(number, bool) else "int" if isinstance(number, int) else "float"
    constant = Constant((number,), Scalar(kind))
    batch, empty = examples(dtype, (3,), 3, 1), np.zeros((3,))
    for name in ("lt", "ge", "eq", "ne"):
        if not isinstance(infer(Elementwise(name), (Tensor(dtype, (3,)), constant.type)), Mismatch):
            check(Elementwise(name), [batch, empty], constants={1: constant}, rows=3)
            check(Elementwise(name), [empty, batch], constants={0: constant}, rows=3)
    for name in ("add", "mul", "div", "mod", "floordiv", "max"):
        if isinstance(infer(Elementwise(name), (Tensor(dtype, (3,)), constant.type)), Mismatch):
            continue
        try:
            check(Elementwise(name), [batch, empty], constants={1: constant}, rows=3)
        except LoweringRefused:
            with pytest.raises(OverflowError):
                apply(Elementwise(name), [batch[0], number])


SHAPES = [((), ()), ((), (3,)), ((3,), (2, 3)), ((2, 1), (3,)), ((1,), (1, 1)), ((4, 1, 3), (2, 1))]


@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_examples_of_different_rank_broadcast_behind_the_batch_axis(
    left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    for rows in (1, 2, 3, 4, 0):
        a, b = examples(DType.F32, left, rows, 1), examples(DType.F32, right, rows, 2)
        check(Elementwise("add"), [a, b], rows=rows)
        check(Elementwise("sub"), [b, a], rows=rows)
        check(Elementwise("where"), [a > 0, a, b], rows=rows)
        values = tuple(examples(DType.F32, right, 1, 3, edges=False)[0].reshape(-1).tolist())
        constant = Constant(values, Tensor(DType.F32, right))
        check(Elementwise("mul"), [a, b], constants={1: constant}, rows=rows)


def test_strings_compare_join_and_vote() -> None:
    for rows in ROWS:
        a, b, c = (examples(DType.STR, (2,), rows, seed) for seed in (1, 2, 3))
        known = {1: Constant(("é",), Scalar("str"))}
        check(Elementwise("eq"), [a, b], rows=rows, opset=19)
        check(Elementwise("ne"), [a, np.zeros((rows,))], constants=known, rows=rows, opset=21)
        check(Concat(0), [a, b], rows=rows)
        check(Stack(-1), [a, b], rows=rows)
        check(Vote("first"), [a, b, c], rows=rows, opset=19)
        check(Vote("lowest"), [a, b, c], rows=rows, opset=13)


def test_an_operator_the_opset_lacks_names_the_opset_that_has_it() -> None:
    text = Tensor(DType.STR, ())
    with pytest.raises(LoweringNeeds) as needs:
        lower(Elementwise("eq"), (text, text), (Tensor(DType.BOOL, ()),), opset=17)
    assert needs.value.opset == 19
    with pytest.raises(LoweringNeeds) as needs:
        lower(Elementwise("neg"), (Tensor(DType.F32, ()),), (Tensor(DType.F32, ()),), opset=12)
    assert needs.value.opset == 13


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.BOOL])
@pytest.mark.parametrize("kind", ["sum", "mean", "min", "max"])
@pytest.mark.parametrize("axis", [None, 0, -1, 1])
def test_reductions_keep_the_batch(kind: str, axis: int | None, dtype: DType) -> None:
    op = Reduce(kind, axis)  # type: ignore[arg-type]
    if isinstance(infer(op, (Tensor(dtype, (3, 4)),)), Mismatch):
        return
    for rows, opset in itertools.product(ROWS, OPSETS):
        edges = kind in ("min", "max") or (kind == "sum" and dtype not in FLOATS)
        check(op, [examples(dtype, (3, 4), rows, 1, edges=edges)], rows=rows, opset=opset,
              tolerance=1e-2 if dtype is DType.F16 else 1e-5 if dtype is DType.F32 else None)  # fmt: skip
    if axis is None:
        check(op, [examples(dtype, (), 3, 1, edges=kind != "mean")], rows=3)
        check(op, [examples(dtype, (37,), 5, 1, edges=kind in ("min", "max"))], rows=5,
              tolerance=1e-2 if dtype is DType.F16 else 1e-5 if dtype is DType.F32 else None)  # fmt: skip


@pytest.mark.parametrize("dtype", NUMBERS)
def test_argmax_and_top_k_take_the_first_of_equals(dtype: DType) -> None:
    for rows, axis, edges in itertools.product((*ROWS, 30), (0, 1, -1), (True, False)):
        batch = examples(dtype, (3, 7), rows, 5, edges=edges)
        batch = np.where(np.isinf(batch), 0, batch).astype(batch.dtype) if dtype in FLOATS else batch
        check(ArgMax(axis), [batch], rows=rows)
        for k in (1, 3, 7):
            check(TopK(k), [batch], rows=rows)


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_and_normalise_follow_an_axis(dtype: DType) -> None:
    loose = {DType.F16: 1e-2, DType.F32: 1e-5, DType.F64: 1e-12}[dtype]
    for rows, axis in itertools.product(ROWS, (0, 1, -1)):
        batch = examples(dtype, (3, 4), rows, 1, edges=False)
        check(Softmax(axis), [batch], rows=rows, tolerance=loose)
        check(Normalise(axis), [batch], rows=rows, tolerance=loose)


@pytest.mark.parametrize("dtype", [DType.F32, DType.F64])
def test_a_row_of_zeros_stays_zeros_when_normalised(dtype: DType) -> None:
    check(Normalise(0), [np.zeros((2, 5), to_numpy(dtype))], rows=2)


@pytest.mark.parametrize("dtype", DType)
def test_joining_and_indexing_work_for_every_type(dtype: DType) -> None:
    for rows in ROWS:
        a, b = examples(dtype, (2, 3), rows, 1), examples(dtype, (2, 3), rows, 2)
        for axis in (0, 1, -1):
            check(Concat(axis), [a, b, a], rows=rows)
        for axis in (0, 1, 2, -1, -3):
            check(Stack(axis), [a, b], rows=rows)
        for items in (
            (0,), (-1,), (1, -2), (Slice(0, 1),), (Slice(None, None), 2), (Slice(1, None), Slice(None, -1)),
            (-1, Slice(-2, None)), (Slice(-9, 9), Slice(None, None)), (Slice(2, 1),),
        ):  # fmt: skip
            check(Index(items), [a], rows=rows)


def test_constants_join_as_if_every_row_had_them() -> None:
    for rows in ROWS:
        row = examples(DType.F32, (2,), rows, 1)
        constant = Constant((1.0, 2.0, 3.0), Tensor(DType.F32, (3,)))
        model = check(Concat(0), [row, np.zeros((rows, 3))], constants={1: constant}, rows=rows)
        assert mixing(model) is None
        scalar = Constant((4.0,), Tensor(DType.F32, ()))
        check(Stack(0), [np.zeros((rows,)), examples(DType.F32, (), rows, 1)], constants={0: scalar}, rows=rows)


@pytest.mark.parametrize("dtype", [*INTEGERS])
@pytest.mark.parametrize("ties", ["lowest", "first"])
def test_votes_count_labels(ties: str, dtype: DType) -> None:
    for rows, count in itertools.product((*ROWS, 50), (1, 2, 3, 5)):
        voters = [examples(dtype, (2,), rows, seed) for seed in range(count)]
        check(Vote(ties), voters, rows=rows)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [*NUMBERS, DType.BOOL])
def test_casts_are_numpys(given: DType) -> None:
    for wanted in (*NUMBERS, DType.BOOL):
        batch = examples(given, (5,), 3, 1, edges=False)
        if wanted in UNSIGNED and given in FLOATS:
            batch = np.abs(batch)  # a negative float as an unsigned integer is undefined in C, here and there
        check(Cast(wanted), [batch], rows=3)


def test_the_form_does_not_depend_on_the_run() -> None:
    tensor = Tensor(DType.F32, (3,))
    first = lower(Softmax(0), (tensor,), (tensor,))
    assert first == lower(Softmax(0), (tensor,), (tensor,))


def test_an_output_that_is_an_input_is_passed_through() -> None:
    batch = examples(DType.F32, (3,), 2, 1)
    check(Cast(DType.F32), [batch], rows=2)
    check(Index((Slice(None, None),)), [batch], rows=2)


def test_an_expression_without_rows_is_refused() -> None:
    constant = Constant((1.0,), Scalar("float"))
    tensor = Tensor(DType.F32, ())
    with pytest.raises(LoweringRefused, match="no batch axis"):
        lower(Elementwise("neg"), (tensor,), (tensor,), constants={0: constant})


def test_a_tensor_of_unknown_rank_is_refused() -> None:
    with pytest.raises(LoweringRefused, match="unknown"):
        lower(Elementwise("neg"), (Tensor(DType.F32, None),), (Tensor(DType.F32, None),))
