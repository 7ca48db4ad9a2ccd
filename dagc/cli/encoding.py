"""Output on a machine that is not set to UTF-8: files and pipes get UTF-8, terminals what looks alike.

A picture or a name that cannot be encoded is no reason to fail with the work done.
"""

import codecs
import io
import os
import sys

_HORIZONTAL, _VERTICAL = frozenset("─━═╌╍"), frozenset("│┃║╎┇")
_ALIKE = dict.fromkeys(_HORIZONTAL, "-") | dict.fromkeys(_VERTICAL, "|")
_ALIKE |= {"…": ".", "×": "x", "·": ".", "▼": "v", "◂": "<", "→": ">", "╱": "/", "╲": "\\"}


def print_anything() -> None:
    """Whatever is printed from now on can be encoded."""
    codecs.register_error("dagc-alike", _alike)
    asked_for = "PYTHONIOENCODING" in os.environ
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            kept = asked_for or stream.isatty()
            stream.reconfigure(encoding=None if kept else "utf-8", errors="dagc-alike")


def _alike(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_looks_like, error.object[error.start : error.end])), error.end


def _looks_like(character: str) -> str:
    """ASCII for one character; of equal width for what pictures are drawn with, whose corners all are `+`."""
    if (alike := _ALIKE.get(character)) is not None:
        return alike
    if "⠀" <= character <= "⣿":  # what turns while something is done
        return "*"
    return "+" if "─" <= character <= "╿" else character.encode("ascii", "backslashreplace").decode()
