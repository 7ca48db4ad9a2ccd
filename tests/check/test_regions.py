"""Regions are checked by the rules of every graph, and several given where one is wanted leads to `dagc.each`."""

from pathlib import Path

import pytest

from dagc.check.rules import check
from dagc.diagnostics import Diagnostic, Report
from dagc.dsl.load import load
from tests.dsl.user_files import HEADER, MODELS

TYPES = """
class Box(BaseModel):
    rows: list[Row]
    short: list[Annotated[NDArray[np.float32], f32(3)]]
    names: list[str]


@dagc.step
def stacked(box: Box) -> Annotated[NDArray[np.float32], f32("n", 30)]:
    return np.stack(box.rows)


@dagc.step
def length(name: str, least: int) -> int:
    return max(len(name), least)


@dagc.graph
def wrong(box: Box) -> {returns}:
    return {result}
"""


@pytest.fixture
def found(tmp_path: Path):
    (tmp_path / "models").mkdir()
    for make in MODELS:
        (tmp_path / "models" / f"{make.__name__}.onnx").write_bytes(make())

    def find(result: str, returns: str = "list[Row]") -> list[Diagnostic]:
        file = tmp_path / "graph.py"
        file.write_text(HEADER + TYPES.format(returns=returns, result=result))
        report = Report(str(tmp_path))
        for traced in load(file, report):
            check(traced.graph, traced.store, report)
        return list(report.diagnostics)

    return find


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("E0202", "dagc.each(box.rows, lambda row: length(row, 3), max_items=2)"),
        ("E0203", "dagc.each(box.short, lambda row: scaler(row), max_items=2)"),
        ("E0204", "dagc.each(box.names, lambda name: scaler(name), max_items=2)"),
        ("E0205", "dagc.each(box.rows, lambda row: row[0, 0], max_items=2)"),
        ("E0207", "dagc.each(box.names, lambda name: dagc.exp(name), max_items=2)"),
        ("E0203", "dagc.each([box][0].rows, lambda row: dagc.concat(row[:3], scaler(row[:4])), max_items=2)"),
    ],
)
def test_what_is_wrong_in_a_region_is_found_at_its_own_place(found, code: str, result: str) -> None:
    diagnostics = [one for one in found(result) if one.code != "E0201"]
    assert [one.code for one in diagnostics] == [code]
    assert diagnostics[0].span is not None and diagnostics[0].span.column > len("    return dagc.each(")


def test_a_result_nobody_reads_in_a_region_is_found(found) -> None:
    (one,) = found("dagc.each(box.rows, lambda row: (scaler(row), row)[1], max_items=2)")
    assert one.code == "E0302" and "scaler" in one.message


def test_a_list_nobody_reads_is_found(found) -> None:
    (one,) = found("(dagc.each(box.rows, scaler, max_items=2), dagc.each(box.rows, scaler, max_items=2))[1]")
    assert (one.code, one.message) == ("E0302", "the result of `dagc.each` is never used")


def test_an_item_may_be_ignored(found) -> None:
    assert found("dagc.each(box.rows, lambda row: length('a', 3), max_items=2)", "list[int]") == []


def test_the_list_is_compared_with_what_the_graph_declares(found) -> None:
    (one,) = found("dagc.each(box.rows, score, max_items=2)")
    assert one.code == "E0201" and "list[f32[]]" in one.message


@pytest.mark.parametrize(
    ("result", "help"),
    [
        ("scaler(box.rows)", "write `dagc.each(box.rows, lambda item: scaler(item), max_items=64)`"),
        ("length(box.names, 2)", "`dagc.each(box.names, lambda item: length(item, ...), max_items=64)`"),
        (
            "scaler(stacked(box))",
            "let a step return a list of them and write `dagc.each(stacked, lambda item: scaler(item), max_items=",
        ),
    ],
)
def test_several_where_one_is_wanted_leads_to_each(found, result: str, help: str) -> None:
    diagnostics = [one for one in found(result) if one.code != "E0201"]
    assert [one.code for one in diagnostics] == ["E0178"]
    assert help in (diagnostics[0].help or "")
