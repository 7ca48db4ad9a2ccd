"""Which wheels an image gets: those of the base's machine and C library, whatever machine this one is."""

import pytest

from dagc.deploy.base import Base, SystemPackage, has_packages
from dagc.deploy.images import Image
from dagc.deploy.packages import platform
from dagc.diagnostics import CompileError

IMAGE = Image("sha256:0", {}, (), 0, "linux/arm64/v8")
PACKAGES = (SystemPackage("libgl1", "1.6.0-1", "arm64"), SystemPackage("libc6", "2.36-9", "arm64"))


def base(machine: str, glibc: tuple[int, int] | None) -> Base:
    return Base("base", IMAGE, (3, 12, 1), machine, glibc, ("debian", "12", "bookworm"), PACKAGES)


@pytest.mark.parametrize(
    ("machine", "glibc", "name"),
    [
        ("x86_64", (2, 36), "x86_64-manylinux_2_36"),
        ("aarch64", (2, 36), "aarch64-manylinux_2_36"),
        ("aarch64", (2, 30), "aarch64-manylinux_2_28"),
        ("x86_64", (2, 99), "x86_64-manylinux_2_40"),
        ("aarch64", None, "aarch64-unknown-linux-musl"),
    ],
)
def test_wheels_are_those_of_the_bases_machine(machine: str, glibc: tuple[int, int] | None, name: str) -> None:
    assert platform(base(machine, glibc)) == name


def test_system_packages_are_there_or_told() -> None:
    arm = base("aarch64", (2, 36))
    has_packages(arm, ("libgl1", "libc6=2.36-9"))
    with pytest.raises(CompileError, match="E0726") as refused:
        has_packages(arm, ("libgl1=1.7.0-1", "libgomp1"))
    (found,) = refused.value.report.errors
    assert len(found.notes) == 2 and "1.6.0-1" in found.notes[0] and "libgomp1" in found.notes[1]
