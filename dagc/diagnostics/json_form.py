"""Diagnostics for programs: one JSON object, the same facts as the text."""

import dataclasses
import json

from dagc.diagnostics.diagnostic import Diagnostic
from dagc.diagnostics.report import Report


def as_json(report: Report) -> str:
    """`{"errors": n, "warnings": n, "diagnostics": [...]}`; spans are relative to the graph's folder."""
    document = {
        "errors": len(report.errors),
        "warnings": len(report.warnings),
        "diagnostics": [_entry(diagnostic) for diagnostic in report.diagnostics],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _entry(diagnostic: Diagnostic) -> dict[str, object]:
    return {"severity": diagnostic.severity, **dataclasses.asdict(diagnostic)}
