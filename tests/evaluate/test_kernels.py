"""Every kernel against what `ir.infer` promises, and against numbers computed by hand."""

import itertools
from typing import get_args

import numpy as np
import pytest

from dagc.evaluate.kernels import apply
from dagc.ir.infer import infer
from dagc.ir.mismatch import Mismatch
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
from dagc.ir.types import DType, Scalar, Tensor, Type
from dagc.models.dtypes import to_numpy

SCALARS: dict[str, object] = {"int": 3, "float": 1.5, "str": "a", "bool": True}
OPERANDS: tuple[Type, ...] = (
    *(Tensor(dtype, (2,)) for dtype in DType),
    Tensor(DType.F32, ()),
    *(Scalar(kind) for kind in ("int", "float", "str", "bool")),
)
ONE_TENSOR: tuple[Expression, ...] = (
    *(Reduce(kind, axis) for kind in ("sum", "mean", "min", "max") for axis in (None, 0, -1)),
    ArgMax(-1), Softmax(-1), Normalise(0), TopK(2),
    Index((0,)), Index((Slice(1, None), -1)), Index((Slice(None, None), Slice(0, 2))),
    *(Cast(dtype) for dtype in DType),
)  # fmt: skip


def example(type: Type) -> object:
    """A small value of the type without zeros, so that divisions and logarithms stay finite."""
    if isinstance(type, Scalar):
        return SCALARS[type.kind]
    assert isinstance(type, Tensor) and type.dims is not None
    numbers = np.arange(1, 1 + int(np.prod(type.dims, dtype=int))).reshape(type.dims)
    if type.dtype is DType.STR:
        return numbers.astype(str).astype(object)
    return numbers.astype(to_numpy(type.dtype))


def assert_as_promised(op: Expression, types: tuple[Type, ...]) -> bool:
    """Whether `infer` accepts the inputs; if so the kernel must give exactly the promised dtypes and dims."""
    promised = infer(op, types)
    if isinstance(promised, Mismatch):
        return False
    results = apply(op, [example(type) for type in types])
    assert len(results) == len(promised)
    for result, promise in zip(results, promised, strict=True):
        if isinstance(promise, Scalar):
            assert type(result).__name__ == promise.kind, (op, types, result)
        else:
            assert isinstance(promise, Tensor) and isinstance(result, np.ndarray), (op, types, result)
            assert result.dtype == to_numpy(promise.dtype), (op, types, result.dtype, promise)
            assert result.shape == promise.dims, (op, types)
    return True


@pytest.mark.parametrize("kind", get_args(ElementwiseKind))
def test_elementwise_results_have_the_type_infer_promises(kind: ElementwiseKind) -> None:
    accepted = 0
    for count in (1, 2, 3):
        pool = OPERANDS if count < 3 or kind in ("where", "mean", "max") else ()
        for types in itertools.product(pool, repeat=count):
            if count == 3 and types[0] not in (Tensor(DType.BOOL, (2,)), Scalar("bool"), Tensor(DType.F32, ())):
                continue
            accepted += assert_as_promised(Elementwise(kind), types)
    assert accepted > 0


@pytest.mark.parametrize("op", ONE_TENSOR, ids=str)
def test_results_along_an_axis_have_the_type_infer_promises(op: Expression) -> None:
    accepted = sum(assert_as_promised(op, (Tensor(dtype, (3, 4)),)) for dtype in DType)
    assert accepted > 0


@pytest.mark.parametrize("op", [Concat(0), Stack(0), Stack(-1), Vote("lowest"), Vote("first")], ids=str)
def test_joined_values_have_the_type_infer_promises(op: Expression) -> None:
    accepted = sum(assert_as_promised(op, types) for types in itertools.product(OPERANDS, repeat=2))
    assert accepted > 0


def test_float32_stays_float32_beside_a_python_float() -> None:
    (result,) = apply(Elementwise("mul"), [np.float32([1, 2]), 0.1])
    assert isinstance(result, np.ndarray) and result.dtype == np.float32
    np.testing.assert_array_equal(result, np.float32([1, 2]) * np.float32(0.1))


def test_python_scalars_compute_as_python_does() -> None:
    assert apply(Elementwise("div"), [7, 2]) == (3.5,)
    assert apply(Elementwise("floordiv"), [-7, 2]) == (-4,)
    assert apply(Elementwise("mod"), [-7, 3]) == (2,)
    assert apply(Elementwise("and"), [True, False]) == (False,)
    assert apply(Elementwise("where"), [True, 1, 2.5]) == (1.0,)
    with pytest.raises(ZeroDivisionError):
        apply(Elementwise("div"), [1, 0])


def test_dividing_a_tensor_by_zero_is_an_infinity_and_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    (result,) = apply(Elementwise("div"), [np.float32([1, -1, 0]), 0.0])
    np.testing.assert_array_equal(result, np.float32([np.inf, -np.inf, np.nan]))
    assert not recwarn.list


def test_the_mean_of_small_integers_does_not_overflow() -> None:
    (result,) = apply(Elementwise("mean"), [np.int8([120]), np.int8([100])])
    np.testing.assert_array_equal(result, [110.0])


def test_softmax_of_large_logits_is_finite_and_sums_to_one() -> None:
    (result,) = apply(Softmax(-1), [np.float32([1000, 1000, -1000])])
    np.testing.assert_array_equal(result, np.float32([0.5, 0.5, 0]))


def test_normalising_a_row_of_zeros_leaves_zeros() -> None:
    (result,) = apply(Normalise(-1), [np.float32([[3, 4], [0, 0]])])
    np.testing.assert_allclose(result, np.float32([[0.6, 0.8], [0, 0]]), rtol=1e-7)


def test_top_k_puts_the_lower_index_first_among_equals() -> None:
    values, indices = apply(TopK(3), [np.float32([[1, 5, 5, 2], [7, 7, 7, 7]])])
    np.testing.assert_array_equal(values, np.float32([[5, 5, 2], [7, 7, 7]]))
    np.testing.assert_array_equal(indices, [[1, 2, 3], [0, 1, 2]])


def test_top_k_of_unsigned_integers_is_not_fooled_by_negation() -> None:
    values, indices = apply(TopK(2), [np.array([0, 255, 3], np.uint8)])
    np.testing.assert_array_equal(values, np.array([255, 3], np.uint8))
    np.testing.assert_array_equal(indices, [1, 2])


def test_argmax_takes_the_first_of_equals() -> None:
    (result,) = apply(ArgMax(-1), [np.float32([1, 3, 3])])
    np.testing.assert_array_equal(result, np.array(1, np.int64))


def test_votes_are_counted_and_ties_are_broken_as_asked() -> None:
    ballots = [np.array([3, 2, 9]), np.array([1, 2, 8]), np.array([1, 5, 7])]
    np.testing.assert_array_equal(apply(Vote("lowest"), ballots)[0], [1, 2, 7])
    np.testing.assert_array_equal(apply(Vote("first"), ballots)[0], [1, 2, 9])


def test_votes_over_strings_and_python_scalars() -> None:
    assert apply(Vote("lowest"), ["b", "a"]) == ("a",)
    assert apply(Vote("first"), ["b", "a"]) == ("b",)
    (elected,) = apply(Vote("lowest"), [np.array(["x", "y"]), np.array(["x", "z"]), np.array(["q", "z"])])
    assert isinstance(elected, np.ndarray) and elected.tolist() == ["x", "z"] and elected.dtype == object


def test_comparing_strings_gives_truth_values() -> None:
    (result,) = apply(Elementwise("eq"), [np.array(["DE", "FR"]), "FR"])
    assert isinstance(result, np.ndarray) and result.dtype == bool and result.tolist() == [False, True]


def test_a_value_that_is_no_number_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="`list`"):
        apply(Elementwise("neg"), [[1, 2]])
