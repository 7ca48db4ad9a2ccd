"""Packages of the distribution, laid out as an image gets them on top of its base.

Runs in the first stage of the Dockerfile with nothing but the base's Python: the `NAME.tar` and `NAME.control` of
each package fill a folder that is copied over the base's root. No dpkg is needed, and no script of a package runs.
The list of what is installed is kept right, in the base's own form.
"""

import sys
import tarfile
from pathlib import Path, PurePosixPath

_STATUS = "var/lib/dpkg/status"


def lay_out(packages: Path, target: Path, base: Path) -> None:
    """Fill `target` with the files of all packages, and with the list of packages of `base` and theirs."""
    for archive in sorted(packages.glob("*.tar")):
        with tarfile.open(archive, mode="r:") as tar:
            for member in tar:
                _add(tar, member, target, base)
    controls = {path.stem: path.read_text(encoding="utf-8").strip() for path in sorted(packages.glob("*.control"))}
    status = base / _STATUS
    if status.is_file():
        _write(target / _STATUS, _merged(status.read_text(encoding="utf-8"), controls).encode())
        return
    for name, control in controls.items():
        _write(target / f"{_STATUS}.d" / name, f"{control}\n".encode())


def _add(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, base: Path) -> None:
    path = PurePosixPath(member.name)
    if ".." in path.parts or not (member.isfile() or member.issym() or member.islnk()):
        return
    # Where /lib is a link to /usr/lib, a file of /lib goes where the link leads: a copy cannot go through it.
    folder = (base / path.parent).resolve()
    place = target / folder.relative_to(base.resolve()) / path.name
    if member.issym():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(member.linkname)
        return
    source = tar.extractfile(member)
    assert source is not None
    _write(place, source.read())
    place.chmod(member.mode & 0o755)  # no set-user-id: nothing in an image changes who it is


def _merged(status: str, controls: dict[str, str]) -> str:
    """The list with these packages, each once."""
    kept = [each for each in status.strip().split("\n\n") if _name(each) not in controls]
    new = []
    for control in controls.values():
        first, _, rest = control.partition("\n")
        new.append(f"{first}\nStatus: install ok installed\n{rest}")
    return "\n\n".join([*kept, *new]) + "\n"


def _name(paragraph: str) -> str:
    lines = (
        line.removeprefix("Package:").strip() for line in paragraph.splitlines() if line.startswith("Package:")
    )
    return next(lines, "")


def _write(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]), Path(sys.argv[2]), Path("/"))
