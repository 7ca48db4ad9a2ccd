"""Tensors kept outside the model file, read into it: only from regular files inside the model's own folder.

A location comes from whoever made the file. onnxruntime follows hard links and reads outside of the folder when
it loads from bytes, so nothing is left for it to read (ONNX advisories CVE-2022-25882, CVE-2024-27318).
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from dagc.models.model_error import ModelError

if TYPE_CHECKING:
    import onnx

_MOST_BYTES = 2**31 - 1
"""Many tensors may name the same bytes; read in, each has its own, and a message ends at 2 GiB."""
_MOST_DIGITS = 19
"""Those of the largest offset that a file system has."""
_LONGEST_PATH = 1000
_LONGEST_NAME = 255
_MOST_SHOWN = 200


class _Message(Protocol):
    """What every protobuf message offers; protobuf ships no types of its own."""

    def ListFields(self) -> Iterable[tuple["_Field", object]]:  # noqa: N802  (protobuf's name)
        """The fields that are set, with their values."""
        ...


class _Field(Protocol):
    message_type: object


def external_locations(proto: "onnx.ModelProto") -> tuple[str, ...]:
    """The locations the model names, sorted; empty for a model that is whole."""
    return tuple(sorted({_entry(tensor, "location") for tensor in _external_tensors(proto)}))


def external_bytes(proto: "onnx.ModelProto", folder: Path) -> int:
    """How much the external tensors hold together; nothing is read. Raises as `inline_external_data`."""
    total = 0
    for tensor in _external_tensors(proto):
        with _place(tensor, folder) as place:
            total += place.length
        if total > _MOST_BYTES:
            raise _refused(_entry(tensor, "location"), "the model's tensors would hold more than 2 GiB")
    return total


def inline_external_data(proto: "onnx.ModelProto", folder: Path) -> None:
    """Replace every external tensor by its bytes.

    Raises:
        ModelError: E0406 for a location that is absolute, leaves `folder`, passes a link, is no regular file, has
            several hard links, does not exist or is too short, or for more than 2 GiB of tensors.
    """
    for tensor in _external_tensors(proto):
        with _place(tensor, folder) as place:
            place.stream.seek(place.offset)
            tensor.raw_data = place.stream.read(place.length)
        tensor.data_location = tensor.DEFAULT
        del tensor.external_data[:]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the bytes of a tensor lie, all of them."""

    stream: BinaryIO
    offset: int
    length: int


@contextmanager
def _place(tensor: "onnx.TensorProto", folder: Path) -> Iterator[_Place]:
    location = _entry(tensor, "location")
    offset, length = _whole_number(tensor, "offset") or 0, _whole_number(tensor, "length")
    with os.fdopen(_opened(_safe_path(folder, location), location), "rb") as stream:
        found = os.fstat(stream.fileno())
        if found.st_nlink > 1:
            raise _refused(location, "it has several hard links, so its bytes may belong to another file")
        wanted = found.st_size - offset if length is None else length
        if wanted < 0 or offset + wanted > found.st_size:
            raise _refused(location, f"it ends at byte {found.st_size}, before the tensor's last byte")
        yield _Place(stream, offset, wanted)


def _opened(file: Path, location: str) -> int:
    """One open file for the checks and the read, whatever happens to its name in between."""
    try:
        # Without NONBLOCK a pipe that nobody writes to would be waited for.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _refused(location, (error.strerror or "it cannot be opened").lower()) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _refused(location, "it is not a regular file")
    return descriptor


def _safe_path(folder: Path, location: str) -> Path:
    parts = PurePosixPath(location).parts
    if not parts or "\\" in location or "\0" in location or ":" in parts[0]:
        raise _refused(location, "it is not a relative path")
    if len(location) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_NAME for part in parts):
        raise _refused(location, "its name is longer than a file system allows")
    if PurePosixPath(location).is_absolute():
        raise _refused(location, "it is an absolute path")
    if ".." in parts:
        raise _refused(location, "it leaves the model's folder")
    file = folder
    for part in parts:
        file = file / part
        if file.is_symlink():
            raise _refused(location, "it passes through a symbolic link")
    return file


def _external_tensors(proto: "onnx.ModelProto") -> Iterator["onnx.TensorProto"]:
    """Every tensor stored elsewhere, wherever in the message it stands: attributes, functions, sparse parts."""
    import onnx

    for message in _messages(proto):
        if isinstance(message, onnx.TensorProto) and message.data_location == onnx.TensorProto.EXTERNAL:
            yield message


def _messages(message: _Message) -> Iterator[_Message]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for child in value if isinstance(value, Iterable) else (value,):
            yield from _messages(cast(_Message, child))


def _entry(tensor: "onnx.TensorProto", key: str) -> str:
    return next((entry.value for entry in tensor.external_data if entry.key == key), "")


def _whole_number(tensor: "onnx.TensorProto", key: str) -> int | None:
    text = _entry(tensor, key)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise _refused(_entry(tensor, "location"), f"its {key} is not a whole number")
    return int(text)


def _refused(location: str, reason: str) -> ModelError:
    return ModelError(
        "E0406",
        f"the external data `{location[:_MOST_SHOWN]}` of the model is not read: {reason}",
        ("external data is read only from regular files inside the model's own folder, without links",),
        "save the model as one file: `onnx.save(onnx.load(path), path, save_as_external_data=False)`",
    )
