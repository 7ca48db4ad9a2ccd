"""Everything dagc says about a user's mistake: spans, coded diagnostics, their rendering and their pages."""

from dagc.diagnostics.diagnostic import Diagnostic, Label
from dagc.diagnostics.report import CompileError, Report, Stopped
from dagc.diagnostics.span import Span

__all__ = ["CompileError", "Diagnostic", "Label", "Report", "Span", "Stopped"]
