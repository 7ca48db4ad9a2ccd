"""`dagc.lock`: what a build was made from, by hash. Committed beside graph.py; `dagc lock` makes it."""

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dagc.artifacts.canonical import json_bytes
from dagc.artifacts.image_name import IMAGE_NAME
from dagc.artifacts.pinned import Pinned, closure, normalised
from dagc.artifacts.system_package import SYSTEM_PACKAGE, SystemFile
from dagc.diagnostics import CompileError, Diagnostic

LOCK_NAME = "dagc.lock"
_RUNTIMES = ("onnxruntime", "onnxruntime-gpu")


class Lock(BaseModel):
    """Hashes of the models (path as in graph.py -> SHA-256 in hex) and the resolved Python requirements.

    `dagc` and `python` (`3.11`) are the versions that made it; `version` is that of this form: in the first one no
    requirement says what it needs. `base` is the image that images are built on, with its digest where one was
    found; with the `system_files` unpacked on top it has the packages `system`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1, 2] = 2
    dagc: str
    python: str = Field(default_factory=lambda: ".".join(platform.python_version_tuple()[:2]))
    models: dict[str, str]
    requirements: tuple[Pinned, ...]
    base: str | None = Field(default=None, max_length=255, pattern=rf"^{IMAGE_NAME.pattern}$")
    system: tuple[Annotated[str, Field(pattern=rf"^{SYSTEM_PACKAGE.pattern}$")], ...] = ()
    system_files: tuple[SystemFile, ...] = ()

    def needed(self, roots: Iterable[str], unused: Mapping[str, frozenset[str]]) -> tuple[Pinned, ...]:
        """What `roots` need; see `closure`. All requirements where the lock's form does not tell."""
        return self.requirements if self.version == 1 else closure(self.requirements, roots, unused)

    def content(self) -> bytes:
        """The file's content; equal locks give equal bytes."""
        unsaid = {name for name in ("base", "system", "system_files") if not getattr(self, name)}
        return json_bytes(self.model_dump(mode="json", exclude=unsaid))


def make_lock(models: Mapping[str, bytes], requirements: Sequence[Pinned], *, dagc_version: str) -> Lock:
    """The lock of `models` (path -> content) and `requirements`."""
    hashes = {path: sha256(models[path]).hexdigest() for path in sorted(models)}
    ordered = sorted(requirements, key=lambda pin: (pin.name, pin.version, pin.marker or ""))
    return Lock(dagc=dagc_version, models=hashes, requirements=tuple(ordered))


def read_lock(path: Path) -> Lock | None:
    """The lock in file `path`, or nothing when there is no such file.

    Raises:
        CompileError: the file is not a lock this dagc reads (E0504).
    """
    try:
        return Lock.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        found = error.errors()[0] if isinstance(error, ValidationError) else None
        where = ".".join(str(part) for part in found["loc"]) if found else ""
        note = f"`{where}`: {found['msg']}" if found and where else "the file is not readable JSON"
        message = f"`{path.name}` is not a lock this dagc reads"
        help_ = "run `dagc lock` to write it anew"
        raise CompileError.of(Diagnostic("E0504", message, notes=(note,), help=help_)) from None


def verify(
    lock: Lock | None, models: Mapping[str, bytes], requirements: Sequence[str] = ()
) -> Iterator[Diagnostic]:
    """What differs between `lock` and the world: models (path -> content), wanted requirements, onnxruntime.

    A model differs (E0501) or is not locked (E0502), a requirement is not locked (E0505), onnxruntime here is
    another version (W0502, on GPUs W0506), the lock does not say what needs what (W0505). Without a lock that is
    the only finding (W0501).
    """
    if lock is None:
        help_ = "run `dagc lock` and commit `dagc.lock`"
        yield Diagnostic("W0501", "the build has no `dagc.lock`, so its versions are not fixed", help=help_)
        return
    for path in sorted(models):
        yield from _model_differences(lock, path, sha256(models[path]).hexdigest())
    for wanted in requirements:
        if not any(_meets(pin, wanted) for pin in lock.requirements):
            yield Diagnostic("E0505", f"`{wanted}` is needed but not in `dagc.lock`", help="run `dagc lock`")
    yield from _runtime_differences(lock)
    if lock.version == 1:
        message = "`dagc.lock` does not say which package needs which, so every service gets all of them"
        yield Diagnostic("W0505", message, help="run `dagc lock`; images get smaller")


def _model_differences(lock: Lock, path: str, found: str) -> Iterator[Diagnostic]:
    locked = lock.models.get(path)
    if locked is None:
        yield Diagnostic("E0502", f"model `{path}` is not in `dagc.lock`", help="run `dagc lock`")
    elif locked != found:
        notes = (f"locked sha256 {locked}", f"found  sha256 {found}")
        help_ = "put the locked file back, or run `dagc lock` if the change is meant"
        yield Diagnostic("E0501", f"model `{path}` is not the one in `dagc.lock`", notes=notes, help=help_)


def _meets(pin: Pinned, wanted: str) -> bool:
    name, _, exactly = wanted.partition("==")
    return pin.name == normalised(name) and exactly in {"", pin.version}


def _runtime_differences(lock: Lock) -> Iterator[Diagnostic]:
    locked, on_gpus = ({pin.version for pin in lock.requirements if pin.name == name} for name in _RUNTIMES)
    here = installed_version("onnxruntime")
    if locked and here not in locked:
        there = " or ".join(sorted(locked))
        message = f"the service will run onnxruntime {there}, but this machine checks it with {here}"
        yield Diagnostic("W0502", message, help=f"install onnxruntime {there} here, or run `dagc lock`")
    if on_gpus and here not in on_gpus:
        there = " or ".join(sorted(on_gpus))
        message = f"on GPUs the service will run onnxruntime-gpu {there}, but this machine checks it with {here}"
        help_ = f"install onnxruntime {there} here and run `dagc lock`, or compare answers on the GPU itself"
        yield Diagnostic("W0506", message, help=help_)
