"""Spans as the lines main.py cites: `graph.py:33`."""

from collections.abc import Iterable

from dagc.diagnostics import Span


def cited(spans: Iterable[Span]) -> tuple[str, ...]:
    """The lines of `spans`, once each, by file and line."""
    return tuple(f"{file}:{line}" for file, line in sorted({(span.file, span.line) for span in spans}))
