"""The control groups of this process, whose files say what it may use: of version 1, version 2, or both."""

from collections.abc import Iterator
from pathlib import Path


def groups(root: Path, controller: str) -> Iterator[Path]:
    """Folders of this process' groups of `controller` and of the groups around them; `root` holds proc and sys."""
    for line in text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _with_parents(root / "sys/fs/cgroup", path)
        elif controller in controllers.split(","):
            yield from _with_parents(root / "sys/fs/cgroup" / controllers, path)


def text(path: Path) -> str:
    """What a file says; nothing when it cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return ""


def _with_parents(mount: Path, path: str) -> Iterator[Path]:
    # Inside a container the mount is its own group while the path may be the host's: a missing folder is no limit.
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for count in range(len(parts) + 1):
        yield mount.joinpath(*parts[:count])
