"""What the text of the user's file says: what an expression is assigned to, where a function is defined."""

import ast
import inspect
import linecache
import sys
from functools import lru_cache
from pathlib import Path
from types import CodeType

from dagc.diagnostics import Span
from dagc.diagnostics.syntax import syntax_tree
from dagc.trace.spans import Place, character_column

Positions = tuple[int, int, int, int]
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


def assigned_names(file: Path, at: Span | Place) -> tuple[str, ...]:
    """The variables the expression at a place is the whole value of: `row` for the call in `row = scaler(x)`."""
    return _assignments(str(file), *_version(file)).get((at.line, at.column, at.end_line, at.end_column), ())


def definition_place(target: object) -> Place | None:
    """The name in the `def` or `class` statement of a function or class; nothing when there is no such source."""
    found = _definition(target)
    if found is None:
        return None
    file, node = found
    column = character_column(file, node.lineno, node.col_offset)
    if isinstance(node, ast.Lambda):
        end = character_column(file, node.end_lineno or node.lineno, node.end_col_offset or 0)
        return Place(file, node.lineno, column, node.end_lineno or node.lineno, end)
    start = linecache.getline(file, node.lineno).find(f" {node.name}", column - 1) + 2
    return Place(file, node.lineno, start, node.lineno, start + len(node.name))


def parameter_place(function: object, name: str) -> Place | None:
    """Where a parameter is declared, with its annotation; nothing when there is no such source."""
    found = _definition(function)
    if found is None:
        return None
    file, node = found
    if isinstance(node, ast.ClassDef):
        return None
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    for argument in every:
        if argument is not None and argument.arg == name:
            return _node_place(file, argument)
    return None


def field_place(owner: type, name: str) -> Place | None:
    """Where a class declares a field, with its annotation; nothing when there is no such source."""
    for each in owner.__mro__:
        file, node = _class_definition(each) or ("", None)
        for line in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.target.id == name:
                start, end = _node_place(file, line.target), _node_place(file, line.annotation)
                return Place(file, start.line, start.column, end.end_line, end.end_column)
    return None


def _definition(target: object) -> tuple[str, Definition] | None:
    if isinstance(target, type):
        return _class_definition(target)
    code = getattr(inspect.unwrap(target) if callable(target) else target, "__code__", None)
    if not isinstance(code, CodeType):
        return None
    file = code.co_filename
    known = _functions(file, *_version(Path(file)))
    there = known.get((code.co_name, code.co_firstlineno), ())
    return next(((file, node) for node in there if not _is_elsewhere(node, code)), None)


def _is_elsewhere(node: Definition, code: CodeType) -> bool:
    """Whether it is another lambda of the same line than the one with this code."""
    if not isinstance(node, ast.Lambda):
        return False
    places = ((line, column) for line, _, column, _ in code.co_positions() if line is not None and column)
    inside = (node.body.lineno, node.body.col_offset), (node.body.end_lineno, node.body.end_col_offset)
    return any(not inside[0] <= place <= inside[1] for place in places)


def _class_definition(target: type) -> tuple[str, Definition] | None:
    file = getattr(sys.modules.get(target.__module__), "__file__", None)
    tree = _parsed(file, *_version(Path(file))) if isinstance(file, str) else None
    if tree is None:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == target.__name__:
            return str(file), node
    return None


@lru_cache(maxsize=64)
def _assignments(file: str, modified: int, size: int) -> dict[Positions, tuple[str, ...]]:
    tree = _parsed(file, modified, size)
    found: dict[Positions, tuple[str, ...]] = {}
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            value, target = node.value, node.targets[0]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            value, target = node.value, node.target
        else:
            continue
        if names := _names(target):
            place = _node_place(file, value)
            found[(place.line, place.column, place.end_line, place.end_column)] = names
    return found


@lru_cache(maxsize=64)
def _functions(file: str, modified: int, size: int) -> dict[tuple[str, int], list[Definition]]:
    """The functions of a file by their name and the line their code begins at: that of a decorator, if any."""
    tree = _parsed(file, modified, size)
    found: dict[tuple[str, int], list[Definition]] = {}
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Lambda):
            found.setdefault(("<lambda>", node.lineno), []).append(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found.setdefault((node.name, first), []).append(node)
    return found


def _names(target: ast.expr) -> tuple[str, ...]:
    if isinstance(target, ast.Name):
        return (target.id,)
    if not isinstance(target, ast.Tuple):
        return ()
    names = tuple(item.id for item in target.elts if isinstance(item, ast.Name))
    return names if len(names) == len(target.elts) else ()


def _node_place(file: str, node: ast.expr | ast.arg) -> Place:
    last = node.end_lineno or node.lineno
    return Place(
        file,
        node.lineno,
        character_column(file, node.lineno, node.col_offset),
        last,
        character_column(file, last, node.end_col_offset or 0),
    )


@lru_cache(maxsize=64)
def _parsed(file: str, modified: int, size: int) -> ast.Module | None:
    """The tree of a file; `modified` and `size` only tell one version of it from another."""
    del modified, size
    try:
        return syntax_tree(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None


def _version(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)
