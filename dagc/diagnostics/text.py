"""Diagnostics for people: the user's own lines with the reason under them, in the manner of rustc."""

import os
from collections.abc import Iterator
from pathlib import Path

from dagc.diagnostics.diagnostic import Diagnostic, Label, Severity
from dagc.diagnostics.report import Report
from dagc.diagnostics.span import Span

_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_BLUE = "\x1b[1;34m"
_TINT: dict[Severity, str] = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m"}


def render(report: Report, *, cwd: Path, color: bool) -> str:
    """Every diagnostic as a framed piece of source, then one line that counts them; empty without findings."""
    if not report.diagnostics:
        return ""
    root = Path(report.root)
    frames = ["\n".join(_frame(diagnostic, root, cwd)) for diagnostic in report.diagnostics]
    text = "\n\n".join([*frames, _count(report)]) + "\n"
    return text if color else _plain(text)


def _frame(diagnostic: Diagnostic, root: Path, cwd: Path) -> Iterator[str]:
    tint = _TINT[diagnostic.severity]
    yield f"{tint}{diagnostic.severity}[{diagnostic.code}]{_RESET}{_BOLD}: {diagnostic.message}{_RESET}"
    width = max((len(str(label.span.line)) for label in diagnostic.labels), default=1)
    span = diagnostic.span
    if span is not None:
        yield f"{' ' * width}{_BLUE}-->{_RESET} {_shown_path(root / span.file, cwd)}{_place(span)}"
        yield from _source(diagnostic, root, cwd, width)
    for note in diagnostic.notes:
        yield f"{' ' * width} {_BLUE}={_RESET} {_BOLD}note{_RESET}: {note}"
    if diagnostic.help is not None:
        yield f"{_BOLD}help{_RESET}: {diagnostic.help}"


def _source(diagnostic: Diagnostic, root: Path, cwd: Path, width: int) -> Iterator[str]:
    bar = f"{' ' * width} {_BLUE}|{_RESET}"
    primary = diagnostic.span
    yield bar
    shown_file = primary.file if primary else ""
    last_line = 0
    for label in sorted(diagnostic.labels, key=lambda label: (label.span.file != shown_file, label.span)):
        if label.span.file != shown_file:
            shown_file = label.span.file
            yield f"{' ' * width}{_BLUE}:::{_RESET} {_shown_path(root / shown_file, cwd)}{_place(label.span)}"
            last_line = 0
        line = _line(root / label.span.file, label.span.line)
        if line is None:
            continue
        if label.span.line != last_line:
            yield f"{_BLUE}{label.span.line:>{width}} |{_RESET} {line}"
            last_line = label.span.line
        if label.span.column:
            yield f"{bar} {_underline(label, line, _TINT[diagnostic.severity])}"
    yield bar


def _underline(label: Label, line: str, tint: str) -> str:
    span = label.span
    same_line = span.end_line in (0, span.line)
    end = span.end_column if same_line and span.end_column else len(line) + 1
    # A tab stays a tab, so that the marks stand under the text whatever the reader's tab width.
    lead = "".join("\t" if c == "\t" else " " for c in line[: span.column - 1])
    mark = ("^" if label.primary else "-") * max(1, end - span.column)
    return f"{lead}{tint if label.primary else _BLUE}{mark} {label.text}".rstrip() + _RESET


def _line(file: Path, number: int) -> str | None:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return lines[number - 1] if 0 < number <= len(lines) else None


def _shown_path(file: Path, cwd: Path) -> str:
    return Path(os.path.relpath(file, cwd)).as_posix()


def _place(span: Span) -> str:
    return f":{span.line}:{span.column}" if span.column else f":{span.line}"


def _count(report: Report) -> str:
    parts = [_plural(len(report.errors), "error"), _plural(len(report.warnings), "warning")]
    codes = sorted({diagnostic.code for diagnostic in report.diagnostics})
    return f"{' and '.join(p for p in parts if p)}; `dagc explain {codes[0]}` says more"


def _plural(count: int, noun: str) -> str:
    if count == 0:
        return ""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _plain(text: str) -> str:
    for code in (_RESET, _BOLD, _BLUE, *_TINT.values()):
        text = text.replace(code, "")
    return text
