"""A place in a user's file, kept relative to the graph's folder so that no machine's path leaks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of source text.

    `file` is a posix path relative to the folder of `graph.py`. Lines and columns count from 1, columns in
    characters (not UTF-8 bytes); `end_column` is exclusive. Column 0 means the interpreter gave no columns.
    """

    file: str
    line: int
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"
