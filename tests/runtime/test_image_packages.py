"""What an image's packages become: the same modules from smaller files, and lists that say what is there."""

import csv
import hashlib
import importlib.util
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from importlib.metadata import distribution
from pathlib import Path

import pytest

from dagc.runtime.image_packages import prepare, without_symbols


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with one real wheel, as it is unpacked for an image."""
    target = tmp_path / "packages"
    for file in distribution("httptools").files or ():
        if ".." not in file.parts and "__pycache__" not in file.parts and file.suffix != ".pyi":
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), target / file)
    return target


def libraries(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.rglob("*.so")}


def test_libraries_are_smaller_and_load(packages: Path) -> None:
    before = libraries(packages)
    prepare(packages)
    assert all(size < before[name] / 2 for name, size in libraries(packages).items())
    parse = "import httptools; print(httptools.parse_url(b'http://a:1/b').path, httptools.__file__)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(packages)!r}); {parse}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["b'/b'", str(packages / "httptools" / "__init__.py")]


def test_the_list_of_files_names_what_is_there_by_the_hash_it_has(packages: Path) -> None:
    gone = packages / "httptools" / "parser" / "errors.py"
    gone.unlink()
    prepare(packages)
    (record,) = packages.glob("*.dist-info/RECORD")
    with record.open(encoding="utf-8", newline="") as text:
        rows = {path: (hashed, size) for path, hashed, size in csv.reader(text)}
    files = {str(path.relative_to(packages)) for path in packages.rglob("*") if path.is_file()}
    assert set(rows) == {path for path in files if not path.endswith(".pyc")}
    for path, (hashed, size) in rows.items():
        if hashed:
            content = (packages / path).read_bytes()
            digest = urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            assert (hashed, size) == (f"sha256={digest}", str(len(content)))


def test_every_module_has_bytecode_and_twice_gives_the_same(packages: Path) -> None:
    again = packages.parent / "again"
    shutil.copytree(packages, again)
    for folder in (packages, again):
        renamed = folder.rename(folder.parent / "srv")
        prepare(renamed)
        renamed.rename(folder)
    for path in packages.rglob("*.py"):
        assert Path(importlib.util.cache_from_source(path)).is_file()
    files = [path.relative_to(packages) for path in packages.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert all((packages / path).read_bytes() == (again / path).read_bytes() for path in files)


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh", b"\x7fELF\x01\x01" + bytes(60)])
def test_what_is_no_library_of_64_bits_stays_as_it_is(content: bytes) -> None:
    assert without_symbols(content) == content


def test_a_library_that_is_small_already_stays_as_it_is(packages: Path) -> None:
    prepare(packages)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in packages.rglob("*.so")}
    prepare(packages)
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in packages.rglob("*.so")}
