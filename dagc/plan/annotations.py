"""The user's own annotations as main.py can write them: names of the user's module behind its name, or nothing.

Built from the syntax tree piece by piece, so no text of the user's gets into main.py but identifiers.
"""

import ast
import builtins
from collections.abc import Mapping
from dataclasses import dataclass

from dagc.diagnostics.syntax import syntax_tree
from dagc.plan.names import is_identifier


@dataclass(frozen=True, slots=True)
class Annotations:
    """Annotations of a function's parameters, by name, and of its result; what cannot be written is `None`."""

    parameters: Mapping[str, str | None]
    returns: str | None


def annotations(source: bytes, function: str, known_as: str) -> Annotations:
    """The annotations of top-level `function` in `source`, a module that main.py knows as `known_as`."""
    nothing = Annotations({}, None)
    try:
        module = syntax_tree(source)
    except (SyntaxError, ValueError):
        return nothing
    definition = next((d for d in module.body if isinstance(d, ast.FunctionDef) and d.name == function), None)
    if definition is None:
        return nothing
    writer = _Writer(_bound(module), known_as)
    arguments = (*definition.args.posonlyargs, *definition.args.args, *definition.args.kwonlyargs)
    return Annotations({a.arg: writer.text(a.annotation) for a in arguments}, writer.text(definition.returns))


@dataclass(frozen=True, slots=True)
class _Writer:
    bound: frozenset[str]
    known_as: str

    def text(self, node: ast.expr | None) -> str | None:
        """How `main.py` writes the annotation, or `None` where it cannot."""
        match node:
            case ast.Name(name) if name in self.bound and is_identifier(name):
                return f"{self.known_as}.{name}"
            case ast.Name(name) if isinstance(getattr(builtins, name, None), type):
                return name
            case ast.Constant(None):
                return "None"
            case ast.Attribute(value, name) if is_identifier(name):
                return self._joined("{}." + name, value)
            case ast.Subscript(ast.Name("Annotated"), ast.Tuple([type_, *_])):
                return self.text(type_)
            case ast.BinOp(left, ast.BitOr(), right):
                return self._joined("{} | {}", left, right)
            case ast.Subscript(ast.Name("list" | "tuple" | "dict" as name), ast.Tuple(items)) if (
                name not in self.bound
            ):
                return self._joined(f"{name}[{', '.join('{}' for _ in items)}]", *items)
            case ast.Subscript(ast.Name("list" | "tuple" as name), item) if name not in self.bound:
                return self._joined(name + "[{}]", item)
            case _:
                return None

    def _joined(self, form: str, *parts: ast.expr) -> str | None:
        texts = [self.text(part) for part in parts]
        return None if None in texts else form.format(*texts)


def _bound(module: ast.Module) -> frozenset[str]:
    """Names a module defines at its top level, not inside an `if` or `try`."""
    names: set[str] = set()
    for statement in module.body:
        match statement:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                names.add(statement.name)
            case ast.Import(aliases) | ast.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.Assign(targets):
                names.update(target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(ast.Name(name)) if statement.value is not None:
                names.add(name)
            case _:
                pass
    return frozenset(names)
