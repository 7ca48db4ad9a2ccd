from pathlib import Path

from dagc.diagnostics import Diagnostic, Label, Report, Span
from dagc.diagnostics.text import render

SOURCE = """import dagc

def fraud(payment):
    row = encode(payment)
    größe = boosted(row)
\treturn boosted(row)
"""


def shapes(tmp_path: Path) -> Report:
    (tmp_path / "graph.py").write_text(SOURCE, encoding="utf-8")
    report = Report(str(tmp_path))
    report.add(
        Diagnostic.at(
            "E0203",
            "shapes do not agree on `features -> score`",
            Span("graph.py", 5, 13, 5, 25),
            "needs f32[rows, 32]",
            others=(Label(Span("graph.py", 4, 11, 4, 26), "produces f32[rows, 30]"),),
            notes=("axis 1 is fixed by input `x` of models/boosted.onnx",),
            help="make `encode` return 32 columns",
        )
    )
    return report


def test_a_frame_shows_both_lines_with_marks_under_the_right_columns(tmp_path: Path) -> None:
    assert render(shapes(tmp_path), cwd=tmp_path, color=False) == (
        "error[E0203]: shapes do not agree on `features -> score`\n"
        " --> graph.py:5:13\n"
        "  |\n"
        "4 |     row = encode(payment)\n"
        "  |           --------------- produces f32[rows, 30]\n"
        "5 |     größe = boosted(row)\n"
        "  |             ^^^^^^^^^^^^ needs f32[rows, 32]\n"
        "  |\n"
        "  = note: axis 1 is fixed by input `x` of models/boosted.onnx\n"
        "help: make `encode` return 32 columns\n"
        "\n"
        "1 error; `dagc explain E0203` says more\n"
    )


def test_paths_are_shown_from_where_the_user_stands(tmp_path: Path) -> None:
    shown = render(shapes(tmp_path), cwd=tmp_path.parent, color=False)
    assert f"--> {tmp_path.name}/graph.py:5:13" in shown


def test_colour_changes_nothing_but_colour(tmp_path: Path) -> None:
    report = shapes(tmp_path)
    coloured = render(report, cwd=tmp_path, color=True)
    assert "\x1b[1;31merror[E0203]" in coloured
    assert coloured != render(report, cwd=tmp_path, color=False)


def test_a_file_that_is_gone_and_a_span_without_columns_still_render(tmp_path: Path) -> None:
    report = Report(str(tmp_path))
    report.add(Diagnostic.at("E0401", "no file `models/x.onnx`", Span("gone.py", 3)))
    assert "--> gone.py:3\n" in render(report, cwd=tmp_path, color=False)


def test_nothing_found_says_nothing(tmp_path: Path) -> None:
    assert render(Report(), cwd=tmp_path, color=False) == ""


def test_the_same_finding_is_shown_once_and_in_source_order(tmp_path: Path) -> None:
    report = Report(str(tmp_path))
    late = Diagnostic.at("E0203", "late", Span("graph.py", 9, 1))
    early = Diagnostic.at("W0301", "early", Span("graph.py", 2, 1))
    report.extend([late, early, late])
    assert report.diagnostics == (early, late)
    assert render(report, cwd=tmp_path, color=False).endswith(
        "1 error and 1 warning; `dagc explain E0203` says more\n"
    )
