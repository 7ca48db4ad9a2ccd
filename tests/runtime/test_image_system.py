"""Packages of the distribution on top of a base: files where the base's folders are, and its list kept right."""

import io
import tarfile
from pathlib import Path

import pytest

from dagc.runtime.image_system import lay_out

CONTROL = "Package: libx\nVersion: 2\nArchitecture: amd64\nDescription: a\n .\n b\n"
STATUS = "Package: libc6\nStatus: install ok installed\nVersion: 1\n\nPackage: libx\nVersion: 1\n"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "system-packages"
    folder.mkdir()
    with tarfile.open(folder / "libx.tar", "w") as tar:
        for name, link in (("./lib/libx.so.2", ""), ("./lib/libx.so", "libx.so.2"), ("./../../escaped", "")):
            entry = tarfile.TarInfo(name)
            entry.mode, entry.linkname = 0o4755, link
            entry.type, entry.size = (tarfile.SYMTYPE, 0) if link else (tarfile.REGTYPE, 4)
            tar.addfile(entry, io.BytesIO(b"code"))
        same = tarfile.TarInfo("./opt/same.so")
        same.type, same.linkname = tarfile.LNKTYPE, "./lib/libx.so.2"
        tar.addfile(same)
    (folder / "libx.control").write_text(CONTROL, encoding="utf-8")
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A root whose /lib is a link, as in today's distributions."""
    root = tmp_path / "base"
    (root / "usr" / "lib").mkdir(parents=True)
    (root / "var" / "lib" / "dpkg").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    return root


def files(target: Path) -> set[str]:
    return {str(path.relative_to(target)) for path in target.rglob("*") if not path.is_dir()}


def test_files_go_where_the_links_of_the_base_lead(packages: Path, base: Path, tmp_path: Path) -> None:
    target = tmp_path / "root"
    lay_out(packages, target, base)
    library = target / "usr" / "lib" / "libx.so.2"
    assert files(target) == {
        "usr/lib/libx.so.2", "usr/lib/libx.so", "opt/same.so", "var/lib/dpkg/status.d/libx",
    }  # fmt: skip
    assert library.read_bytes() == (target / "opt" / "same.so").read_bytes() == b"code"
    assert (target / "usr" / "lib" / "libx.so").readlink() == Path("libx.so.2")
    assert library.stat().st_mode & 0o7777 == 0o755, "nothing that changes who it is"
    assert (target / "var/lib/dpkg/status.d/libx").read_text() == CONTROL


def test_the_list_of_dpkg_names_each_package_once(packages: Path, base: Path, tmp_path: Path) -> None:
    (base / "var/lib/dpkg/status").write_text(STATUS, encoding="utf-8")
    target = tmp_path / "root"
    lay_out(packages, target, base)
    assert not (target / "var/lib/dpkg/status.d").exists()
    assert (target / "var/lib/dpkg/status").read_text() == (
        "Package: libc6\nStatus: install ok installed\nVersion: 1\n\n"
        "Package: libx\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\nDescription: a\n .\n b\n"
    )
