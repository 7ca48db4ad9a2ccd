"""Every public function of dagc, called with what nobody should give it: told at that line, or it simply works."""

import re
from pathlib import Path

import pytest

import dagc
from dagc.diagnostics import CompileError, Report
from dagc.frontend import check_file
from tests.dsl.user_files import HEADER

ARGUMENTS = (
    "",
    "None",
    "3",
    "'words'",
    "b'bytes'",
    "[]",
    "{}",
    "object()",
    "print",
    "dagc",
    "payment",
    "payment, payment",
    "payment.tags",
    "row, None",
    "row, 'last'",
    "row, axis=99",
    "row, axis=None",
    "row, axis=row",
    "row, nothing_of_that_name=1",
    "*[row] * 40",
    "float('nan')",
    "10**400",
    "np.zeros(0)",
    "np.array(object())",
    "lambda: row",
    "score",
    "encode",
)
FUNCTIONS = [name for name in dagc.__all__ if name not in ("CompileError", "Refuse", "TensorSpec")]
AT_IMPORT = [arguments for arguments in ARGUMENTS if not re.search(r"\b(row|payment)\b", arguments)]

DECLARING = ("aio", "each", "graph", "lightgbm", "onnx", "sklearn", "step", "torch", "xgboost")
"""Those that are called at the top of a file."""

BODY = """
@dagc.graph
def rate_{}(payment: Payment) -> Score:
    row = encode(payment)
    value = dagc.{}({})
    return score(row)
"""


def report_of(folder: Path, text: str) -> Report:
    (folder / "graph.py").write_text(HEADER + text, encoding="utf-8")
    report = Report()
    try:
        check_file(folder / "graph.py", report)
    except CompileError as error:
        return error.report
    return report


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_in_a_graph_body_a_wrong_call_is_told_at_its_line(folder: Path, name: str) -> None:
    text = "".join(BODY.format(number, name, arguments) for number, arguments in enumerate(ARGUMENTS))
    lines = (HEADER + text).splitlines()
    for found in report_of(folder, text).errors:
        assert found.span is not None, found
        line = lines[found.span.line - 1]
        assert f"dagc.{name}(" in line or (found.code == "E0302" and "encode" in line), found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DECLARING)
def test_at_the_top_of_a_file_a_wrong_call_is_told_at_its_line(folder: Path, name: str) -> None:
    line = HEADER.count("\n") + 1
    for arguments in AT_IMPORT:
        report = report_of(folder, f"value = dagc.{name}({arguments})\n")
        told = [(found.code, found.span and found.span.line) for found in report.errors]
        assert told == [("E0102", None)] or {where for _, where in told} == {line}, (arguments, told)
