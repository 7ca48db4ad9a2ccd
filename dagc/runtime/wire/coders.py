"""How values of each type are written and read; both sides check, so that no edge lies about its type.

NaN and infinities cross in tensors and in Python floats, as they flow within one service.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..feed import DTYPES, Array
from .frame import Given, Json, WireError, Written

_SCALARS: dict[str, tuple[type, ...]] = {
    "int": (int, bool),
    "float": (float, int, bool),
    "str": (str,),
    "bool": (bool,),
}
_LONGEST_TENSOR = 1 << 40
_PYTHON = (bool, int, float, str)


class Coder(Protocol):
    """Both directions of one type."""

    def write(self, value: object, out: Written) -> Json:
        """The value as JSON, with its buffers in `out`. Raises `WireError`."""

    def read(self, given: Json, buffers: Given) -> object:
        """The value again. Raises `WireError`."""


@dataclass(frozen=True, slots=True)
class TensorCoder:
    """An array as `[dims, buffer]`, texts as `[dims, [text, ...]]`; a Python value in its place as it is."""

    dtype: str
    dims: tuple[int | str | None, ...] | None

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        if type(value) in _PYTHON:  # a number or text in the place of a tensor of one element
            return value
        array = np.asarray(value)
        if self.dtype == "str":
            self._check(array.shape)
            return [list(array.shape), [str(text) for text in array.ravel().tolist()]]
        if array.dtype.newbyteorder("=") == DTYPES[self.dtype]:
            array = array.astype(DTYPES[self.dtype], copy=False)  # of a file in another byte order
        else:
            raise WireError(f"an array of {array.dtype} was given where {self} was declared")
        self._check(array.shape)
        content = memoryview(np.ascontiguousarray(array).data).cast("B") if array.size else b""
        return [list(array.shape), out.add(content)]

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        if type(given) in _PYTHON:
            return given
        shape, content = _pair(given)
        if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
            raise WireError("the sizes of a tensor are not whole numbers")
        self._check(tuple(shape))
        count = math.prod(shape)
        if count > _LONGEST_TENSOR:
            raise WireError("a tensor is too large")
        if self.dtype == "str":
            return _texts(content, tuple(shape), count)
        dtype = DTYPES[self.dtype]
        held = buffers.take(content)
        if len(held) != count * dtype.itemsize:
            raise WireError(f"a buffer has {len(held)} bytes, and its tensor {count * dtype.itemsize}")
        return np.frombuffer(held, dtype).reshape(shape)

    def _check(self, shape: Sequence[int]) -> None:
        if self.dims is None:
            return
        fits = len(shape) == len(self.dims) and all(
            not isinstance(dim, int) or dim == size for dim, size in zip(self.dims, shape, strict=True)
        )
        if not fits:
            raise WireError(f"an array of shape {list(shape)} was given where {self} was declared")

    def __str__(self) -> str:
        dims = "..." if self.dims is None else ", ".join("?" if dim is None else str(dim) for dim in self.dims)
        return f"{self.dtype}[{dims}]"


@dataclass(frozen=True, slots=True)
class ScalarCoder:
    """A Python number, text or truth value, as JSON has it; NaN and infinities by their names."""

    kind: str

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        found = value.item() if isinstance(value, np.generic) else value
        return self._checked(found)

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        return self._checked(given)

    def _checked(self, value: object) -> object:
        if not isinstance(value, _SCALARS[self.kind]):
            raise WireError(f"a {type(value).__name__} was given where {self.kind} was declared")
        return value


@dataclass(frozen=True, slots=True)
class BytesCoder:
    """Bytes as the number of their buffer."""

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        if not isinstance(value, bytes):
            raise WireError(f"a {type(value).__name__} was given where bytes was declared")
        return out.add(value)

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        return bytes(buffers.take(given))


@dataclass(frozen=True, slots=True)
class LiteralCoder:
    """One of some values; 1, 1.0 and True are told apart."""

    values: tuple[object, ...]

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        return self._checked(value)

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        return self._checked(given)

    def _checked(self, value: object) -> object:
        if not any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in self.values):
            raise WireError("a value was given that its type does not have")
        return value


@dataclass(frozen=True, slots=True)
class ManyCoder:
    """Items of one type: a list, or what `make` makes of one."""

    item: Coder
    make: Callable[[list[object]], object] = list

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        if not isinstance(value, list | tuple | set | frozenset):
            raise WireError(f"a {type(value).__name__} was given where a list was declared")
        return [self.item.write(one, out) for one in value]

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        if not isinstance(given, list):
            raise WireError("a list was declared")
        return self.make([self.item.read(one, buffers) for one in given])


@dataclass(frozen=True, slots=True)
class TupleCoder:
    """As many members as the tuple has types."""

    items: tuple[Coder, ...]

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        if not isinstance(value, tuple | list) or len(value) != len(self.items):
            raise WireError(f"a tuple of {len(self.items)} was declared")
        return [coder.write(one, out) for coder, one in zip(self.items, value, strict=True)]

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        if not isinstance(given, list) or len(given) != len(self.items):
            raise WireError(f"a tuple of {len(self.items)} was declared")
        return tuple([coder.read(one, buffers) for coder, one in zip(self.items, given, strict=True)])


@dataclass(frozen=True, slots=True)
class OptionalCoder:
    """A value in a list of one, or null."""

    item: Coder

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        return None if value is None else [self.item.write(value, out)]

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        if given is None:
            return None
        if not isinstance(given, list) or len(given) != 1:
            raise WireError("a value or nothing was declared")
        return self.item.read(given[0], buffers)


def _pair(given: Json) -> tuple[Json, Json]:
    if not isinstance(given, list) or len(given) != 2:
        raise WireError("a tensor is its sizes and its elements")
    return given[0], given[1]


def _texts(content: Json, shape: tuple[int, ...], count: int) -> Array:
    if not isinstance(content, list) or len(content) != count or not all(type(text) is str for text in content):
        raise WireError("a tensor of texts has other elements than its sizes say")
    texts = np.empty(count, np.object_)
    texts[:] = content
    return texts.reshape(shape)
