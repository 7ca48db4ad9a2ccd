"""Values on their way to another process of this service: JSON, with the bytes of arrays behind it. Never pickle.

A frame is the length of its JSON (4 bytes, big endian), the JSON, and the buffers it refers to, each at a multiple
of 8. What is read is validated by the types that the user's function declares, as a request is: a step may take
whatever pydantic can write, and both sides are of one build. Between services the wire is stricter (`wire/`).
"""

import json
import struct
from collections.abc import Callable, Mapping
from inspect import signature
from typing import cast, get_type_hints

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic_core import to_jsonable_python

_LENGTH = struct.Struct(">I")
_ALIGNED = 8
_PLAIN = (str, int, float, type(None))


class Types:
    """The adapters of a function's parameters and of its result, by its annotations."""

    def __init__(self, function: Callable[..., object]) -> None:
        hints = get_type_hints(function, include_extras=True)
        self._order = tuple(signature(function).parameters)
        self._parameters = {name: _adapter(hints[name]) for name in self._order if name in hints}
        self._result = _adapter(hints["return"])

    def plain_arguments(self, given: tuple[object, ...], named: Mapping[str, object]) -> dict[str, object]:
        """The arguments of a call by name, of nothing but what a frame can hold."""
        arguments = {**dict(zip(self._order, given, strict=False)), **named}
        return {name: _plain(self._parameters[name], value) for name, value in arguments.items()}

    def arguments(self, plain: Mapping[str, object]) -> dict[str, object]:
        """The arguments again; raises `ValidationError`."""
        return {name: _read(self._parameters[name], value) for name, value in plain.items()}

    def plain_result(self, value: object) -> object:
        """The result, of nothing but what a frame can hold."""
        return _plain(self._result, value)

    def result(self, plain: object) -> object:
        """The result again; raises `ValidationError`."""
        return _read(self._result, plain)


def pack(value: object) -> bytes:
    """The frame of a value of dicts, lists, texts, numbers, bytes and arrays."""
    buffers: list[bytes] = []
    head = json.dumps(_written(value, buffers), separators=(",", ":")).encode()
    parts = [_LENGTH.pack(len(head)), head]
    at = len(head) + _LENGTH.size
    for buffer in buffers:
        parts += (bytes(-at % _ALIGNED), buffer)
        at += -at % _ALIGNED + len(buffer)
    return b"".join(parts)


def unpack(frame: bytes | bytearray) -> object:
    """The value of a frame; its arrays are views of the frame."""
    (size,) = _LENGTH.unpack_from(frame)
    head = json.loads(bytes(frame[_LENGTH.size : _LENGTH.size + size]))
    return _Reading(memoryview(frame), _LENGTH.size + size).value(head)


def _adapter(hint: object) -> TypeAdapter[object]:
    type_ = cast("type[object]", hint)
    try:
        return TypeAdapter(type_, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise
    return TypeAdapter(type_)


def _plain(adapter: TypeAdapter[object], value: object) -> object:
    """Records as objects by their fields' own names; arrays stay arrays."""
    return adapter.dump_python(value, warnings=False, by_alias=False, exclude_computed_fields=True)


def _read(adapter: TypeAdapter[object], plain: object) -> object:
    return adapter.validate_python(plain, by_alias=False, by_name=True)


def _written(value: object, buffers: list[bytes]) -> object:
    """JSON in which `{"b": [dtype, shape, bytes]}` is the next buffer and `{"o": {...}}` is an object."""
    if isinstance(value, _PLAIN) and type(value) in (str, int, float, bool, type(None)):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.asarray(value), buffers)
    if isinstance(value, bytes | bytearray | memoryview):
        buffers.append(bytes(value))
        return {"b": ["bytes", [], len(buffers[-1])]}
    if isinstance(value, Mapping):
        return {"o": {_key(key): _written(item, buffers) for key, item in value.items()}}
    if isinstance(value, list | tuple | set | frozenset):
        return [_written(item, buffers) for item in value]
    return _written(to_jsonable_python(value, inf_nan_mode="constants"), buffers)


def _array(array: NDArray[np.generic], buffers: list[bytes]) -> object:
    if array.dtype.kind == "O":
        return {"s": [list(array.shape), [str(item) for item in array.ravel().tolist()]]}
    buffers.append(array.tobytes())
    return {"b": [array.dtype.str, list(array.shape), len(buffers[-1])]}


def _key(key: object) -> str:
    return key if isinstance(key, str) else str(to_jsonable_python(key))


class _Reading:
    """The values of one frame, whose buffers come in the order in which the JSON names them."""

    def __init__(self, frame: memoryview, at: int) -> None:
        self._frame = frame
        self._at = at

    def value(self, written: object) -> object:
        if isinstance(written, list):
            return [self.value(item) for item in written]
        if not isinstance(written, dict):
            return written
        if "o" in written:
            return {key: self.value(item) for key, item in written["o"].items()}
        if "s" in written:
            shape, items = written["s"]
            texts: NDArray[np.object_] = np.array(items, np.object_)
            return texts.reshape(shape)
        kind, shape, size = written["b"]
        self._at += -self._at % _ALIGNED
        buffer = self._frame[self._at : self._at + size]
        self._at += size
        return bytes(buffer) if kind == "bytes" else np.frombuffer(buffer, np.dtype(kind)).reshape(shape)
