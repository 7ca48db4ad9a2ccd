"""Arrays of tensors as the protocol writes them: little-endian bytes, or flat or nested lists; and back to bytes.

Lengths are compared before anything is made of them: a shape that lies costs nothing.
"""

import base64
import binascii
import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NoReturn, cast

import numpy as np

from ..answer import refusal
from ..codec import BadRequest
from ..feed import DTYPES, LARGEST, Array
from ..settings import InferenceTensor

DATATYPES = {
    "f16": "FP16", "f32": "FP32", "f64": "FP64", "i8": "INT8", "i16": "INT16", "i32": "INT32", "i64": "INT64",
    "u8": "UINT8", "u16": "UINT16", "u32": "UINT32", "u64": "UINT64", "bool": "BOOL",
    "str": "BYTES", "bytes": "BYTES",
}  # fmt: skip
"""The protocol's names of our dtypes."""

_LEAVES: dict[str, frozenset[type]] = {
    "f": frozenset({float, int}),
    "i": frozenset({int}),
    "u": frozenset({int}),
    "b": frozenset({bool}),
}
_LENGTH = struct.Struct("<I")
_LARGEST_SIZE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Given:
    """One input as a request has it: either bytes in a row, or `values` as lists (of bytes, for texts in gRPC)."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    raw: bytes | memoryview | None
    values: object = None


def refuse(message: str, field: str | None = None, *, status: int = 400) -> NoReturn:
    """Refuse a request.

    Raises:
        BadRequest: always.
    """
    raise BadRequest(refusal(status, "bad_tensor" if status == 400 else "validation", message, field))


def read_tensor(port: InferenceTensor, given: Given) -> Array:
    """The array of an input, of shape [rows, ...] as the endpoint has it, which nobody else holds.

    Raises:
        BadRequest: naming the input.
    """
    wanted = DATATYPES[port.dtype]
    if given.datatype != wanted:
        refuse(f"input `{port.name}` is {wanted}, not what `datatype` says", port.name)
    shape = _shape(port, given.shape)
    count = math.prod(shape)
    array = _of_bytes(port, given.raw, count) if given.raw is not None else _of_lists(port, given, count)
    if array.dtype.kind == "f":
        _refuse_non_finite(port, array)
    return array.reshape(shape)


def free_shape(port: InferenceTensor) -> list[int]:
    """`[-1, 3, -1]`: the protocol's way to say that the number of examples and other sizes are free."""
    return [-1, *(dim if isinstance(dim, int) else -1 for dim in port.dims)]


def raw_bytes(array: Array) -> bytes:
    """The elements in a row, little-endian; texts with their lengths in front."""
    if array.dtype.kind != "O":
        return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    texts = text_bytes(array)
    return b"".join(chain.from_iterable((_LENGTH.pack(len(text)), text) for text in texts))


def text_bytes(array: Array) -> list[bytes]:
    """The texts of an array as bytes, row-major."""
    return [text if isinstance(text, bytes) else str(text).encode() for text in array.ravel().tolist()]


def _shape(port: InferenceTensor, given: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the array; one element per row may come with or without an axis of its own."""
    dims = port.dims
    if len(given) == 1 and dims == (1,):
        given = (*given, 1)
    if len(given) == 2 and not dims and given[1] == 1:
        given = given[:1]
    fits = len(given) == 1 + len(dims) and all(1 <= size <= _LARGEST_SIZE for size in given)
    sizes = zip(given[1:], dims, strict=False)
    if not fits or any(isinstance(dim, int) and size != dim for size, dim in sizes):
        refuse(f"input `{port.name}` must have the shape {free_shape(port)}, -1 being any size above 0", port.name)
    return given


def _of_bytes(port: InferenceTensor, raw: bytes | memoryview, count: int) -> Array:
    if port.dtype in ("str", "bytes"):
        return _texts(port, list(_cut(port, bytes(raw), count)))
    dtype = DTYPES[port.dtype]
    if len(raw) != count * dtype.itemsize:
        message = f"input `{port.name}` has {len(raw)} bytes of data, its shape says {count * dtype.itemsize}"
        refuse(message, port.name)
    if dtype.kind == "b" and np.frombuffer(raw, np.uint8).max() > 1:
        refuse(f"input `{port.name}` holds a byte that is neither 0 nor 1", port.name)
    # A copy: steps may write to what they are given, and the request's bytes may begin anywhere.
    return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype)


def _cut(port: InferenceTensor, raw: bytes, count: int) -> Iterator[bytes]:
    """The texts in bytes that hold `count` of them, each with its length in front."""
    at = 0
    for _ in range(count):
        start = at + 4
        if start > len(raw) or (at := start + _LENGTH.unpack_from(raw, start - 4)[0]) > len(raw):
            refuse(f"input `{port.name}` has less data than its shape and lengths say", port.name)
        yield raw[start:at]
    if at != len(raw):
        refuse(f"input `{port.name}` has more data than its shape says", port.name)


def _of_lists(port: InferenceTensor, given: Given, count: int) -> Array:
    leaves = _leaves(port, given.values, given.shape, count)
    if port.dtype in ("str", "bytes"):
        return _texts(port, leaves)
    dtype = DTYPES[port.dtype]
    if not set(map(type, leaves)) <= _LEAVES[dtype.kind]:
        refuse(f"input `{port.name}` holds what is no value of {given.datatype}", port.name)
    try:
        if dtype.kind != "f":
            return np.array(leaves, dtype)
        found = np.array(leaves, np.float64)
    except (OverflowError, ValueError):
        refuse(f"input `{port.name}` holds a number that is too large for {given.datatype}", port.name, status=422)
    if not np.abs(found).max() <= LARGEST[port.dtype]:
        _refuse_non_finite(port, found)
        refuse(f"input `{port.name}` holds a number that is too large for {given.datatype}", port.name, status=422)
    return found.astype(dtype)


def _leaves(port: InferenceTensor, values: object, shape: tuple[int, ...], count: int) -> Sequence[object]:
    """The elements, row-major, of a flat list or of lists nested as the shape says."""
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        refuse(f"input `{port.name}` has no list of data", port.name)
    leaves: Sequence[object] = values
    if len(shape) > 1 and leaves and type(leaves[0]) is list:
        for size in shape[1:]:
            if not all(type(inner) is list and len(inner) == size for inner in leaves):
                refuse(f"the lists of input `{port.name}` are not nested as its shape says", port.name)
            leaves = list(chain.from_iterable(cast("Sequence[list[object]]", leaves)))
    if len(leaves) != count:
        refuse(f"input `{port.name}` has {len(leaves)} elements, its shape says {count}", port.name)
    return leaves


def _texts(port: InferenceTensor, leaves: Sequence[object]) -> Array:
    """An array of texts, or of bytes: in JSON base64, as in the endpoint's own body."""
    read = _as_bytes if port.dtype == "bytes" else _as_text
    array: Array = np.empty(len(leaves), np.object_)
    try:
        array[:] = [read(leaf) for leaf in leaves]
    except TypeError:
        refuse(f"input `{port.name}` holds what is no value of BYTES", port.name)
    except (UnicodeError, binascii.Error):
        what = "base64" if port.dtype == "bytes" else "text in UTF-8"
        refuse(f"input `{port.name}` holds what is no {what}", port.name, status=422)
    return array


def _as_text(leaf: object) -> str:
    if isinstance(leaf, bytes):
        return leaf.decode()
    if isinstance(leaf, str):
        leaf.encode()  # half of a surrogate pair is no text
        return leaf
    raise TypeError


def _as_bytes(leaf: object) -> bytes:
    if isinstance(leaf, bytes):
        return leaf
    if isinstance(leaf, str):
        return base64.b64decode(leaf.replace("-", "+").replace("_", "/"), validate=True)
    raise TypeError


def _refuse_non_finite(port: InferenceTensor, array: Array) -> None:
    if not np.isfinite(array).all():
        refuse(f"input `{port.name}` holds a number that is not finite", port.name, status=422)
