"""Loading a file: every mistake is a diagnostic at the user's line, and nothing of the folder stays behind."""

import sys
from pathlib import Path

import pytest

from dagc.diagnostics import Report
from dagc.dsl.load import load
from tests.dsl.conftest import Loads
from tests.dsl.user_files import HEADER

GRAPH = """
@dagc.graph
def rate(payment: Payment) -> Score:
    return score(encode(payment))
"""


def codes(report: Report) -> list[str]:
    return [diagnostic.code for diagnostic in report.diagnostics]


@pytest.mark.parametrize(
    ("name", "code", "help"),
    [
        ("missing.py", "E0100", None),
        ("grahp.py", "E0100", "graph.py"),
        ("", "E0101", "graph.py"),
        ("notes.txt", "E0101", ".py"),
        ("my-graph.py", "E0101", "rename"),
        ("main.py", "E0101", "rename"),
        ("json.py", "E0101", "rename"),
    ],
)
def test_a_path_that_is_no_graph_file_is_told(folder: Path, name: str, code: str, help: str | None) -> None:
    for file in ("graph.py", "notes.txt", "my-graph.py", "main.py", "json.py"):
        (folder / file).write_text(HEADER + GRAPH)
    report = Report()
    assert load(folder / name, report) == ()
    assert codes(report) == [code]
    assert help is None or help in (report.errors[0].help or "")


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("x = (1,\n\ny = 2 2\n", "E0103", 1, 5),
        ("größe = 1; y = 2 2\n", "E0103", 1, 18),
        ("def f(:\n", "E0103", 1, 7),
        ("import nothing_of_that_name\n", "E0104", 1, 1),
        ("\nfrom dagc import f23\n", "E0104", 2, 1),
        ("x = {}\ny = x['missing']\n", "E0105", 2, 5),
        ("import dagc\nm = dagc.onxx('a.onnx')\n", "E0105", 2, 5),
        ("raise SystemExit(3)\n", "E0105", 1, 1),
        ("def f():\n    g()\n\ndef g():\n    return undefined\n\nf()\n", "E0105", 5, 12),
    ],
)
def test_a_module_that_cannot_be_imported_is_told_at_its_line(
    load_text: Loads, text: str, code: str, line: int, column: int
) -> None:
    traced, report = load_text(text, header="")
    assert traced == ()
    assert codes(report) == [code]
    span = report.errors[0].span
    assert span is not None
    assert (span.file, span.line, span.column) == ("graph.py", line, column)


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("from dagc import f23", "`f32`"),
        ("import dagc\ndagc.onxx('a')", "`onnx`"),
        ("colour = 1\ncolor + 1", "`colour`"),
        ("import featurs", "`features`"),
        ("x = math.pi", "`import math`"),
        ("import shared.featurs", "`shared.features`"),
        ("import shared.prices", "`shared/prices.py`"),
    ],
)
def test_the_nearest_name_is_proposed(load_text: Loads, folder: Path, text: str, help: str) -> None:
    (folder / "features.py").write_text("X = 1\n")
    (folder / "shared").mkdir()
    (folder / "shared" / "features.py").write_text("X = 1\n")
    _, report = load_text(text, header="")
    assert help in (report.errors[0].help or "")


def test_a_mistake_in_a_neighbouring_file_is_told_there(load_text: Loads, folder: Path) -> None:
    (folder / "features.py").write_text("# ä\nX = 1 +\n", encoding="utf-8")
    _, report = load_text("import features\n" + GRAPH)
    assert [(d.code, str(d.span)) for d in report.errors] == [("E0103", "features.py:2:8")]


def test_a_file_without_graphs_is_told(load_text: Loads) -> None:
    traced, report = load_text("")
    assert traced == ()
    assert codes(report) == ["E0102"]


def package(folder: Path) -> None:
    (folder / "pricing").mkdir()
    (folder / "pricing" / "__init__.py").write_text("from .flow import rate\n")
    (folder / "pricing" / "flow.py").write_text(HEADER.replace("models/", "../models/") + GRAPH)


def test_a_file_that_only_gathers_graphs_stands_for_them(load_text: Loads, folder: Path) -> None:
    package(folder)
    traced, report = load_text("from pricing import rate\n", header="")
    assert [graph.graph.name for graph in traced] == ["rate"], report
    assert {"graph.py", "pricing/__init__.py", "pricing/flow.py"} == set(traced[0].sources())
    forgotten, report = load_text(
        "from pricing import rate\n\ndef other(amount: float) -> float: return amount\n", ""
    )
    assert (forgotten, codes(report)) == ((), ["E0102"])


def test_a_graph_file_inside_a_package_is_told_to_stand_beside_it(folder: Path) -> None:
    package(folder)
    report = Report()
    assert load(folder / "pricing" / "__init__.py", report) == ()
    assert codes(report) == ["E0104"]
    assert "beside the package" in (report.errors[0].help or "")


def test_a_record_that_pydantic_finishes_late_is_looked_at(load_text: Loads) -> None:
    text = """
class Player(BaseModel):
    name: str
    team: "Team | None" = None


class Team(BaseModel):
    captain: Player | None = None


@dagc.step
def captain(team: Team) -> Player | None:
    return team.captain


@dagc.graph
def lead(team: Team) -> Player | None:
    return captain(team)
"""
    traced, report = load_text(text)
    assert [graph.graph.name for graph in traced] == ["lead"], report


def test_answers_are_written_with_the_aliases_that_a_service_writes(load_text: Loads) -> None:
    text = """
from pydantic import Field


class Player(BaseModel):
    name: str = Field(alias="playerName")


@dagc.graph
def same(player: Player) -> Player:
    return player
"""
    (traced,), _ = load_text(text)
    body = {"playerName": "Ada"}
    assert traced.answer(traced.arguments(body)["player"]) == body


def test_all_mistakes_of_all_definitions_are_told_together(load_text: Loads) -> None:
    _, report = load_text("""
@dagc.step
def untyped(row) -> Row:
    return row


@dagc.step
def many(row: Row) -> Row:
    yield row


@dagc.graph(version="one", deadline_s=-1)
def first(payment: Payment) -> Score:
    return score(encode(payment))


@dagc.graph
def second(payment: Payment) -> Score:
    if payment.new:
        return score(encode(payment))
    return score(encode(payment).shape)


@dagc.graph
def third(payment: Payment) -> Score:
    return score(payment.amuont)
""")
    assert codes(report) == ["E0210", "E0108", "E0136", "E0136", "E0140", "E0125"]


def test_a_graph_with_a_mistake_does_not_hold_back_the_others(load_text: Loads) -> None:
    traced, report = load_text(GRAPH + GRAPH.replace("rate", "broken").replace("encode(payment)", "undefined"))
    assert codes(report) == ["E0106"]
    assert [each.graph.name for each in traced] == ["rate"]


def test_nothing_of_the_folder_stays_behind(load_text: Loads, folder: Path) -> None:
    (folder / "features.py").write_text("WIDTH = 30\n")
    path, names = list(sys.path), set(sys.modules)
    load_text("from features import WIDTH\n" + GRAPH)
    assert sys.path == path
    assert not {"graph", "features"} & (set(sys.modules) - names)
    assert not list(folder.rglob("__pycache__"))


def test_two_folders_with_equal_names_load_in_one_process(tmp_path: Path, folder: Path) -> None:
    answers = []
    for number in (1, 2):
        root = tmp_path / f"folder{number}"
        root.mkdir()
        (root / "features.py").write_text(f"FACTOR = {number}.0\n")
        (root / "graph.py").write_text(
            HEADER.replace('"models/', '"../models/')
            + """
from features import FACTOR


@dagc.graph
def rate(payment: Payment) -> Score:
    return score(encode(payment)) * FACTOR
"""
        )
        report = Report()
        (traced,) = load(root / "graph.py", report)
        assert not report.diagnostics
        assert [file.name for file in traced.modules] == ["graph.py", "features.py"]
        answers.append([node.op for node in traced.graph.nodes if type(node.op).__name__ == "Constant"])
    assert answers[0] != answers[1]


def test_a_changed_file_is_read_again(load_text: Loads, folder: Path) -> None:
    (folder / "features.py").write_text("FACTOR = 1.0\n")
    text = "from features import FACTOR\n" + GRAPH.replace("(payment))\n", "(payment)) * FACTOR\n")
    (first,), _ = load_text(text)
    (folder / "features.py").write_text("FACTOR = 2.0\n")
    (second,), _ = load_text(text)
    assert first.graph != second.graph


def test_a_users_module_of_the_same_name_is_put_back(load_text: Loads, folder: Path) -> None:
    mine = type(sys)("graph")
    mine.__file__ = str(folder.parent / "elsewhere" / "graph.py")
    sys.modules["graph"] = mine
    try:
        load_text(GRAPH)
        assert sys.modules["graph"] is mine
    finally:
        del sys.modules["graph"]


def test_files_imported_only_inside_functions_are_carried(load_text: Loads, folder: Path) -> None:
    (folder / "parts").mkdir()
    (folder / "parts" / "__init__.py").write_text("")
    (folder / "parts" / "inner.py").write_text("from . import deep\n")
    (folder / "parts" / "deep.py").write_text("import late\n")
    (folder / "late.py").write_text("")
    (folder / "unused.py").write_text("")
    (traced,), report = load_text(
        "@dagc.step\ndef lazy(row: Row) -> Row:\n    from parts import inner\n\n    return row\n"
        + GRAPH.replace("encode(payment)", "lazy(encode(payment))")
    )
    assert not report.diagnostics
    names = [file.relative_to(folder.resolve()).as_posix() for file in traced.modules]
    assert names == ["graph.py", "late.py", "parts/__init__.py", "parts/deep.py", "parts/inner.py"]
    with traced.importable():
        import numpy as np

        assert traced.steps["graph", "lazy"](np.zeros(30)).shape == (30,)  # type: ignore[attr-defined]


def test_what_the_file_prints_does_not_reach_standard_output(
    load_text: Loads, capsys: pytest.CaptureFixture[str]
) -> None:
    load_text("print('hello')\n" + GRAPH)
    assert capsys.readouterr().out == ""


def test_a_missing_model_is_told_where_it_is_declared(load_text: Loads) -> None:
    _, report = load_text('other = dagc.onnx("models/scorer.onnx")\n' + GRAPH.replace("score(", "other("))
    assert [d.code for d in report.errors] == ["E0401"]
    span = report.errors[0].span
    assert span is not None
    assert (span.line, span.column) == (HEADER.count("\n") + 1, 9)


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ('dagc.onnx("models/corrupt.onnx")', "E0402"),
        ('dagc.onnx("models/score.onnx", sha256="00")', "E0403"),
        ('dagc.onnx("https://models.invalid/a.onnx")', "E0408"),
        ('dagc.onnx("models/score.onnx", inputs={"y": f32(30)})', "E0132"),
        ('dagc.onnx("models/score.onnx", inputs={"x": f32(28)})', "E0132"),
        ('dagc.onnx("models/score.onnx", inputs={"x": Score})', "E0132"),
        ('dagc.onnx("models/score.onnx", returns=tuple)', "E0132"),
        ('dagc.onnx("models/score.onnx", returns=NamedTuple("N", [("score", int)]))', "E0132"),
        ('dagc.onnx("models/score.onnx", returns=NamedTuple("N", [("score", Payment)]))', "E0132"),
        ('dagc.onnx("models/score.onnx", returns=NamedTuple("N", [("scoer", Score)]))', "E0131"),
        ('dagc.onnx("models/score.onnx", returns=NamedTuple("N", [("a", Score), ("b", Score)]))', "E0131"),
    ],
)
def test_a_wrong_declaration_is_told_once_where_it_stands(load_text: Loads, declared: str, code: str) -> None:
    _, report = load_text(
        f"other = {declared}\n" + GRAPH.replace("return", "other(encode(payment)); other(1.0); return")
    )
    assert codes(report) == [code]
    span = report.errors[0].span
    assert span is not None
    assert span.line == HEADER.count("\n") + 1


@pytest.mark.parametrize(
    ("returned", "code"),
    [
        ("None", "E0135"),
        ("[score(row)]", "E0135"),
        ("{'a': score(row)}", "E0135"),
        ("(score(row), score(row))", "E0135"),
        ("object()", "E0138"),
    ],
)
def test_a_result_that_is_no_value_is_told(load_text: Loads, returned: str, code: str) -> None:
    _, report = load_text(f"@dagc.graph\ndef rate(row: Row) -> Score:\n    return {returned}\n")
    assert code in codes(report)


INNER = """
def make():
    def inner(row: Row) -> Row:
        return row

    return dagc.step(inner)


other = make()
"""
METHOD = """
class Doubler:
    def double(self, row: Row) -> Row:
        return row * 2


other = dagc.step(Doubler().double)
"""
TWICE = """
@dagc.step
def first(row: Row) -> Row:
    return row


other = first


@dagc.step
def first(row: Row) -> Row:
    return row
"""


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ("other = dagc.step(lambda row: row)", "E0109"),
        (INNER, "E0109"),
        (TWICE, "E0109"),
        ("import functools\nother = dagc.step(functools.partial(np.clip, 0, 1))", "E0109"),
        (METHOD, "E0109"),
        ("@dagc.step\ndef other(*rows: Row) -> Row:\n    return rows[0]", "E0215"),
        ("@dagc.step\ndef other(row: Row, /) -> Row:\n    return row", "E0215"),
        ("@dagc.step\ndef other(row: Row):\n    return row", "E0210"),
        ("@dagc.step\nasync def other(row: Row) -> Row:\n    yield row", "E0108"),
    ],
)
def test_what_cannot_be_a_step_is_told(load_text: Loads, declared: str, code: str) -> None:
    graph = "@dagc.graph\ndef rate(row: Row) -> Score:\n    return score(other(row))\n"
    traced, report = load_text(f"{declared}\n\n\n{graph}")
    assert traced == ()
    assert code in codes(report)
    assert all(diagnostic.span for diagnostic in report.errors) or "partial" in declared


def test_two_files_that_import_each_other_are_told_so(load_text: Loads, folder: Path) -> None:
    (folder / "other.py").write_text("from graph import base\n")
    _, report = load_text("from other import base\n")
    (found,) = report.errors
    assert found.code == "E0104" and found.help is not None and "import each other" in found.help
