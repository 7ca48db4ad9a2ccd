"""The Python packages of an image, installed by hash into a folder on this machine, for the base's Python."""

import subprocess
import sys
from email.parser import HeaderParser
from pathlib import Path

from dagc.deploy.base import Base
from dagc.deploy.refusals import one_line
from dagc.diagnostics import CompileError, Diagnostic

_GLIBC_KNOWN = (*range(40, 30, -1), 28, 17)
"""Minor versions of glibc 2 that uv has a platform for."""

_UNREACHABLE = ("Failed to fetch", "Request failed", "network was disabled", "error sending request")


def install(requirements: Path, base: Base, target: Path) -> None:
    """Fill `target` with what `requirements` (pinned, with hashes) name, as wheels that fit `base`.

    Raises:
        CompileError: a file has another hash, no wheel fits the base, or the index does not answer (E0717).
    """
    command = [
        *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-progress", "--color", "never"),
        *("--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-config"),
        *("--python-version", ".".join(map(str, base.python)), "--python-platform", platform(base)),
        *("--target", str(target), "-r", str(requirements)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CompileError.of(_failure(base, done.stderr))


def platform(base: Base) -> str:
    """The name uv has for the base's machine and C library."""
    if base.glibc is None:
        return f"{base.machine}-unknown-linux-musl"
    minor = next((known for known in _GLIBC_KNOWN if (2, known) <= base.glibc), _GLIBC_KNOWN[-1])
    return f"{base.machine}-manylinux_2_{minor}"


def installed(target: Path) -> tuple[tuple[str, str, str], ...]:
    """Name, version and licence (may be empty) of every package in a folder that `install` filled."""
    found = []
    for metadata in sorted(target.glob("*.dist-info/METADATA")):
        fields = HeaderParser().parsestr(metadata.read_text(encoding="utf-8", errors="replace"))
        found.append((fields["Name"], fields["Version"], fields.get("License-Expression", "")))
    return tuple(found)


def _failure(base: Base, stderr: str) -> Diagnostic:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    notes = tuple(one_line(line) for line in lines[:4])
    python = ".".join(map(str, base.python))
    message = f"the locked packages cannot be installed for Python {python} of `{base.name}`"
    if any(sign in stderr for sign in _UNREACHABLE):
        help_ = "try again with a network connection; packages that were fetched before need none"
    elif "hash" in stderr.lower():
        help_ = "a file is not the one that was locked: run `dagc lock` only if the change is meant"
    else:
        help_ = "lock again with `dagc lock`, or build on an image whose Python and C library have wheels"
    return Diagnostic("E0717", message, notes=notes, help=help_)
