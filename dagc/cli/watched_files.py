"""When the files that a build reads last changed, found by looking: it needs nothing, and works on any disk."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dagc.artifacts.lock import LOCK_NAME
from dagc.frontend import ENVIRONMENTS_NAME
from dagc.plan.profile import PROFILE_NAME

Look = Mapping[Path, tuple[int, int]]
"""Every file that is there, with its time of change in nanoseconds and its size."""

_KINDS = (".py", ".onnx")
_REQUESTS = (".json", ".jsonl")
_SETTINGS = (LOCK_NAME, PROFILE_NAME, ENVIRONMENTS_NAME)
_FOREIGN = ("plan.json", "pyvenv.cfg")
"""Whoever has one of these is a build, or an environment with thousands of modules that are not the user's."""


def look(root: Path, models: Iterable[Path]) -> Look:
    """The state of the modules and models below `root`, of `models` elsewhere, and of what a build reads besides.

    A module that a wrong edit asks for is not known to any build, so all in the folder are looked at.
    """
    files = {*_below(root), *(root / name for name in _SETTINGS), *models}
    return {file: stamp for file in files if (stamp := _stamp(file)) is not None}


def changed(before: Look, now: Look) -> list[Path]:
    """The files that came, went, or are others now."""
    return sorted(file for file in before.keys() | now.keys() if before.get(file) != now.get(file))


def _below(root: Path) -> Iterator[Path]:
    for name, inner, files in os.walk(root):
        folder = Path(name)
        inner[:] = [each for each in inner if not _is_foreign(folder / each)]
        kinds = _REQUESTS if folder == root / "requests" else _KINDS
        yield from (folder / file for file in files if file.endswith(kinds))


def _is_foreign(folder: Path) -> bool:
    return folder.name.startswith((".", "__")) or any((folder / mark).exists() for mark in _FOREIGN)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
