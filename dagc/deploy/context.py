"""The context of an image build: one tar file, the same bytes for the same files, without a link in it."""

import io
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from docker.utils.build import exclude_paths

_IN_MEMORY = 8 * 1024 * 1024


def context(files: Mapping[str, bytes], folders: Mapping[str, Path], ignored: Iterable[str]) -> IO[bytes]:
    """A tar file of `files`, and of `folders` on the disk under the names they have there.

    What `ignored` (lines of a .dockerignore) names stays out. Owner, time and order say nothing of this machine.
    """
    patterns = [line.strip() for line in ignored if line.strip() and not line.startswith("#")]
    stream: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - the caller closes it
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(files):
            _add(tar, path, len(files[path]), io.BytesIO(files[path]))
        for name in sorted(folders):
            _add_folder(tar, name, folders[name], patterns)
    stream.seek(0)
    return stream


def _add_folder(tar: tarfile.TarFile, name: str, folder: Path, patterns: list[str]) -> None:
    """`folder` must be called `name`, so that patterns mean the same here as in a build by hand."""
    assert folder.name == name
    for path in sorted(exclude_paths(str(folder.parent), patterns)):
        file = folder.parent / path
        if Path(path).parts[:1] != (name,) or file.is_symlink() or not file.is_file():
            continue
        with file.open("rb") as content:
            _add(tar, Path(path).as_posix(), file.stat().st_size, content)


def _add(tar: tarfile.TarFile, path: str, size: int, content: IO[bytes]) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode, entry.mtime = size, 0o644, 0
    tar.addfile(entry, content)
