"""Where the tables and keys of a TOML file stand: `tomllib` gives values without their lines.

Read for tables and plain keys, as a file of numbers has them; what stands inside `{ }` is at the key before it.
"""

import re
from collections.abc import Iterator

from dagc.diagnostics import Span

Path = tuple[str, ...]
"""The names on the way to a value: `("prod", "service", "compute", "cpu")`."""

_NAME = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_TABLE = re.compile(rf"\s*\[\s*({_DOTTED})\s*\]")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")


class TomlPlaces:
    """The places of one file, by path."""

    def __init__(self, file: str, text: str) -> None:
        self._whole = Span(file, 1)
        self._found: dict[Path, Span] = {}
        for path, span in _places(file, text):
            self._found.setdefault(path, span)

    def at(self, path: Path) -> Span:
        """Where the last name on the way stands that has a line of its own."""
        return next(
            (self._found[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self._found), self._whole
        )


def _places(file: str, text: str) -> Iterator[tuple[Path, Span]]:
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _TABLE.match(line):
            table, before = _names(found[1]), 0
            path = table
        elif found := _KEY.match(line):
            path, before = (*table, *_names(found[1])), len(table)
        else:
            continue
        span = Span(file, number, found.start(1) + 1, number, found.end(1) + 1)
        yield from ((path[:end], span) for end in range(before + 1, len(path) + 1))


def _names(dotted: str) -> Path:
    return tuple(name.strip("\"'") for name in re.findall(_NAME, dotted))
