"""Where in the user's files something happened: frames and tracebacks as places with character columns.

A place names a file on this machine; only its `Place.span`, relative to the graph, may be shown or stored.
"""

import linecache
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType, TracebackType

from dagc.diagnostics import Span

_OURS = Path(__file__).resolve().parent.parent
_INSTALLED = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class Place:
    """A range of text in a file of this machine; lines and columns count from 1, column 0 is unknown."""

    file: str
    line: int
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    def span(self, root: Path) -> Span | None:
        """The same range relative to `root`; nothing when the file is not one of the user's files there."""
        relative = users_file(self.file, root)
        if relative is None:
            return None
        return Span(relative, self.line, self.column, self.end_line, self.end_column)


def caller_span(root: Path) -> Span | None:
    """The expression being evaluated by the innermost frame in `root`: for a call, the whole call."""
    for place in _frame_places(sys._getframe(1)):
        if span := place.span(root):
            return span
    return None


def caller_place() -> Place | None:
    """The expression being evaluated by the innermost frame outside dagc."""
    for place in _frame_places(sys._getframe(1)):
        return place
    return None


def traceback_span(traceback: TracebackType | None, root: Path) -> Span | None:
    """The user's innermost expression an exception passed through."""
    found: Span | None = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if users_file(code.co_filename, root) is not None:
            found = _place(code, traceback.tb_lasti, traceback.tb_lineno).span(root)
        traceback = traceback.tb_next
    return found


def users_innermost_span(frame: FrameType | None, root: Path) -> Span | None:
    """The user's innermost expression that a frame, perhaps of another thread, is evaluating."""
    return next((span for place in _frame_places(frame) if (span := place.span(root))), None)


@lru_cache(maxsize=4096)
def users_file(file: str, root: Path) -> str | None:
    """The posix path of `file` relative to `root`, or nothing when it is not one of the user's files there.

    What is installed (a virtual environment may lie in the folder) and dagc itself are not the user's.
    """
    if file.startswith("<"):
        return None
    path = Path(file).resolve()
    if path.is_relative_to(_OURS) or not path.is_relative_to(root):
        return None
    relative = path.relative_to(root)
    return None if _INSTALLED.intersection(relative.parts) else relative.as_posix()


def character_column(file: str, line: int, offset: int) -> int:
    """The column (from 1, in characters) of a UTF-8 byte offset; 0 when the line cannot be read."""
    text = linecache.getline(file, line)
    if not text:
        return 0
    return len(text.encode()[:offset].decode(errors="replace")) + 1


def _frame_places(frame: FrameType | None) -> Iterator[Place]:
    while frame is not None:
        code = frame.f_code
        if not _is_ours(code.co_filename):
            yield _place(code, frame.f_lasti, frame.f_lineno)
        frame = frame.f_back


@lru_cache(maxsize=4096)
def _is_ours(file: str) -> bool:
    return file.startswith("<") or Path(file).resolve().is_relative_to(_OURS)


# A body of 10,000 calls asks 10,000 times, and the interpreter reads its table from the start each time.
@lru_cache(maxsize=64)
def _positions(code: CodeType) -> tuple[tuple[int | None, int | None, int | None, int | None], ...]:
    return tuple(code.co_positions())


def _place(code: CodeType, instruction: int, line: int | None) -> Place:
    """Positions are per two-byte instruction; the interpreter may keep none (`-X no_debug_ranges`)."""
    positions, at = _positions(code), max(instruction, 0) // 2
    first, last, start, end = positions[at] if at < len(positions) else (None, None, None, None)
    file = code.co_filename
    if first is None or last is None or start is None or end is None:
        return Place(file, first or line or code.co_firstlineno)
    column = character_column(file, first, start)
    if not column:
        return Place(file, first)
    return Place(file, first, column, last, character_column(file, last, end))
