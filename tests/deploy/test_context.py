"""The context of an image build: the same bytes for the same files, and nothing from elsewhere."""

import os
import tarfile
from pathlib import Path

import pytest

from dagc.deploy.context import context

IGNORED = ("# a comment", "", "packages/bin", "packages/**/*.pyi", "**/__pycache__", "packages/numpy/*/tests")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """What an installer leaves, with things nobody needs and a link out of it."""
    names = (
        "numpy/__init__.py", "numpy/__init__.pyi", "numpy/core/tests/test_x.py", "numpy/core/x.py",
        "bin/f2py", "numpy/__pycache__/x.pyc",
    )  # fmt: skip
    for name in names:
        (tmp_path / "packages" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "packages" / name).write_text(name, encoding="utf-8")
    (tmp_path / "packages" / "passwords").symlink_to("/etc/passwd")
    (tmp_path / "packages" / "etc").symlink_to("/etc")
    return tmp_path / "packages"


def archived(packages: Path) -> bytes:
    with context({"main.py": b"1", "Dockerfile": b"FROM x"}, {"packages": packages}, IGNORED) as stream:
        return stream.read()


def test_only_what_is_not_ignored_goes_in_and_no_link(packages: Path) -> None:
    with (
        context({"main.py": b"1"}, {"packages": packages}, IGNORED) as stream,
        tarfile.open(fileobj=stream) as tar,
    ):
        assert tar.getnames() == ["main.py", "packages/numpy/__init__.py", "packages/numpy/core/x.py"]
        assert all(member.isfile() for member in tar.getmembers())


def test_two_contexts_of_the_same_files_are_the_same_bytes(packages: Path) -> None:
    before = archived(packages)
    for file in packages.rglob("*.py"):
        os.utime(file, (1, 1))
        file.chmod(0o600)
    assert archived(packages) == before
