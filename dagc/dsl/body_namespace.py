"""What the names in a graph body stand for outside of it, and what calling such an object gives."""

import ast
import builtins
import dataclasses
import enum
import inspect
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import FunctionType, ModuleType

from pydantic import BaseModel

from dagc.dsl.body_kinds import Box, Handle, Kind, Maybe, Several

_NUMERIC = frozenset({"numpy", "math", "cmath", "statistics", "scipy", "pandas", "torch"})


class Unresolved:
    """What a name stands for when it is a local, or nothing that can be looked up without running code."""


UNRESOLVED = Unresolved()

Definition = ast.FunctionDef | ast.AsyncFunctionDef


class Namespace:
    """The names a function sees: its closure, its module, the built-ins; and the functions its file defines."""

    def __init__(self, function: FunctionType, tree: ast.Module) -> None:
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self._closure = {name: cell.cell_contents for name, cell in cells if _is_filled(cell)}
        self._globals: Mapping[str, object] = function.__globals__
        self._file = function.__code__.co_filename
        self._definitions = _definitions(tree)

    def look_up(self, name: str) -> object:
        """The object a free name stands for."""
        for names in (self._closure, self._globals, vars(builtins)):
            if name in names:
                return names[name]
        return UNRESOLVED

    def definition(self, function: FunctionType) -> Definition | None:
        """The `def` of a function, when it stands in this file."""
        code = function.__code__
        if code.co_filename != self._file:
            return None
        return self._definitions.get((code.co_name, code.co_firstlineno))


# Every step and graph of a file asks, and the tree of a file is one.
@lru_cache(maxsize=64)
def _definitions(tree: ast.Module) -> Mapping[tuple[str, int], Definition]:
    return {(node.name, _first_line(node)): node for node in ast.walk(tree) if isinstance(node, Definition)}


def member(owner: object, name: str) -> object:
    """The attribute of a module or a class; other objects are not asked, since that may run code."""
    if isinstance(owner, ModuleType):
        return getattr(owner, name, UNRESOLVED)
    if isinstance(owner, type):
        return inspect.getattr_static(owner, name, UNRESOLVED)
    return UNRESOLVED


def is_numeric(target: object) -> bool:
    """Whether it is a function of a library that computes at once: NumPy, `math`, ..."""
    if isinstance(target, ModuleType):
        return target.__name__.partition(".")[0] in _NUMERIC
    owner = getattr(target, "__module__", None)
    top = (owner if isinstance(owner, str) else type(target).__module__).partition(".")[0]
    return top in _NUMERIC


def record_class(target: object) -> type | None:
    """The class when calling it makes a record or an enum member."""
    if not isinstance(target, type):
        return None
    is_named_tuple = issubclass(target, tuple) and hasattr(target, "_fields")
    is_record = issubclass(target, BaseModel | enum.Enum) or dataclasses.is_dataclass(target) or is_named_tuple
    return target if is_record else None


def is_ours(target: object) -> bool:
    """Whether it is of dagc: one of its functions, or a step, graph or model that it made."""
    if isinstance(target, type | ModuleType | Unresolved):
        return False
    # A wrapper says it is of the module of what it wraps, but its globals are those of where it was written.
    written = target.__globals__.get("__name__") if isinstance(target, FunctionType) else type(target).__module__
    return isinstance(written, str) and written.startswith("dagc.")


def returned(target: object) -> Kind:
    """What a call of a step, graph or model gives: a real tuple where a tuple is declared, else a handle."""
    function = inspect.unwrap(typing.cast("Callable[..., object]", target))
    if isinstance(function, type):
        return Handle()
    return _returned_by(function) if isinstance(function, FunctionType) else Handle(unpacks=True)


@lru_cache(maxsize=256)  # a body of 10,000 calls asks for each
def _returned_by(function: FunctionType) -> Kind:
    try:
        hint = typing.get_type_hints(function).get("return")
    except Exception:  # an annotation may be any expression; a wrong one is reported as such elsewhere
        return Maybe()
    return declared(hint)


def declared(hint: object) -> Kind:
    """What a value annotated so is in a graph body."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is not tuple:
        return Handle()
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return Box(Handle())
    return Several(tuple(declared(item) for item in arguments))


def _is_filled(cell: object) -> bool:
    try:
        return cell.cell_contents is not UNRESOLVED  # type: ignore[attr-defined]
    except ValueError:
        return False


def _first_line(node: Definition) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
