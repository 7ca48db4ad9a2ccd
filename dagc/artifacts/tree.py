"""A build before it is on disk: relative paths and bytes, sorted, so that equal builds have equal digests."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

from dagc.diagnostics import CompileError, Diagnostic


@dataclass(frozen=True)
class ArtifactTree:
    """Files by posix path relative to the output folder, in path order. It holds files only, never a link.

    Raises:
        CompileError: a path that is absolute, leaves the folder, or is a file and a folder at once (E0602).
    """

    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        for path in self.files:
            if reason := _path_mistake(path, self.files):
                raise _refused(path, reason)
        object.__setattr__(
            self, "files", MappingProxyType({path: self.files[path] for path in sorted(self.files)})
        )

    def digest(self) -> str:
        """SHA-256 over every path and content, in hex."""
        total = sha256()
        for path, content in self.files.items():
            for part in (path.encode(), content):
                total.update(len(part).to_bytes(8, "big"))
                total.update(part)
        return total.hexdigest()

    def under(self, folder: str) -> "ArtifactTree":
        """The same files inside `folder`."""
        return ArtifactTree({f"{folder}/{path}": content for path, content in self.files.items()})

    def merge(self, other: "ArtifactTree") -> "ArtifactTree":
        """The files of both.

        Raises:
            CompileError: both have a file of one name with different content (E0602).
        """
        for path in self.files.keys() & other.files.keys():
            if self.files[path] != other.files[path]:
                raise _refused(path, "two different files have this name")
        return ArtifactTree({**self.files, **other.files})


def _path_mistake(path: str, files: Mapping[str, bytes]) -> str | None:
    parts = path.split("/")
    if not path or path.startswith("/") or any(part in {"", ".", ".."} for part in parts):
        return "the path is not relative to the output folder"
    if "\\" in path or not path.isprintable():
        return "the path has a backslash or a character that cannot be printed"
    if any("/".join(parts[:depth]) in files for depth in range(1, len(parts))):
        return "a folder of the path is a file too"
    return None


def _refused(path: str, reason: str) -> CompileError:
    message = f"the build cannot have a file {path!r}: {reason}"
    return CompileError.of(Diagnostic("E0602", message, help="rename the file it comes from"))
