"""Collects diagnostics so that all mistakes of a floor are shown together, one per mistake, in source order."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from dagc.diagnostics.diagnostic import Diagnostic


@dataclass(slots=True)
class Report:
    """The findings of one run of the compiler; `root` is the folder their span files are relative to."""

    root: str = "."
    _found: list[Diagnostic] = field(default_factory=list)

    def add(self, diagnostic: Diagnostic) -> None:
        """Take a finding once; an equal one is the same mistake seen twice."""
        if diagnostic not in self._found:
            self._found.append(diagnostic)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Take several findings."""
        for diagnostic in diagnostics:
            self.add(diagnostic)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All findings by file, line, column, then code; those about no file come first."""
        return tuple(sorted(self._found, key=_order))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The findings that stop a build."""
        return tuple(d for d in self.diagnostics if d.severity == "error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The findings that do not stop a build."""
        return tuple(d for d in self.diagnostics if d.severity == "warning")

    def stop_on_errors(self) -> None:
        """Raise `CompileError` with everything found so far if any of it is an error."""
        if self.errors:
            raise CompileError(self)


class CompileError(Exception):
    """The user's graph or world is wrong; `report` says where and what to do. Never shown as a traceback."""

    def __init__(self, report: Report) -> None:
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in report.errors))
        self.report = report

    @classmethod
    def of(cls, *diagnostics: Diagnostic, root: str = ".") -> "CompileError":
        """An error made of the given diagnostics."""
        report = Report(root)
        report.extend(diagnostics)
        return cls(report)


class Stopped(KeyboardInterrupt):
    """The user interrupts code of their own; `report` says where. Not an `Exception`: nothing goes on after it."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


def _order(diagnostic: Diagnostic) -> tuple[bool, str, int, int, str, str]:
    span = diagnostic.span
    if span is None:
        return (False, "", 0, 0, diagnostic.code, diagnostic.message)
    return (True, span.file, span.line, span.column, diagnostic.code, diagnostic.message)
