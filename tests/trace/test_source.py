"""What the text of a file says: the variables of an assignment, where a function and its parameters stand."""

import linecache
from pathlib import Path
from types import CodeType

from dagc.diagnostics import Span
from dagc.trace.source import assigned_names, definition_place, parameter_place

TEXT = """# ä
import functools

def plain(row: int, *, größe: float = 1.0) -> int:
    return row

@functools.cache
@functools.wraps(plain)
async def decorated(row): ...

class Record: ...

x = plain(1)
a, b = plain(2), plain(3)
c: int = plain(
    4
)
quick = lambda row: row
"""


def loaded(tmp_path: Path) -> tuple[Path, dict[str, object]]:
    file = tmp_path / "graph.py"
    file.write_text(TEXT, encoding="utf-8")
    linecache.checkcache()
    scope: dict[str, object] = {"__name__": "source_of_a_test"}
    code: CodeType = compile(TEXT.replace("@functools.cache\n", "#\n"), str(file), "exec")
    exec(code, scope)
    return file, scope


def test_the_variable_of_an_assignment_names_its_whole_value(tmp_path: Path) -> None:
    file, _ = loaded(tmp_path)
    assert assigned_names(file, Span("graph.py", 13, 5, 13, 13)) == ("x",)
    assert assigned_names(file, Span("graph.py", 14, 8, 14, 26)) == ("a", "b")
    assert assigned_names(file, Span("graph.py", 14, 8, 14, 16)) == ()
    assert assigned_names(file, Span("graph.py", 15, 10, 17, 2)) == ("c",)


def test_a_function_is_cited_by_its_name(tmp_path: Path) -> None:
    _, scope = loaded(tmp_path)
    place = definition_place(scope["plain"])
    assert place is not None
    assert (place.line, place.column, place.end_column) == (4, 5, 10)


def test_a_lambda_is_cited_whole(tmp_path: Path) -> None:
    _, scope = loaded(tmp_path)
    place = definition_place(scope["quick"])
    assert place is not None
    assert (place.line, place.column) == (18, 9)


def test_a_parameter_is_cited_with_its_annotation(tmp_path: Path) -> None:
    _, scope = loaded(tmp_path)
    place = parameter_place(scope["plain"], "größe")
    assert place is not None
    assert (place.line, place.column, place.end_column) == (4, 24, 36)


def test_what_has_no_source_has_no_place() -> None:
    assert definition_place(len) is None
    assert parameter_place(len, "x") is None
    assert definition_place(eval("lambda: 1")) is None  # noqa: S307
