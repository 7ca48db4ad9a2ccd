"""Writes a tree so that a reader, whenever it looks and whatever is killed, finds the old tree or the new one.

A complete sibling folder is made and synced first; one `renameat2(RENAME_EXCHANGE)` then swaps it with the old.
"""

import ctypes
import errno
import fcntl
import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dagc.artifacts.tree import ArtifactTree
from dagc.diagnostics import CompileError, Diagnostic

Opener = Callable[[Path], BinaryIO]
"""Opens a new file for writing; tests give one whose writes fail."""

MARKER = "plan.json"
"""The file that says a folder is a build of dagc and may be replaced."""

_AT_FDCWD = -100  # <fcntl.h>
_RENAME_EXCHANGE = 2  # <linux/fs.h>


def write(tree: ArtifactTree, out: Path, *, opener: Opener | None = None) -> None:
    """Make `out` hold exactly `tree`, at once or not at all.

    Raises:
        CompileError: `out` holds something that is no build (E0509), or the disk refuses (E0508).
    """
    given = out
    try:
        out = _absolute(out)
        _refuse_foreign(out, given)
        out.parent.mkdir(parents=True, exist_ok=True)
        _tidy(out)
        with _staging(out) as staging:
            _fill(staging, tree, opener or _create)
            _put_in_place(staging, out)
    except OSError as error:
        raise CompileError.of(_not_written(out, given, error)) from None


def is_build(folder: Path) -> bool:
    """True when dagc made `folder`: its plan says so."""
    try:
        plan = json.loads((folder / MARKER).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(plan, dict) and "dagc_version" in plan and "services" in plan


def _absolute(out: Path) -> Path:
    """`out` with its parent's links followed, but not its own."""
    return out.resolve() if out.name in {"", ".."} else out.parent.resolve() / out.name


def _refuse_foreign(out: Path, given: Path) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        reason = f"`{given}` is not a folder"
    elif out.is_dir() and any(out.iterdir()) and not is_build(out):
        reason = f"`{given}` holds files that dagc did not write"
    else:
        return
    help_ = "choose another output folder, or remove this one yourself"
    raise CompileError.of(Diagnostic("E0509", f"{reason}, so it is not replaced", help=help_))


def _tidy(out: Path) -> None:
    """Remove what killed builds left beside `out`; a folder whose builder lives is locked and stays."""
    for leftover in sorted(out.parent.glob(f"{_prefix(out, 'old')}*")):
        if not out.exists():
            leftover.rename(out)  # killed between the two renames of `_swap_by_hand`
    for kind in ("new", "old"):
        for leftover in sorted(out.parent.glob(f"{_prefix(out, kind)}*")):
            _remove_unlocked(leftover)


def _remove_unlocked(folder: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if _lock(descriptor):
                shutil.rmtree(folder)
        finally:
            os.close(descriptor)


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """A new locked folder beside `out`; what it holds at the end (half a tree, the old tree) is removed."""
    staging = out.parent / f"{_prefix(out, 'new')}{secrets.token_hex(6)}"
    staging.mkdir()
    descriptor = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor)
        yield staging
    finally:
        os.close(descriptor)
        shutil.rmtree(staging, ignore_errors=True)


def _lock(descriptor: int) -> bool:
    """True when this process now has the lock, which the kernel drops when the process ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another builder has it, or the file system has no locks: then leftovers stay
        return False
    return True


def _fill(staging: Path, tree: ArtifactTree, opener: Opener) -> None:
    folders = {staging}
    for path, content in tree.files.items():
        file = staging / path
        file.parent.mkdir(parents=True, exist_ok=True)
        folders.update(folder for folder in file.parents if folder.is_relative_to(staging))
        with opener(file) as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    for folder in folders:
        _sync_folder(folder)


def _create(file: Path) -> BinaryIO:
    return file.open("xb")


def _put_in_place(staging: Path, out: Path) -> None:
    if not out.exists():
        staging.rename(out)
    elif not _exchange(staging, out):
        _swap_by_hand(staging, out)
    _sync_folder(out.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step (renameat2(2), Linux 3.15); False where the system cannot."""
    if sys.platform != "linux":
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    names = (os.fsencode(one), os.fsencode(other))
    if renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], ctypes.c_uint(_RENAME_EXCHANGE)) == 0:
        return True
    code = ctypes.get_errno()
    if code in {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}:  # an old kernel, or a file system without it
        return False
    raise OSError(code, os.strerror(code))


def _swap_by_hand(staging: Path, out: Path) -> None:
    """Two renames: for an instant `out` is missing, and the next build (`_tidy`) would bring it back."""
    old = out.parent / f"{_prefix(out, 'old')}{secrets.token_hex(6)}"
    out.rename(old)
    try:
        staging.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _prefix(out: Path, kind: str) -> str:
    return f".{out.name}.dagc-{kind}-"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_written(out: Path, given: Path, error: OSError) -> Diagnostic:
    reason = (error.strerror or type(error).__name__).lower()
    kept = "the earlier build is as it was" if is_build(out) else "nothing was written"
    help_ = "free some space or choose another disk" if error.errno == errno.ENOSPC else "check the output folder"
    return Diagnostic("E0508", f"the build cannot be written to `{given}`: {reason}", notes=(kept,), help=help_)
