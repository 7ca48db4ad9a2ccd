"""Tensor annotations: `Annotated[NDArray[np.float32], f32(30)]` is an array of 30 `float32`, also for pydantic.

The file imports numpy and pydantic and nothing of dagc, because a built service ships this very file. Two C-speed
scans make numpy's conversion sound (1.5 µs for 30 floats); only a refused value is walked in Python to say why.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NoReturn, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, JsonValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

Dim = int | str | None
"""A fixed size, a named free size, or unknown."""

Array = NDArray[np.generic]

_NUMPY: dict[str, np.dtype[np.generic]] = {
    "f16": np.dtype(np.float16), "f32": np.dtype(np.float32), "f64": np.dtype(np.float64),
    "i8": np.dtype(np.int8), "i16": np.dtype(np.int16), "i32": np.dtype(np.int32), "i64": np.dtype(np.int64),
    "u8": np.dtype(np.uint8), "u16": np.dtype(np.uint16), "u32": np.dtype(np.uint32), "u64": np.dtype(np.uint64),
    "bool": np.dtype(np.bool_), "str": np.dtype(np.object_),
}  # fmt: skip
_CALLED = {"bool": "boolean", "str": "string"}
# The shortest decimal of the largest `float32` is a little larger than it, and rounds back to it.
_FLOAT_LIMITS = {"f2": 65504.0, "f4": 3.4028235e38, "f8": 1.7976931348623157e308}
_BOUNDS: dict[str, tuple[float, float]] = {
    **{name: (-limit, limit) for name, limit in _FLOAT_LIMITS.items()},
    **{name: (int(np.iinfo(name).min), int(np.iinfo(name).max)) for name in ("i1", "i2", "i4", "i8")},
    **{name: (0, int(np.iinfo(name).max)) for name in ("u1", "u2", "u4", "u8")},
    "b1": (0, 1),
}
"""The least and the greatest number of each dtype, by numpy's kind and item size."""

_LEAVES: dict[str, frozenset[type]] = {
    "f": frozenset({float, int}), "i": frozenset({int}), "u": frozenset({int}), "b": frozenset({bool}),
    "O": frozenset({str}),
}  # fmt: skip
"""The Python types that JSON's values of each of numpy's kinds have; exact, since `True` is an `int`."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Element type and dims of one example; make one with `f32(30)`, `i64("n")`, `string(None)`, ..."""

    dtype: str
    dims: tuple[Dim, ...]

    def __post_init__(self) -> None:
        """Refuse dims that are no sizes at the line that wrote them."""
        for dim in self.dims:
            if dim is None or (isinstance(dim, str) and dim) or (type(dim) is int and dim > 0):
                continue
            if isinstance(dim, tuple | list):
                one_by_one = ", ".join(map(repr, dim))
                raise ValueError(f"`{self}`: dims are given one by one: `{self.dtype}({one_by_one})`")
            raise ValueError(f"`{self}`: a dim is a size of at least 1, a name or `None`, not `{dim!r}`")

    def __str__(self) -> str:
        return f"{_CALLED.get(self.dtype, self.dtype)}({', '.join(map(repr, self.dims))})"

    @property
    def numpy_dtype(self) -> np.dtype[np.generic]:
        """The dtype of the arrays this describes; strings are object arrays."""
        return _NUMPY[self.dtype]

    def read(self, value: object) -> Array:
        """The array of nested lists, or the given array itself when its dtype and shape are right.

        Raises:
            PydanticCustomError: (a `ValueError`) saying what was expected where, and what was given.
        """
        return _reader(self)(value)

    def write(self, value: object) -> JsonValue:
        """Nested lists of an array; `f16` and `f32` as the shortest decimals that read back as the same number.

        Raises:
            ValueError: the value has another shape or dtype, or holds NaN or an infinity, which JSON cannot say.
        """
        array = _fitting(self, value)
        kind = array.dtype.kind
        if kind == "f":
            _refuse_non_finite(self, array)
        if kind != "f" or array.itemsize == 8:
            return cast("JsonValue", array.tolist())
        if array.ndim == 0:
            return float(str(array[()]))
        decimals = list(map(float, map(str, array.ravel())))
        return cast("JsonValue", np.array(decimals).reshape(array.shape).tolist() if array.ndim > 1 else decimals)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """JSON lists in, JSON lists out; in Python mode arrays pass as they are."""
        return core_schema.no_info_plain_validator_function(
            _reader(self),
            serialization=core_schema.plain_serializer_function_ser_schema(self.write, when_used="json"),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        """Nested arrays with `x-dagc-dtype`, and `x-dagc-dims` where a size is free (equal names, equal sizes)."""
        described: dict[str, object] = _item_schema(self.dtype)
        for dim in reversed(self.dims):
            described = {"type": "array", "items": described}
            if isinstance(dim, int):
                described |= {"minItems": dim, "maxItems": dim}
        described["x-dagc-dtype"] = self.dtype
        if not all(isinstance(dim, int) for dim in self.dims):
            described["x-dagc-dims"] = list(self.dims)
        return described


def f16(*dims: Dim) -> TensorSpec:
    """An array of `float16`; no dims is one number."""
    return TensorSpec("f16", dims)


def f32(*dims: Dim) -> TensorSpec:
    """An array of `float32`; no dims is one number."""
    return TensorSpec("f32", dims)


def f64(*dims: Dim) -> TensorSpec:
    """An array of `float64`; no dims is one number."""
    return TensorSpec("f64", dims)


def i8(*dims: Dim) -> TensorSpec:
    """An array of `int8`; no dims is one number."""
    return TensorSpec("i8", dims)


def i16(*dims: Dim) -> TensorSpec:
    """An array of `int16`; no dims is one number."""
    return TensorSpec("i16", dims)


def i32(*dims: Dim) -> TensorSpec:
    """An array of `int32`; no dims is one number."""
    return TensorSpec("i32", dims)


def i64(*dims: Dim) -> TensorSpec:
    """An array of `int64`; no dims is one number."""
    return TensorSpec("i64", dims)


def u8(*dims: Dim) -> TensorSpec:
    """An array of `uint8`; no dims is one number."""
    return TensorSpec("u8", dims)


def u16(*dims: Dim) -> TensorSpec:
    """An array of `uint16`; no dims is one number."""
    return TensorSpec("u16", dims)


def u32(*dims: Dim) -> TensorSpec:
    """An array of `uint32`; no dims is one number."""
    return TensorSpec("u32", dims)


def u64(*dims: Dim) -> TensorSpec:
    """An array of `uint64`; no dims is one number."""
    return TensorSpec("u64", dims)


def boolean(*dims: Dim) -> TensorSpec:
    """An array of truth values; no dims is one."""
    return TensorSpec("bool", dims)


def string(*dims: Dim) -> TensorSpec:
    """An object array of `str`; no dims is one string."""
    return TensorSpec("str", dims)


def _reader(spec: TensorSpec) -> Callable[[object], Array]:
    """The reader of one spec with everything looked up beforehand."""
    dtype, rank = spec.numpy_dtype, len(spec.dims)
    allowed = _LEAVES[dtype.kind]
    limit = _bounds(spec.dtype)[1] if dtype.kind == "f" else None

    def read(value: object) -> Array:
        """The array of nested lists, or of an array, of this spec; raises `ValueError` for anything else."""
        if isinstance(value, np.ndarray | np.generic):
            return _as_is(spec, np.asarray(value))
        try:
            leaves = _leaves(value, rank)
            # numpy would take `True` and `"1"` for numbers and cut 2.5 to 2: the set of types is what stops it.
            # A hypotenuse under the largest number means that no leaf is over it, infinite or NaN.
            if set(map(type, leaves)) <= allowed and (
                limit is None or math.hypot(*cast("Iterable[float]", leaves)) <= limit
            ):
                array: Array = np.array(value, dtype)
                if dtype.kind == "O":
                    "".join(cast("Iterable[str]", leaves)).encode()  # a lone surrogate is no text
                if _shape_agrees(spec.dims, array.shape):
                    return array
        except (TypeError, ValueError, OverflowError):
            pass
        return _read_slowly(spec, value)

    return read


def _leaves(value: object, rank: int) -> Sequence[object]:
    """What lies `rank` lists deep; a `TypeError` where a list should be and is none."""
    leaves: object = value if rank else (value,)
    for _ in range(rank - 1):
        leaves = list(chain.from_iterable(cast("Iterable[Iterable[object]]", leaves)))
    return cast("Sequence[object]", leaves)


def _shape_agrees(dims: tuple[Dim, ...], shape: tuple[int, ...]) -> bool:
    if dims == shape:
        return True
    if len(dims) != len(shape):
        return False
    named: dict[str, int] = {}
    for dim, size in zip(dims, shape, strict=True):
        wanted = named.setdefault(dim, size) if isinstance(dim, str) else dim
        if wanted is not None and wanted != size:
            return False
    return True


def _as_is(spec: TensorSpec, array: Array) -> Array:
    if spec.dtype == "str" and array.dtype.kind in "UT":
        array = array.astype(np.object_)
    if array.dtype != spec.numpy_dtype:
        _refuse(f"expected an array of {spec.dtype}, got one of {_name(array.dtype)}")
    if not _shape_agrees(spec.dims, array.shape):
        _refuse(f"expected an array of shape {_shape_text(spec.dims)}, got {_shape_text(array.shape)}")
    if spec.dtype == "str" and not set(map(type, array.ravel().tolist())) <= _LEAVES["O"]:
        _refuse("expected an array of strings only")
    return array


def _read_slowly(spec: TensorSpec, value: object) -> Array:
    """The same answer as the fast way for what it was too cautious about; otherwise the reason of the refusal."""
    sizes: list[int | None] = [dim if isinstance(dim, int) else None for dim in spec.dims]
    leaves = list(_walk(spec, value, (), sizes))
    shape = tuple(size or 0 for size in sizes)
    if not _shape_agrees(spec.dims, shape):
        _refuse(f"expected one size for axes of one name in {_shape_text(spec.dims)}, got {_shape_text(shape)}")
    flat: Array = np.array(leaves, spec.numpy_dtype)
    return flat.reshape(shape)


def _walk(spec: TensorSpec, value: object, path: tuple[int, ...], sizes: list[int | None]) -> Iterator[object]:
    axis = len(path)
    if axis == len(sizes):
        yield _leaf(spec, value, path)
        return
    if not isinstance(value, list | tuple | np.ndarray) or (isinstance(value, np.ndarray) and not value.ndim):
        _refuse(f"expected {_list_text(spec, axis)}{_place(path)}, got {_given(value)}")
    if sizes[axis] is None:
        sizes[axis] = len(value)
    elif len(value) != sizes[axis]:
        free = not isinstance(spec.dims[axis], int)
        why = ", as in the list before it" if free else ""
        _refuse(f"expected {_count_text(spec, axis, sizes[axis])}{_place(path)}{why}, got {len(value)}")
    for index, item in enumerate(value):
        yield from _walk(spec, item, (*path, index), sizes)


def _leaf(spec: TensorSpec, value: object, path: tuple[int, ...]) -> object:
    kind = spec.numpy_dtype.kind
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) not in _LEAVES[kind]:
        _refuse(f"expected {_NOUNS[kind][0]}{_place(path)}, got {_given(value)}")
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            _refuse(f"expected text{_place(path)}, got half of a surrogate pair")
        return value
    assert isinstance(value, int | float)
    if kind == "f" and not math.isfinite(value if isinstance(value, float) else 0):
        _refuse(f"expected a finite number{_place(path)}, got {_given(value)}")
    low, high = _bounds(spec.dtype)
    if not low <= value <= high:
        _refuse(
            f"{_given(value)}{_place(path)} is out of the range of {spec.dtype} ({_given(low)} to {_given(high)})"
        )
    return value


def _bounds(dtype: str) -> tuple[float, float]:
    return _BOUNDS[_NUMPY[dtype].str[1:]]


def _fitting(spec: TensorSpec, value: object) -> Array:
    """The value in the spec's dtype, when that loses nothing but float precision."""
    array: Array = np.asarray(value, np.object_) if spec.dtype == "str" else np.asarray(value)
    wanted = spec.numpy_dtype
    if not _shape_agrees(spec.dims, array.shape) or not np.can_cast(array.dtype, wanted, "same_kind"):
        given = f"{_name(array.dtype)} of shape {_shape_text(array.shape)}"
        raise ValueError(f"expected {spec.dtype} of shape {_shape_text(spec.dims)}, got {given}")
    if array.dtype == wanted:
        return array
    with np.errstate(over="ignore"):
        cast: Array = array.astype(wanted)
    if wanted.kind in "iu" and not np.array_equal(cast, array):
        raise ValueError(f"expected numbers in the range of {spec.dtype}, got larger ones of {_name(array.dtype)}")
    return cast


def _refuse_non_finite(spec: TensorSpec, array: Array) -> None:
    finite = np.isfinite(array)
    if finite.all():
        return
    place = tuple(int(axis[0]) for axis in np.nonzero(~np.atleast_1d(finite)))[: array.ndim]
    value = array[place] if array.ndim else array[()]
    raise ValueError(f"the {spec.dtype} value{_place(place)} is {_given(value.item())}, which JSON cannot say")


_NOUNS = {
    "f": ("a number", "numbers"),
    "i": ("a whole number", "whole numbers"),
    "u": ("a whole number", "whole numbers"),
    "b": ("true or false", "truth values"),
    "O": ("a string", "strings"),
}


def _count_text(spec: TensorSpec, axis: int, size: int | None) -> str:
    last = axis == len(spec.dims) - 1
    noun = _NOUNS[spec.numpy_dtype.kind] if last else ("a list", "lists")
    one = size == 1
    return f"1 {noun[0].removeprefix('a ')}" if one else noun[1] if size is None else f"{size} {noun[1]}"


def _list_text(spec: TensorSpec, axis: int) -> str:
    """`a list of 2 lists of 3 numbers` for the axes from `axis` on."""
    words = []
    for at in range(axis, len(spec.dims)):
        dim = spec.dims[at]
        words.append(_count_text(spec, at, dim if isinstance(dim, int) else None))
    return f"a list of {' of '.join(words)}"


def _place(path: tuple[int, ...]) -> str:
    return f" at {''.join(f'[{index}]' for index in path)}" if path else ""


def _given(value: object) -> str:
    """A value in the words of JSON; text is never echoed."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinity" if value > 0 else "-infinity"
    if isinstance(value, int) and abs(value) > 2**64:
        return f"a number of {len(str(abs(value)))} digits" if abs(value) < 10**400 else "a very long number"
    if isinstance(value, int | float):
        return repr(value)
    words = ((str, "a string"), (list | tuple, "a list"), (dict, "an object"))
    return next((word for kind, word in words if isinstance(value, kind)), f"a `{type(value).__name__}`")


def _shape_text(dims: tuple[Dim, ...]) -> str:
    return f"[{', '.join('?' if dim is None else str(dim) for dim in dims)}]"


def _name(dtype: np.dtype[np.generic]) -> str:
    return next((name for name, known in _NUMPY.items() if known == dtype), str(dtype))


def _item_schema(dtype: str) -> dict[str, object]:
    kind = _NUMPY[dtype].kind
    if kind in "bO":
        return {"type": "boolean" if kind == "b" else "string"}
    if dtype == "f64":
        return {"type": "number"}
    low, high = _bounds(dtype)
    return {"type": "number" if kind == "f" else "integer", "minimum": low, "maximum": high}


def _refuse(reason: str) -> NoReturn:
    raise PydanticCustomError("tensor", "{reason}", {"reason": reason})
