"""Tensor annotations read and write JSON exactly, and say in words what is wrong with a value."""

import json
import math
import timeit
import warnings
from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from dagc.dsl import tensors
from dagc.dsl.tensors import TensorSpec, boolean, f16, f32, f64, i8, i16, i32, i64, string, u8, u16, u32, u64

Row = Annotated[NDArray[np.float32], f32(30)]

Maker = Callable[..., TensorSpec]
FLOATS: dict[str, tuple[Maker, type[np.floating], Literal[16, 32, 64]]] = {
    "f16": (f16, np.float16, 16),
    "f32": (f32, np.float32, 32),
    "f64": (f64, np.float64, 64),
}
INTEGERS: dict[str, tuple[Maker, type[np.integer]]] = {
    "i8": (i8, np.int8), "i16": (i16, np.int16), "i32": (i32, np.int32), "i64": (i64, np.int64),
    "u8": (u8, np.uint8), "u16": (u16, np.uint16), "u32": (u32, np.uint32), "u64": (u64, np.uint64),
}  # fmt: skip


def adapter(spec: TensorSpec) -> TypeAdapter[NDArray[np.generic]]:
    return TypeAdapter(Annotated[NDArray[np.generic], spec])


def words(spec: TensorSpec, value: object) -> str:
    with pytest.raises(ValueError) as caught:
        spec.read(value)
    return str(caught.value)


def test_thirty_json_numbers_become_thirty_float32() -> None:
    row = TypeAdapter(Row).validate_json(json.dumps([i / 10 for i in range(30)]))
    assert row.dtype == np.float32
    assert row.shape == (30,)
    np.testing.assert_array_equal(row, (np.arange(30) / 10).astype(np.float32))


def test_integers_are_numbers_too() -> None:
    np.testing.assert_array_equal(f32(3).read([1, 2.5, -3]), np.array([1, 2.5, -3], np.float32))


def test_no_dims_is_a_bare_number() -> None:
    score = f32().read(0.25)
    assert score.shape == ()
    assert score.dtype == np.float32
    assert f32().write(score) == 0.25


@pytest.mark.parametrize(
    ("spec", "value", "message"),
    [
        (f32(30), [0.0] * 29, "expected 30 numbers, got 29"),
        (f32(1), [], "expected 1 number, got 0"),
        (f32(2, 3), [[1, 2, 3], [1, 2]], "expected 3 numbers at [1], got 2"),
        (f32(2, 3), [[1, 2, 3]], "expected 2 lists, got 1"),
        (f32(2, 3), 3, "expected a list of 2 lists of 3 numbers, got 3"),
        (f32(None, 3), "abc", "expected a list of lists of 3 numbers, got a string"),
        (f32(2), {"0": 1.0, "1": 2.0}, "expected a list of 2 numbers, got an object"),
        (f32(2), {1.0: 1, 2.0: 2}, "expected a list of 2 numbers, got an object"),
        (f32(2), {1.0, 2.0}, "expected a list of 2 numbers, got a `set`"),
        (f32(2), [[1], [2]], "expected a number at [0], got a list"),
        (f32("n", "m"), [[1, 2], [1]], "expected 2 numbers at [1], as in the list before it, got 1"),
        (f32("n", "n"), [[1, 2]], "expected one size for axes of one name in [n, n], got [1, 2]"),
        (f32(), None, "expected a number, got null"),
        (f32(), [1.0], "expected a number, got a list"),
        (f32(2), [True, 1.0], "expected a number at [0], got true"),
        (f32(2), [1.0, "2"], "expected a number at [1], got a string"),
        (f32(2, 2), [[1, 2], "ab"], "expected a list of 2 numbers at [1], got a string"),
        (f32(2), [math.nan, 1.0], "expected a finite number at [0], got NaN"),
        (f32(2), [1.0, -math.inf], "expected a finite number at [1], got -infinity"),
        (f64(1), [10**400], "a very long number at [0] is out of the range of f64"),
        (f32(1), [1e39], "1e+39 at [0] is out of the range of f32 (-3.4028235e+38 to"),
        (f32(1, 1), [[-1e39]], "-1e+39 at [0][0] is out of the range of f32"),
        (f16(1), [65536], "65536 at [0] is out of the range of f16 (-65504.0 to 65504.0)"),
        (u8(2), [1, 300], "300 at [1] is out of the range of u8 (0 to 255)"),
        (u64(1), [-1], "-1 at [0] is out of the range of u64 (0 to 18446744073709551615)"),
        (i64(1), [2**63], "9223372036854775808 at [0] is out of the range of i64"),
        (i64(2), [1, 2.5], "expected a whole number at [1], got 2.5"),
        (i64(1), [3.0], "expected a whole number at [0], got 3.0"),
        (i64(1), [False], "expected a whole number at [0], got false"),
        (boolean(2), [True, 1], "expected true or false at [1], got 1"),
        (string(2), ["a", 5], "expected a string at [1], got 5"),
        (string(2), ["a", "\ud800"], "expected text at [1], got half of a surrogate pair"),
        (string(2), ["a", ["b"]], "expected a string at [1], got a list"),
    ],
)
def test_a_refused_value_is_told_what_was_expected(spec: TensorSpec, value: object, message: str) -> None:
    assert words(spec, value).startswith(message)


def test_a_refusal_names_the_field_of_the_request() -> None:
    class Body(BaseModel):
        rows: list[Row]

    with pytest.raises(ValidationError) as caught:
        Body.model_validate({"rows": [[0.0] * 30, [0.0] * 31]})
    error = caught.value.errors()[0]
    assert error["loc"] == ("rows", 1)
    assert error["msg"] == "expected 30 numbers, got 31"
    assert error["type"] == "tensor"


@pytest.mark.parametrize("text", ["[NaN]", "[Infinity]", "[-Infinity]", "[1e999]"])
def test_json_that_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match=r"expected a finite number at \[0\]"):
        adapter(f32(1)).validate_json(text)


def test_values_that_overflow_make_no_numpy_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "out of the range" in words(f32(2), [1e39, 1.0])
        # The hypotenuse of these is over the limit although none of them is.
        assert f16(3).read([6e4, 6e4, 6e4]).tolist() == [60000.0] * 3


def test_an_array_of_the_right_dtype_and_shape_is_taken_as_it_is() -> None:
    given_array = np.ones(30, np.float32)
    assert TypeAdapter(Row).validate_python(given_array) is given_array
    with_gap = np.array([np.nan], np.float32)
    assert f32(1).read(with_gap) is with_gap


@pytest.mark.parametrize(
    ("spec", "array", "message"),
    [
        (f32(2), np.zeros(2), "expected an array of f32, got one of f64"),
        (f32(2), np.zeros(3, np.float32), "expected an array of shape [2], got [3]"),
        (f32("n", "n"), np.zeros((2, 3), np.float32), "expected an array of shape [n, n], got [2, 3]"),
        (string(1), np.array([3], object), "expected an array of strings only"),
    ],
)
def test_an_array_of_another_dtype_or_shape_is_refused(
    spec: TensorSpec, array: NDArray[np.generic], message: str
) -> None:
    assert words(spec, array) == message


def test_numpy_strings_become_an_object_array() -> None:
    names = string(2).read(np.array(["DE", "FR"]))
    assert names.dtype == np.object_
    assert names.tolist() == ["DE", "FR"]


def test_lists_of_numpy_numbers_and_rows_are_read_too() -> None:
    np.testing.assert_array_equal(f32(2).read([np.float32(3), np.int64(4)]), np.array([3, 4], np.float32))
    np.testing.assert_array_equal(f64(2, 2).read([np.zeros(2), np.ones(2)]), np.array([[0.0, 0], [1, 1]]))


def test_float32_is_written_as_the_shortest_decimal() -> None:
    assert adapter(f32(3)).dump_json(np.array([0.1, 1e-8, 16777216], np.float32)) == b"[0.1,1e-8,16777216.0]"
    assert f32().write(np.float32(0.1)) == 0.1
    assert f32(1, 2).write(np.array([[0.1, 0.7]], np.float32)) == [[0.1, 0.7]]
    assert f64(1).write(np.array([0.1 + 0.2])) == [0.30000000000000004]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([1.0, np.nan], np.float32), "the f32 value at [1] is NaN, which JSON cannot say"),
        (np.array([np.inf, 1.0], np.float32), "the f32 value at [0] is infinity, which JSON cannot say"),
        (np.array([1e39, 1.0]), "the f32 value at [0] is infinity, which JSON cannot say"),
        (np.zeros(3, np.float32), "expected f32 of shape [2], got f32 of shape [3]"),
        (np.array(["a", "b"]), "expected f32 of shape [2], got <U1 of shape [2]"),
    ],
)
def test_what_json_cannot_say_is_not_written(value: NDArray[np.generic], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        f32(2).write(value)
    assert str(caught.value) == message
    with pytest.raises(PydanticSerializationError, match="ValueError"):
        adapter(f32(2)).dump_json(value)


def test_a_bare_nan_is_not_written() -> None:
    with pytest.raises(ValueError, match="the f32 value is NaN"):
        f32().write(np.float32("nan"))


def test_integers_that_do_not_fit_are_not_written() -> None:
    assert i8(2).write(np.array([1, -128])) == [1, -128]
    with pytest.raises(ValueError, match="range of i8"):
        i8(1).write(np.array([300]))


def test_python_mode_keeps_the_array() -> None:
    row = np.ones(30, np.float32)
    assert TypeAdapter(Row).dump_python(row) is row
    assert TypeAdapter(Row).dump_python(row, mode="json") == [1.0] * 30


def test_the_json_schema_says_sizes_types_and_ranges() -> None:
    assert adapter(u8(2, 3)).json_schema() == {
        "type": "array", "minItems": 2, "maxItems": 2, "x-dagc-dtype": "u8",
        "items": {
            "type": "array", "minItems": 3, "maxItems": 3,
            "items": {"type": "integer", "minimum": 0, "maximum": 255},
        },
    }  # fmt: skip
    assert adapter(f64()).json_schema() == {"type": "number", "x-dagc-dtype": "f64"}
    assert adapter(string(2)).json_schema()["items"] == {"type": "string"}
    assert adapter(boolean(2)).json_schema()["items"] == {"type": "boolean"}


def test_free_dims_are_told_in_the_json_schema() -> None:
    schema = adapter(i64("n", 2)).json_schema()
    assert "minItems" not in schema
    assert schema["items"]["minItems"] == 2
    assert schema["x-dagc-dims"] == ["n", 2]


def test_a_record_with_tensors_has_a_schema_and_reads_and_writes() -> None:
    class Features(BaseModel):
        row: Annotated[NDArray[np.float32], f32(2)]
        tags: Annotated[NDArray[np.str_], string("n")] | None = None

    features = Features.model_validate_json('{"row": [0.1, 2], "tags": ["a"]}')
    assert features.model_dump_json() == '{"row":[0.1,2.0],"tags":["a"]}'
    assert Features.model_json_schema()["required"] == ["row"]


def test_empty_free_axes_keep_their_rank() -> None:
    assert f32("n").read([]).shape == (0,)
    assert f32("n", 3).read([]).shape == (0, 3)
    assert f32(2, "n").read([[], []]).shape == (2, 0)


@pytest.mark.parametrize("dim", [0, -1, 2.5, True, ""])
def test_a_dim_that_is_no_size_is_refused_where_it_is_written(dim: object) -> None:
    with pytest.raises(ValueError, match="a dim is a size of at least 1, a name or `None`"):
        f32(dim)  # type: ignore[arg-type]


def test_specs_are_values_and_print_as_written() -> None:
    assert f32(3, "n", None) == f32(3, "n", None)
    assert str(f32(3, "n", None)) == "f32(3, 'n', None)"
    assert str(string()) == "string()"
    assert str(boolean(2)) == "boolean(2)"


@pytest.mark.parametrize("name", FLOATS)
def test_floats_survive_the_way_to_json_and_back(name: str) -> None:
    make, dtype, width = FLOATS[name]

    @given(st.lists(st.floats(width=width, allow_nan=False, allow_infinity=False), max_size=40))
    def law(values: list[float]) -> None:
        array = np.array(values, dtype)
        back = adapter(make("n")).validate_json(adapter(make("n")).dump_json(array))
        assert back.dtype == dtype
        np.testing.assert_array_equal(back, array)

    law()


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_survive_the_way_to_json_and_back(name: str) -> None:
    make, dtype = INTEGERS[name]
    limits = np.iinfo(dtype)

    @given(st.lists(st.integers(int(limits.min), int(limits.max)), max_size=40))
    def law(values: list[int]) -> None:
        back = adapter(make("n")).validate_json(adapter(make("n")).dump_json(np.array(values, dtype)))
        assert back.dtype == dtype
        assert back.tolist() == values

    law()


@given(st.lists(st.text(), max_size=20))
def test_strings_survive_the_way_to_json_and_back(values: list[str]) -> None:
    back = adapter(string("n")).validate_json(adapter(string("n")).dump_json(np.array(values, object)))
    assert back.dtype == np.object_
    assert back.tolist() == values


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=12,
)
SPECS = st.sampled_from(
    [f16(2), f32(), f32("n"), f32(2, "n"), f64("n", "n"), i8("n"), u64(1, 2), boolean(None), string(2)]
)


@given(SPECS, JSON)
def test_any_json_is_read_with_the_right_dtype_or_refused_in_words(spec: TensorSpec, value: object) -> None:
    try:
        array = spec.read(value)
    except ValueError as refusal:
        assert "expected" in str(refusal) or "out of the range" in str(refusal)
        return
    assert array.dtype == spec.numpy_dtype
    assert array.ndim == len(spec.dims)
    assert spec.write(array) == spec.write(spec.read(spec.write(array)))


def test_reading_thirty_floats_takes_a_few_microseconds() -> None:
    row = [i / 10 for i in range(30)]
    read = tensors._reader(f32(30))
    best_s = min(timeit.repeat(lambda: read(row), number=2000, repeat=7)) / 2000
    assert best_s < 20e-6  # 1.9 µs measured; the bound only catches falling off the fast path
