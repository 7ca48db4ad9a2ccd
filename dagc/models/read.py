"""A model file as bytes that are whole in themselves, or a `ModelError` that says what is wrong with the file.

Everything later stages rely on is checked here once: the file parses, ONNX's checker accepts it, this runtime
loads it, and every input and output has a batch axis.
"""

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dagc.diagnostics.suggest import closest
from dagc.models.external_data import external_locations, inline_external_data
from dagc.models.model_error import ModelError
from dagc.models.proto import parse, plain_domain
from dagc.models.runner import Runner
from dagc.models.signature import signature_of

if TYPE_CHECKING:
    import onnx

__all__ = ["ModelError", "read_model"]

PROTOBUF_LIMIT_BYTES = 2**31 - 1
"""A protobuf message cannot be larger; ONNX keeps more than that in external data."""

_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


def read_model(path: Path, *, sha256: str | None = None) -> bytes:
    """The bytes of the model, external data included; exactly the file's bytes where it has none.

    Args:
        path: The file.
        sha256: The digest in hex the file's own bytes must have.

    Raises:
        ModelError: E0401 no such file, E0402 not a readable model, E0403 another digest than `sha256`, E0404 not
            loadable by this runtime, E0405 no batch axis, E0406 unsafe or missing external data, E0407 an input
            or output that is no tensor of a served type, E0408 an address instead of a path.
    """
    content = _content(path)
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise ModelError(
            "E0403",
            f"`{path.name}` is not the pinned model",
            (f"its sha256 is {digest}", f"pinned is    {sha256.lower()}"),
            "restore the file, or pin the new digest if the change is meant",
        )
    proto = _parsed(content, path)
    _known_opsets(proto, path)
    if external_locations(proto):
        inline_external_data(proto, path.parent)
        content = _whole(proto, path)
    _checked(content, path)
    signature_of(proto)
    Runner(content, optimised=False)
    return content


def _content(path: Path) -> bytes:
    if _ADDRESS.match(str(path)):
        raise ModelError(
            "E0408",
            f"`{path}` is an address, and a build reads no network",
            help='download the model beside graph.py and pin it: `dagc.onnx("models/m.onnx", sha256=...)`',
        )
    if not path.is_file():
        raise _missing(path)
    if path.stat().st_size > PROTOBUF_LIMIT_BYTES:
        raise _too_large(path)
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise ModelError("E0402", f"`{path.name}` cannot be read: {reason}") from error


def _missing(path: Path) -> ModelError:
    if path.is_dir():
        return ModelError("E0401", f"`{path.name}` is a folder, not a model file")
    if not path.parent.is_dir():
        return ModelError("E0401", f"there is no folder `{path.parent.name}` for model file `{path.name}`")
    found = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    near = closest(path.name, found)
    models = [name for name in found if name.endswith(".onnx")]
    notes = (f"`{path.parent.name}` holds {', '.join(f'`{name}`' for name in models[:8])}",) if models else ()
    return ModelError("E0401", f"there is no model file `{path.name}`", notes, near and f"did you mean `{near}`?")


def _parsed(content: bytes, path: Path) -> "onnx.ModelProto":
    try:
        proto = parse(content)
    except ModelError as error:
        raise _unreadable(path, "its bytes are not an ONNX model") from error
    if not proto.opset_import or not proto.graph.output:
        raise _unreadable(path, "it names no operator set or no output")
    return proto


def _known_opsets(proto: "onnx.ModelProto", path: Path) -> None:
    from onnx import defs

    newest = defs.onnx_opset_version()
    for entry in proto.opset_import:
        if plain_domain(entry.domain) == "" and entry.version > newest:
            raise ModelError(
                "E0404",
                f"`{path.name}` uses opset {entry.version}, and this runtime knows opsets up to {newest}",
                help=f"export the model with `opset_version={newest}` or older",
            )


def _checked(content: bytes, path: Path) -> None:
    from onnx import checker

    try:
        checker.check_model(content)
    except Exception as error:  # the checker raises its own errors and bare RuntimeErrors
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise _unreadable(path, f"ONNX's checker says: {first}") from error


def _whole(proto: "onnx.ModelProto", path: Path) -> bytes:
    if proto.ByteSize() > PROTOBUF_LIMIT_BYTES:
        raise _too_large(path)
    whole: bytes = proto.SerializeToString(deterministic=True)
    return whole


def _unreadable(path: Path, reason: str) -> ModelError:
    return ModelError(
        "E0402",
        f"`{path.name}` is not a readable ONNX model",
        (reason,),
        "dagc serves ONNX files only: convert the model, and check that the download is complete",
    )


def _too_large(path: Path) -> ModelError:
    return ModelError(
        "E0402",
        f"`{path.name}` holds more than 2 GiB with its external data",
        ("a model travels as one protobuf message, which ends at 2 GiB",),
        "quantise the model, or split it in two",
    )
