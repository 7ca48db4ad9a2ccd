"""Steps of lists whose items depend on each other do not get through a build."""

import pytest

from dagc.compile import compile_file
from dagc.diagnostics import CompileError, Report

GRAPH = """
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(3)]


class Score(BaseModel):
    value: float
    row: Row


@dagc.step(batch=True)
def score(rows: list[Row]) -> list[Score]:
    table = np.stack(rows)
    {line}
    return [Score(value=float(row.sum()), row=row) for row in table]{cut}


@dagc.graph
def scored(row: Row) -> Score:
    return score(row)
"""


def built(tmp_path, line: str, cut: str = ""):
    (tmp_path / "graph.py").write_text(GRAPH.format(line=line, cut=cut))
    return compile_file(tmp_path / "graph.py", Report(str(tmp_path)), lambda _: None)


def test_a_step_that_treats_every_item_by_itself_is_proven(tmp_path) -> None:
    (proof,) = built(tmp_path, "table = np.tanh(table)").proofs
    assert proof.verdict == "equal"


@pytest.mark.parametrize(
    ("line", "cut", "said"),
    [
        ("table = table - table.mean(axis=0)", "", "together with others, step `score`"),
        ("table = table[:2]", "", "items together raised WrongLength"),
        ("table = np.sort(table, axis=0)", "", "together with others, step `score`"),
    ],
)
def test_a_step_that_mixes_items_is_refused(tmp_path, line, cut, said) -> None:
    with pytest.raises(CompileError) as refused:
        built(tmp_path, line, cut)
    (diagnostic,) = refused.value.report.errors
    assert diagnostic.code == "E0804"
    assert said in " ".join(diagnostic.notes)
    assert "`batch=True`" in (diagnostic.help or "")


def test_too_many_results_for_one_item_are_told(tmp_path) -> None:
    report = Report(str(tmp_path))
    (tmp_path / "graph.py").write_text(GRAPH.format(line="", cut=" * 2"))
    (proof,) = compile_file(tmp_path / "graph.py", report, lambda _: None).proofs
    assert proof.refusals == ("WrongLength",)
    assert "W0802" in {found.code for found in report.diagnostics}
