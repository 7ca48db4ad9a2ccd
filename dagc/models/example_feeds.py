"""Arrays to try a model with: small seeded numbers, zeros, ones. Sizes that differ between fills hang on values.

Encoders refuse what is not in their tables, so an input takes its numbers and texts from the first table that
stands behind it.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dagc.ir.types import DType, Tensor
from dagc.models.dtypes import to_numpy
from dagc.models.proto import all_nodes

if TYPE_CHECKING:
    import onnx

Fill = Literal["seeded", "zeros", "ones"]
"""Ones are for models that divide by what they are given, or read it as a number."""
Word = str | int | bytes
"""What an input is filled with; bytes are whole files, one for each fill."""
Array = NDArray[np.generic]

_TABLES = ("cats_strings", "keys_strings", "classlabels_strings", "cats_int64s", "keys_int64s")
_UINT8 = 2
"""The number of `uint8` among ONNX's element types."""
_MOST_WORDS = 8
_FURTHEST = 6
"""Nodes between an input and its encoder: casts, reshapes, a concatenation."""


def vocabularies(proto: "onnx.ModelProto") -> dict[str, tuple[Word, ...]]:
    """For each input that leads to an encoder's table, the first words of that table."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in all_nodes(proto.graph.node):
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found = (
        (value.name, _files(value, readers) or _first_table(value.name, readers)) for value in proto.graph.input
    )
    return {name: words for name, words in found if words}


def example(type: Tensor, shape: Sequence[int], fill: Fill, words: Sequence[Word]) -> Array:
    """One input's array; the same for the same arguments."""
    dtype = to_numpy(type.dtype)
    if words and isinstance(words[0], bytes):
        return _filled(shape, words[1 if fill == "zeros" else 0])
    if fill == "zeros":
        return np.full(shape, "", object) if type.dtype is DType.STR else np.zeros(shape, dtype)
    if fill == "ones":
        return np.full(shape, "1", object) if type.dtype is DType.STR else np.ones(shape, dtype)
    draw = np.random.default_rng(0)
    usable = [word for word in words if isinstance(word, str) == (type.dtype is DType.STR)]
    if type.dtype is DType.STR:
        return draw.choice(np.array(usable or ["a", "b"], object), shape)
    if usable:
        return draw.choice(np.array(usable, np.int64), shape).astype(dtype)
    if dtype.kind == "f":
        return draw.random(shape, np.float32).astype(dtype)
    return draw.integers(0, 2, shape).astype(dtype)


def examples(
    ports: Mapping[str, Tensor],
    shapes: Sequence[Sequence[int]],
    fill: Fill,
    words: Mapping[str, tuple[Word, ...]],
) -> dict[str, Array]:
    """Arrays for all inputs."""
    return {
        name: example(type, shape, fill, words.get(name, ()))
        for (name, type), shape in zip(ports.items(), shapes, strict=True)
    }


def _files(value: "onnx.ValueInfoProto", readers: Mapping[str, list["onnx.NodeProto"]]) -> tuple[Word, ...]:
    """Two PNG files of different sizes, for an input of bytes from which an image is decoded."""
    if value.type.tensor_type.elem_type != _UINT8:
        return ()
    wave = [value.name]
    for _ in range(_FURTHEST):
        nodes = [node for name in wave for node in readers.get(name, ())]
        if any(node.op_type == "DecodeImage" for node in nodes):
            return (_png(1, 1), _png(3, 2))
        wave = [output for node in nodes for output in node.output]
    return ()


def _filled(shape: Sequence[int], file: Word) -> Array:
    """The file with zeros behind it; cut off where it is longer."""
    array = np.zeros(shape, np.uint8)
    content = np.frombuffer(file if isinstance(file, bytes) else b"", np.uint8)[: array.size]
    array.reshape(-1)[: content.size] = content
    return array


def _png(width: int, height: int) -> bytes:
    """A grey picture."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x80" * width) * height, 9)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    packed = (struct.pack(">I", len(c)) + kind + c + struct.pack(">I", zlib.crc32(kind + c)) for kind, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def _first_table(name: str, readers: Mapping[str, list["onnx.NodeProto"]]) -> tuple[Word, ...]:
    """Breadth first, so the nearest table wins."""
    wave, seen = [name], {name}
    for _ in range(_FURTHEST):
        nodes = [node for value in wave for node in readers.get(value, ())]
        for node in nodes:
            if words := tuple(_words(node))[:_MOST_WORDS]:
                return words
        wave = [output for node in nodes for output in node.output if output and output not in seen]
        seen.update(wave)
    return ()


def _words(node: "onnx.NodeProto") -> Iterator[Word]:
    for attribute in node.attribute:
        if attribute.name in _TABLES:
            yield from (text.decode("utf-8", "replace") for text in attribute.strings[:_MOST_WORDS])
            yield from attribute.ints[:_MOST_WORDS]
