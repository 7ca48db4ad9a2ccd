"""A package of the base image's distribution that a graph needs: its name, and its version where that matters."""

import re

from dagc.diagnostics import CompileError, Diagnostic

SYSTEM_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]{1,63}(?:=[A-Za-z0-9][A-Za-z0-9.+:~-]{0,63})?")
"""Debian Policy 5.6.1 and 5.6.12."""


def system_package(text: str) -> str:
    """`text`, if it names a package: `libgl1`, `libgl1=1.6.0-1`.

    Raises:
        CompileError: it does not (E0603).
    """
    if SYSTEM_PACKAGE.fullmatch(text):
        return text
    help_ = "write it as `libgl1`, or with a version as `libgl1=1.6.0-1`"
    raise CompileError.of(Diagnostic("E0603", f"{text!r} is not the name of a system package", help=help_))
