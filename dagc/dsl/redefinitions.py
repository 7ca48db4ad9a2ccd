"""Steps and graphs that a later definition of the same name has silently replaced."""

import ast
from collections.abc import Iterator
from importlib.util import decode_source
from pathlib import Path
from types import ModuleType

from dagc.diagnostics import Diagnostic, Label, Span
from dagc.diagnostics.syntax import syntax_tree
from dagc.dsl.signatures import Declaration

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def redefinitions(module: ModuleType, file: Path, relative: str) -> Iterator[Diagnostic]:
    """One E0184 for each decorated definition at the top level of a module that no name of it holds any more."""
    text = decode_source(file.read_bytes())
    lines = text.split("\n")
    last: dict[str, _Definition] = {}
    for node in reversed(syntax_tree(text).body):
        if not isinstance(node, _Definition):
            continue
        later = last.setdefault(node.name, node)
        if later is node or not _declares(node, module) or _held(node, module):
            continue
        yield Diagnostic.at(
            "E0184",
            f"`{node.name}` is defined again below, and this one is never used",
            _name(node, lines, relative),
            "replaced",
            others=(Label(_name(later, lines, relative), "by this one"),),
            help="give each its own name, or remove this one",
        )


def _declares(node: _Definition, module: ModuleType) -> bool:
    """Whether a decorator is one of dagc's, as the module calls it."""
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        names = ast.unparse(called).split(".")
        found: object = vars(module).get(names[0])
        for name in names[1:]:
            found = getattr(found, name, None)
        if getattr(found, "__module__", "") in ("dagc.dsl.step", "dagc.dsl.graph"):
            return True
    return False


def _held(node: _Definition, module: ModuleType) -> bool:
    """Whether another name keeps it; that it cannot be imported is told then."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    declared = (value.function for value in vars(module).values() if isinstance(value, Declaration))
    codes = (getattr(function, "__code__", None) for function in declared)
    return any(code is not None and code.co_firstlineno == first for code in codes)


def _name(node: _Definition, lines: list[str], relative: str) -> Span:
    column = lines[node.lineno - 1].find(node.name) + 1
    return Span(relative, node.lineno, column, node.lineno, column + len(node.name))
