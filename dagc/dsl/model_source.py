"""Where a declared model's bytes come from: a file, or whatever else gives ONNX bytes at build time."""

import os
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from dagc.diagnostics import Diagnostic, Span
from dagc.models.read import expect_model, read_model
from dagc.trace.recorder import refuse

_INSTALLED = tuple(Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib"))


class ModelSource(Protocol):
    """What a model is read from."""

    @property
    def label(self) -> str:
        """What the model is called when it is assigned to no variable."""

    def expect(self, folder: Path) -> None:
        """Begin, without waiting, whatever can be begun before the model is read."""

    def read(self, root: Path, folder: Path, declared: Span | None) -> bytes:
        """The model's bytes; `folder` is that of the declaring file, `declared` the declaration seen from `root`.

        Raises:
            ModelError: a mistake to be told at the declaration.
            CompileError: one that has been reported at its own place.
        """

    def name_from(self, root: Path, folder: Path) -> str:
        """What a lock in `root` calls it."""


class ModelFile:
    """An ONNX file; `path` is relative to the folder of the file that declares the model."""

    def __init__(self, path: object, sha256: object, batch_axes: object = None, *, reload: bool = False) -> None:
        self._path = path
        self._sha256 = sha256
        self._batch_axes = batch_axes
        self._reload = reload

    @property
    def label(self) -> str:
        """The file's name without its ending."""
        return Path(str(self._path)).stem

    def expect(self, folder: Path) -> None:
        """Let the process start that looks at models, if this one is not known yet."""
        axes = _axes(self._batch_axes)
        if isinstance(self._path, str | Path) and "://" not in str(self._path) and not isinstance(axes, str):
            expect_model(folder / self._path, axes)

    def read(self, root: Path, folder: Path, declared: Span | None) -> bytes:
        """The file's bytes with its external data; raises as `read_model`, and CompileError E0132."""
        path = self._path
        if not isinstance(path, str | Path):
            message = f"a model's path is a string, not `{type(path).__name__}`"
            refuse(Diagnostic.at("E0132", message, declared, "declared here"))
        sha256 = self._sha256
        if sha256 is not None and not isinstance(sha256, str):
            message = f"`sha256=` is the digest in hex as a string, not `{type(sha256).__name__}`"
            refuse(Diagnostic.at("E0132", message, declared, "declared here"))
        axes = _axes(self._batch_axes)
        if isinstance(axes, str):
            help = 'write `batch_axes={"state": 1, "rate": None}`'
            refuse(Diagnostic.at("E0132", axes, declared, "declared here", help=help))
        if axes and self._reload:
            message = "`batch_axes=` and `reload=True` do not go together"
            help = "export the model with its batch along axis 0: a file that replaces it is served as it is"
            refuse(Diagnostic.at("E0132", message, declared, "declared here", help=help))
        # An address is handed on as it is: `read_model` knows it and says what to do (E0408).
        file = Path(path) if "://" in str(path) else folder / path
        return read_model(file, sha256=sha256, batch_axes=axes)

    def name_from(self, root: Path, folder: Path) -> str:
        """The path from `root`; of a file in an installed package, the one from where packages are."""
        for place in _INSTALLED:
            if Path(str(self._path)).is_relative_to(place):
                return f"site-packages/{Path(str(self._path)).relative_to(place).as_posix()}"
        return Path(os.path.relpath(folder / str(self._path), root)).as_posix()


def _axes(given: object) -> dict[str, int | None] | str:
    """What `batch_axes=` declares, or why it is no declaration."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        return f"`batch_axes=` maps names of inputs and outputs to axes, and this is a `{type(given).__name__}`"
    found: dict[str, int | None] = {}
    for name, axis in given.items():
        if not isinstance(name, str):
            return f"`batch_axes=` names inputs and outputs, and `{name!r:.40}` is no name"
        if axis is not None and (type(axis) is not int or axis < 0):
            return f"`batch_axes=` says of `{name}` `{axis!r:.40}`, and an axis is 0, 1, 2 ... or `None`"
        found[name] = axis
    return found
