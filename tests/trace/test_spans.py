"""Spans cite the user's expression: lines from 1, columns in characters, the whole call."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dagc.diagnostics import Span
from dagc.trace.spans import caller_place, caller_span, traceback_span, users_file


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], list[Span | None]]:
    """Runs a text as a user's file in which `here(...)` keeps the span of its call."""

    def run_it(text: str) -> list[Span | None]:
        file = tmp_path / "graph.py"
        file.write_text(text, encoding="utf-8")
        found: list[Span | None] = []

        def here(*values: object) -> object:
            found.append(caller_span_in(tmp_path.resolve()))
            return values

        exec(compile(text, str(file), "exec"), {"here": here})
        return found

    return run_it


def caller_span_in(root: Path) -> Span | None:
    return caller_span(root)


def test_a_call_is_cited_whole(run: Callable[[str], list[Span | None]]) -> None:
    assert run("x = here(1, 2)\n") == [Span("graph.py", 1, 5, 1, 15)]


def test_a_nested_call_is_cited_apart_from_the_outer_one(run: Callable[[str], list[Span | None]]) -> None:
    inner, outer = run("x = here(here(1))\n")
    assert inner == Span("graph.py", 1, 10, 1, 17)
    assert outer == Span("graph.py", 1, 5, 1, 18)


def test_columns_count_characters_not_bytes(run: Callable[[str], list[Span | None]]) -> None:
    assert run('größe = "żółw 🐢"; y = here("ß🐢")\n') == [Span("graph.py", 1, 23, 1, 33)]


def test_a_call_over_several_lines_ends_on_its_last(run: Callable[[str], list[Span | None]]) -> None:
    assert run("x = here(\n    1,\n    'ä',\n)\n") == [Span("graph.py", 1, 5, 4, 2)]


def test_the_innermost_frame_of_the_folder_counts(run: Callable[[str], list[Span | None]]) -> None:
    found = run("def inner():\n    return here()\n\ninner()\n[here() for _ in 'a']\n(lambda: here())()\n")
    assert [span.line for span in found if span] == [2, 5, 6]


def test_a_frame_outside_the_folder_is_passed_over(run: Callable[[str], list[Span | None]]) -> None:
    # `list(map(...))` calls from C; `functools.reduce` and `sorted` too: the line is still the user's.
    assert run("import functools\nfunctools.reduce(lambda a, b: here(a, b), [1, 2])\n") == [
        Span("graph.py", 2, 31, 2, 41)
    ]


def test_installed_packages_and_dagc_itself_are_not_the_users(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    assert users_file(str(root / "graph.py"), root) == "graph.py"
    assert users_file(str(root / "parts" / "a.py"), root) == "parts/a.py"
    assert users_file(str(root / ".venv/lib/python3.11/site-packages/numpy/x.py"), root) is None
    assert users_file("<string>", root) is None
    dagc_folder = Path(sys.modules["dagc.trace.spans"].__file__ or "").parent.parent
    assert users_file(str(dagc_folder / "trace" / "spans.py"), dagc_folder.parent) is None


def test_a_traceback_gives_the_users_innermost_expression(tmp_path: Path) -> None:
    file = tmp_path / "graph.py"
    text = "def inner():\n    return int('ß') + 1\n\nx = inner()\n"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="invalid literal") as caught:
        exec(compile(text, str(file), "exec"), {})
    assert traceback_span(caught.value.__traceback__, tmp_path.resolve()) == Span("graph.py", 2, 12, 2, 20)


def test_without_columns_the_line_is_still_known(tmp_path: Path) -> None:
    file = tmp_path / "graph.py"
    file.write_text(
        "from pathlib import Path\nfrom dagc.trace.spans import caller_span\n\n"
        "print(caller_span(Path(__file__).resolve().parent))\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-X", "no_debug_ranges", str(file)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    assert shown == "graph.py:4\n"


def test_a_place_is_that_of_the_nearest_code_that_is_not_dagc() -> None:
    place = caller_place()
    assert place is not None
    assert Path(place.file).name == "test_spans.py"
