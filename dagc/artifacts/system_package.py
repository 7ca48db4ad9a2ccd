"""A package of the base image's distribution that a graph needs: its name, and its version where that matters."""

import re

from pydantic import BaseModel, ConfigDict, Field

from dagc.diagnostics import CompileError, Diagnostic

SYSTEM_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]{1,63}(?:=[A-Za-z0-9][A-Za-z0-9.+:~-]{0,63})?")
"""Debian Policy 5.6.1 and 5.6.12."""


class SystemFile(BaseModel):
    """A package file that an image gets beside what is in its base, by the SHA-256 of the file in hex."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9+.-]{1,63}$")
    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+:~-]{0,63}$")
    architecture: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


def system_package(text: str) -> str:
    """`text`, if it names a package: `libgl1`, `libgl1=1.6.0-1`.

    Raises:
        CompileError: it does not (E0603).
    """
    if SYSTEM_PACKAGE.fullmatch(text):
        return text
    help_ = "write it as `libgl1`, or with a version as `libgl1=1.6.0-1`"
    raise CompileError.of(Diagnostic("E0603", f"{text!r} is not the name of a system package", help=help_))
