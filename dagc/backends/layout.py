"""Python statements laid out as `ruff format` leaves them, for expressions made of names, calls and literals."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

WIDTH = 115
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Group:
    """Items between an opening and a closing text: a call, a list, a tuple. On one line a `bare` one has none."""

    opening: str
    items: tuple["Expression", ...]
    closing: str
    bare: bool = False


Expression = str | Group


@dataclass(frozen=True, slots=True)
class Statement:
    """`prefix` (`row = `, `return `), an expression, and a comment that cites where it comes from."""

    prefix: str
    expression: Expression
    comment: str = ""


def call(function: str, items: Sequence[Expression]) -> Group:
    """A call of `function`."""
    return Group(f"{function}(", tuple(items), ")")


def literal(value: JsonValue) -> Expression:
    """A JSON value as a Python literal; the only way user data gets into main.py."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return Group("[", tuple(literal(item) for item in value), "]")
    if isinstance(value, dict):
        raise TypeError("main.py holds no literal objects")
    return repr(value).replace("e+", "e")  # 1e+16


def laid_out(statement: Statement, depth: int = 0) -> list[str]:
    """The lines of a statement at an indentation; a comment that does not fit behind it goes above it."""
    indent = _INDENT * depth
    line = f"{indent}{statement.prefix}{flat(statement.expression)}"
    if not statement.comment:
        return [line] if fits(line) else list(_exploded(statement.prefix, statement.expression, "", depth))
    if fits(commented := f"{line}  # {statement.comment}"):
        return [commented]
    return [f"{indent}# {statement.comment}", *laid_out(Statement(statement.prefix, statement.expression), depth)]


def signature(head: str, parameters: Sequence[str], tail: str) -> list[str]:
    """The lines of a function's first statement."""
    line = f"{head}({', '.join(parameters)}){tail}"
    if fits(line) or not parameters:
        return [line]
    return [f"{head}(", *(f"{_INDENT}{parameter}," for parameter in parameters), f"){tail}"]


def indented(lines: Sequence[str], depth: int) -> list[str]:
    """The lines further to the right."""
    return [f"{_INDENT * depth}{line}" for line in lines]


def targets(names: Sequence[str], depth: int = 1) -> str:
    """The left side of an assignment with its `=`; one that is too long for a line is put in parentheses."""
    flat = f"{', '.join(names)} = "
    if len(names) == 1 or width(flat) < WIDTH // 2:
        return flat
    lines = ("(", *(f"{_INDENT * (depth + 1)}{name}," for name in names), f"{_INDENT * depth}) = ")
    return "\n".join(lines)


def width(text: str) -> int:
    """Columns a text takes in a terminal, wide characters counting for two."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def fits(line: str) -> bool:
    """Whether the last line of a text is short enough."""
    return width(line.rpartition("\n")[2]) <= WIDTH


def flat(expression: Expression) -> str:
    """The expression on one line."""
    if isinstance(expression, str):
        return expression
    items = ", ".join(flat(item) for item in expression.items)
    return items if expression.bare else f"{expression.opening}{items}{expression.closing}"


def _exploded(prefix: str, expression: Expression, end: str, depth: int) -> Iterator[str]:
    """One item a line with a comma behind each, so that no formatter joins them."""
    indent = _INDENT * depth
    line = f"{indent}{prefix}{flat(expression)}{end}"
    if isinstance(expression, str) or not expression.items or fits(line):
        yield line
        return
    yield f"{indent}{prefix}{expression.opening}"
    for item in expression.items:
        yield from _exploded("", item, ",", depth + 1)
    yield f"{indent}{expression.closing}{end}"


def _quoted(text: str) -> str:
    """`repr` with the quotes a formatter prefers: double ones unless single ones need fewer escapes."""
    body = repr(text + "'\"")[1:-4].replace("\\'", "'")
    if text.count('"') <= text.count("'"):
        return '"' + body.replace('"', '\\"') + '"'
    return "'" + body.replace("'", "\\'") + "'"
