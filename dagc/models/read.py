"""A model file as bytes that are whole in themselves, or a `ModelError` that says what is wrong with the file.

The file is untrusted: this process hashes its bytes and hands them to a limited one, which does everything that
parses or runs them. What that found good is known by its hash, and no process looks at it again.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from dagc.diagnostics.progress import doing
from dagc.diagnostics.suggest import closest
from dagc.ir.types import Dim
from dagc.models.batch_axes import BatchAxes
from dagc.models.cache import entry_key, load_entry, store_entry
from dagc.models.known import Json, NotAnAnswerError, error_from, recalled, remember, signature_from
from dagc.models.limits import limits_for
from dagc.models.model_error import PROTOBUF_LIMIT_BYTES, ModelError, too_large
from dagc.models.sandbox import sandbox
from dagc.models.signature import Signature

__all__ = ["ModelError", "contract", "examined", "expect_model", "read_model"]

_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
_NO_FOLDER = Path("/nonexistent")
"""That of a model without a file, which has no external data that could be read."""
_ALL_FIRST: BatchAxes = MappingProxyType({})
"""Axis 0 of every input and output."""


def read_model(path: Path, *, sha256: str | None = None, batch_axes: BatchAxes = _ALL_FIRST) -> bytes:
    """The model's bytes: exactly the file's, unless something in it has to be put into another form.

    That is external data, maps instead of tables, and a batch that lies elsewhere than along axis 0. What
    `ModelStore.signature` gives from then on was found by running it.

    Args:
        path: The file.
        sha256: The digest in hex the file's own bytes must have.
        batch_axes: Where the batch lies, for inputs and outputs of which it is not axis 0.

    Raises:
        ModelError: E0401 no such file, E0402 not a readable model, E0403 another digest than `sha256`, E0404 not
            loadable by this runtime, E0405 no batch axis, E0406 unsafe or missing external data, E0407 an input
            or output that is no tensor of a served type, E0408 an address instead of a path, E0411 it crashes the
            runtime, E0412 it takes too much memory or time, E0413 foreign operators, E0414 impossible sizes, E0415
            what no service runs, E0416 it lies about its shapes, E0460 and E0461 as `with_batch_axes`.
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
    return examined(content, path.name, path.parent, batch_axes)


def examined(content: bytes, name: str, folder: Path = _NO_FOLDER, batch_axes: BatchAxes = _ALL_FIRST) -> bytes:
    """The model's bytes as `read_model` gives them, for bytes that are at hand; raises like it.

    Args:
        content: The model.
        name: What it is called in messages.
        folder: Where its external data lies.
        batch_axes: As in `read_model`.
    """
    digest = hashlib.sha256(content).hexdigest()
    if not batch_axes and recalled(digest) is not None:
        return content
    signature, rewritten = _looked_at(content, digest, name, folder, {}, batch_axes)
    model = rewritten or content
    remember(hashlib.sha256(rewritten).hexdigest() if rewritten else digest, signature)
    return model


def expect_model(path: Path, batch_axes: BatchAxes = _ALL_FIRST) -> None:
    """Start the process that looks at models, unless this one is known: while it starts, other work goes on."""
    try:
        if path.is_file() and path.stat().st_size <= PROTOBUF_LIMIT_BYTES:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            known = not batch_axes and recalled(digest) is not None
            if not known and load_entry(entry_key(digest, _question(batch_axes))) is None:
                sandbox().start()
    except (OSError, ValueError):
        return  # `read_model` says what is wrong with the file


def contract(model: bytes, inputs: Mapping[str, tuple[Dim, ...]], name: str) -> Signature:
    """The signature of a model that was read, run with inputs of declared sizes only.

    Args:
        model: What `read_model` returned.
        inputs: The declared dims of one example, for some or all inputs; only numbers fix anything.
        name: What the model is called in messages.

    Raises:
        ModelError: E0410 when the model cannot be run with these sizes; others as `read_model`.
    """
    pins: dict[str, Json] = {
        port: [size if isinstance(size, int) else None for size in dims] for port, dims in inputs.items()
    }
    digest = hashlib.sha256(model).hexdigest()
    asked = f"{digest} {sorted(pins.items())}"
    known = recalled(asked)
    if known is None:
        known = _looked_at(model, digest, name, _NO_FOLDER, pins)[0]
        remember(asked, known)
    return known


def _looked_at(
    content: bytes,
    digest: str,
    name: str,
    folder: Path,
    pins: dict[str, Json],
    batch_axes: BatchAxes = _ALL_FIRST,
) -> tuple[Signature, bytes | None]:
    """What is known of the content, from the cache or the limited process."""
    key = entry_key(digest, _question(pins) + _question(batch_axes))
    if (entry := load_entry(key)) is not None:
        try:
            return signature_from(entry[0]), entry[1] or None
        except NotAnAnswerError:
            pass  # written by somebody else, or by chance: it is found out again
    doing(f"running `{name}` with small examples")
    head: dict[str, Json] = {"folder": str(folder.resolve()), "pins": pins, "batch_axes": {**batch_axes}}
    answer, body = sandbox().ask(name, head, content, limits_for(len(content)))
    try:
        if "error" in answer:
            raise error_from(answer["error"])
        found = answer["signature"]
        signature = signature_from(found)
    except (NotAnAnswerError, KeyError) as error:
        raise _no_answer(name) from error
    rewritten = body if answer.get("rewritten") is True else None
    if answer.get("external") is False:  # other bytes may lie in the same external file tomorrow
        store_entry(key, found, rewritten or b"")
    return signature, rewritten


def _question(asked: Mapping[str, object]) -> str:
    """What is asked of a model beside its bytes, as part of an entry's name."""
    return repr(sorted(asked.items())) if asked else ""


def _content(path: Path) -> bytes:
    if found := _ADDRESS.match(str(path)):
        address = f"{found[0]}/{str(path)[found.end() :]}"  # a `Path` keeps one slash of two
        raise ModelError(
            "E0408",
            f"`{address}` is an address, and a build reads no network",
            help='download the model beside graph.py and pin it: `dagc.onnx("models/m.onnx", sha256=...)`',
        )
    try:
        there = path.is_file()
    except OSError as error:  # a name that no file can have
        reason = (error.strerror or "unknown reason").lower()
        raise ModelError("E0401", f"there is no model file `{path.name[:80]}`", (reason,)) from error
    if not there:
        raise _missing(path)
    if path.stat().st_size > PROTOBUF_LIMIT_BYTES:
        raise too_large(path.name)
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
    if os.path.lexists(path):
        what = (
            "a link that leads nowhere" if path.is_symlink() and not path.exists() else "a pipe, socket or device"
        )
        return ModelError("E0401", f"`{path.name}` is {what}, not a model file")
    near = closest(path.name, found)
    models = [name for name in found if name.endswith(".onnx")]
    notes = (f"`{path.parent.name}` holds {', '.join(f'`{name}`' for name in models[:8])}",) if models else ()
    return ModelError("E0401", f"there is no model file `{path.name}`", notes, near and f"did you mean `{near}`?")


def _no_answer(name: str) -> ModelError:
    return ModelError(
        "E0411",
        f"`{name}` crashes the runtime",
        ("the process that looked at the model gave an answer that is none",),
        "do not serve this file; export the model again",
    )
