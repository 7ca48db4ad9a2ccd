"""What averages class labels in any spelling, and what has no time to answer in that can be kept."""

from contextlib import suppress
from pathlib import Path

import pytest

from dagc.diagnostics import CompileError, Report
from dagc.frontend import check_file
from tests.dsl.user_files import MODELS

pytestmark = pytest.mark.ort

HEAD = '''"""Rate rows."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(30)]
Score = Annotated[NDArray[np.float32], f32()]

score = dagc.onnx("models/score.onnx")
classifier = dagc.onnx("models/classifier.onnx")


@dagc.step
def plain(row: Row) -> Row:
    return row


@dagc.step(run="thread")
def beside(row: Row) -> Row:
    return row


@dagc.step
async def waiting(row: Row) -> Row:
    return row

'''


def codes(folder: Path, text: str) -> list[str]:
    (folder / "models").mkdir()
    for make in MODELS:
        (folder / "models" / f"{make.__name__}.onnx").write_bytes(make())
    (folder / "graph.py").write_text(HEAD + text)
    report = Report(str(folder))
    with suppress(CompileError):
        check_file(folder / "graph.py", report)
    return [found.code for found in report.diagnostics]


def averaged(expression: str) -> str:
    return f"""
@dagc.graph
def rate(row: Row, sure: bool) -> float:
    a, b = classifier(row).label, classifier(row * 2).label
    return {expression}
"""


@pytest.mark.parametrize(
    "expression",
    [
        "dagc.mean(a, b)",
        "dagc.weighted((0.7, a), (0.3, b))",
        "dagc.weighted((0.5, a), (0.25, b), (0.25, score(row)))",
        "0.7 * a + 0.3 * b",
        "dagc.route((sure, lambda: dagc.cast(a, 'f64')), otherwise=lambda: dagc.mean(a, b))",
    ],
)
def test_labels_are_averaged_in_no_spelling(tmp_path: Path, expression: str) -> None:
    assert "E0185" in codes(tmp_path, averaged(expression))


@pytest.mark.parametrize(
    "expression",
    [
        "dagc.weighted((0.7, score(row)), (0.3, score(row * 2)))",
        "0.7 * a + 0.7 * b + score(row)",
        "dagc.weighted((0.7, dagc.cast(a, 'f32')), (0.3, dagc.cast(b, 'f32')))",
    ],
)
def test_numbers_may_be_averaged_and_labels_counted(tmp_path: Path, expression: str) -> None:
    assert "E0185" not in codes(tmp_path, averaged(expression))


def timed(primary: str, within_s: str = "0.05") -> str:
    return f"""
@dagc.graph
def rate(row: Row) -> Score:
    return dagc.fallback(lambda: {primary}, lambda: score(plain(row)), within_s={within_s})
"""


@pytest.mark.parametrize(
    ("primary", "within_s", "told"),
    [
        ("score(plain(row))", "0.05", 1),
        ("score(plain(row))", "None", 0),
        ("score(beside(row))", "0.05", 0),
        ("score(waiting(row))", "0.05", 0),
        ("dagc.quorum([lambda: score(plain(row))], need=1, within_s=0.02, combine=lambda f: f[0])", "0.05", 1),
        ("dagc.quorum([lambda: score(plain(row))], need=1, within_s=0.02, combine=lambda f: f[0])", "None", 1),
        ("dagc.split((1.0, lambda: score(plain(row))), key='k')", "0.05", 1),
    ],
)
def test_plain_steps_under_a_time_are_told_once(tmp_path: Path, primary: str, within_s: str, told: int) -> None:
    assert codes(tmp_path, timed(primary, within_s)).count("W0340") == told
