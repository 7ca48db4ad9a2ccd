"""Walks the calls of a graph body: which are the language, which are Python's, and which may not see a handle."""

import ast
import builtins
import enum
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Protocol

from dagc.dsl.body_kinds import (
    Box,
    Handle,
    Kind,
    Maybe,
    Plain,
    Several,
    any_of,
    element,
    holds,
    holds_surely,
    joined,
)
from dagc.dsl.body_namespace import Definition, Namespace, is_numeric, is_ours, record_class, returned
from dagc.dsl.body_texts import Mistakes, is_text, shortened
from dagc.dsl.body_world import asked
from dagc.dsl.refusals import FUNCTIONS

_LOOKS = frozenset({"isinstance", "issubclass", "type", "hasattr", "getattr", "callable", "vars", "dir", "id"})
_NEEDS = frozenset(
    {
        "bool", "int", "float", "complex", "str", "repr", "ascii", "format", "bytes", "bytearray", "len", "hash",
        "round", "print", "ord", "chr", "bin", "oct", "hex", "range", "open", "input", "slice", "exec", "eval",
    }
)  # fmt: skip
_COMBINATORS = frozenset({"switch", "route", "split", "cascade", "fallback", "shadow", "quorum"})
"""Those that take branches: a branch may return a real tuple, and then so does the call."""
_NO_BRANCHES = ("accept", "combine", "compare")
_OF_CONTAINERS = ("len", "bool")
"""What a Python list of symbolic values answers by itself."""
_GOES_THROUGH = frozenset(
    {
        "list", "tuple", "dict", "iter", "next", "enumerate", "zip", "reversed", "sum", "map", "filter",
        "set", "frozenset", "sorted", "min", "max", "any", "all",
    }
)  # fmt: skip
_ASKS = {
    **dict.fromkeys(("sorted", "min", "max"), ("compares", "whose order is")),
    **dict.fromkeys(("any", "all"), ("asks for the truth of", "which is")),
    **dict.fromkeys(("set", "frozenset"), ("hashes", "whose value is")),
}
"""Those that ask something of each item: what, and what is not known of it."""

_STEP = "do it inside a step, where it is a real value"
_INSTEAD = {
    "getattr": "write the name of the field: `payment.amount`",
    "len": "sizes stand in the annotation (`f32(30)`); count inside a step what varies",
    "print": "print or log inside a step",
    "int": "write `dagc.cast(x, 'i64')` for a tensor, or convert inside a step",
    "float": "keep it in arithmetic as it is, or give it to a step whose parameter is annotated `float`",
    "bool": "choose with `dagc.where(condition, a, b)`, or inside a step",
    "str": "make text inside a step",
    "sum": "write `dagc.total(x)`; `sum` of a list of values is fine",
    "min": "write `dagc.minimum(a, b)` for two values, `dagc.lowest(x)` for the smallest item of one",
    "max": "write `dagc.maximum(a, b)` for two values, `dagc.highest(x)` for the largest item of one",
    "any": "join truth values with `|`",
    "all": "join truth values with `&`",
    "sorted": "sort inside a step, or take the largest with `dagc.top_k(x, k)`",
}


class Walk(Protocol):
    """What the calls need of the walk over expressions."""

    namespace: Namespace
    mistakes: Mistakes
    names: dict[str, Kind]
    run_function: Callable[[Definition, Sequence[Kind], dict[str, Kind]], Kind]

    def kind(self, node: ast.expr) -> Kind:
        """What the expression may hold."""

    def resolve(self, node: ast.expr) -> object:
        """The object it stands for outside of the body."""

    def starred(self, node: ast.Starred) -> Kind:
        """What each item of `*value` holds."""

    def lambda_kind(self, node: ast.Lambda, given: Sequence[Kind]) -> Kind:
        """What a `lambda` gives for such arguments."""


@dataclass(frozen=True, slots=True)
class _Arguments:
    """What a call gives, positional values first; `nodes` follow `kinds`. `loose`: `*` or `**` is among them."""

    nodes: tuple[ast.expr, ...]
    kinds: tuple[Kind, ...]
    positional: int
    names: tuple[str, ...]
    loose: bool

    def first(self, asks: Callable[[Kind], bool]) -> ast.expr | None:
        """The first argument of which `asks` is true."""
        return next((n for n, k in zip(self.nodes, self.kinds, strict=True) if asks(k)), None)


def call_kind(walk: Walk, node: ast.Call) -> Kind:
    """What a call gives; reports the mistakes in it."""
    target = walk.resolve(node.func)
    receiver = walk.kind(node.func.value) if isinstance(node.func, ast.Attribute) else Plain()
    arguments = _arguments(walk, node)
    _check_world(walk, node, target)
    if _is_builtin(target):
        return _built_in(walk, node, target.__name__, arguments)  # type: ignore[attr-defined]
    if is_ours(target):
        _run_functions(walk, node, target)
        return _ours(target, arguments)
    if isinstance(receiver, Handle):
        return Handle()
    if arguments.first(holds) is None:
        return _method(walk, node, receiver, arguments)
    if (record := _record(walk, node, target)) is not None:
        _report_record(walk, node, record)
        return Handle()
    if isinstance(node.func, ast.Attribute) and _speaks(walk, node, node.func, arguments):
        return Plain()
    if is_numeric(target) and arguments.first(holds_surely) is not None:
        _report_numeric(walk, node, arguments)
        return Handle()
    definition = walk.namespace.definition(target) if isinstance(target, FunctionType) else None
    if definition is not None and not arguments.loose:
        return _helper(walk, definition, arguments)
    return _method(walk, node, receiver, arguments)


def _check_world(walk: Walk, node: ast.Call, target: object) -> None:
    """Report a call that would ask the machine something while the graph is built."""
    function = node.func
    owner, name = (
        (walk.resolve(function.value), function.attr) if isinstance(function, ast.Attribute) else (None, "")
    )
    if (word := asked(owner, name, target)) is not None:
        walk.mistakes.add("E0187", node, word=word)


def _arguments(walk: Walk, node: ast.Call) -> _Arguments:
    nodes: list[ast.expr] = []
    kinds: list[Kind] = []
    for argument in node.args:
        nodes.append(argument)
        kinds.append(walk.starred(argument) if isinstance(argument, ast.Starred) else walk.kind(argument))
    for keyword in node.keywords:
        nodes.append(keyword.value)
        if keyword.arg is None:
            kinds.append(walk.starred(ast.copy_location(ast.Starred(keyword.value), keyword.value)))
        else:
            kinds.append(walk.kind(keyword.value))
    names = tuple(keyword.arg or "" for keyword in node.keywords)
    loose = any(isinstance(argument, ast.Starred) for argument in node.args) or "" in names
    return _Arguments(tuple(nodes), tuple(kinds), len(node.args), names, loose)


def _is_builtin(target: object) -> bool:
    name = getattr(target, "__name__", None)
    return isinstance(name, str) and getattr(builtins, name, None) is target


def _built_in(walk: Walk, node: ast.Call, name: str, arguments: _Arguments) -> Kind:
    if name in _LOOKS:
        return _looks(walk, node, name, arguments)
    if name in _NEEDS:
        asks = _is_handle if name in _OF_CONTAINERS else holds_surely
        if (what := arguments.first(asks)) is not None:
            walk.mistakes.add("E0151", node, what=what, word=name, instead=_INSTEAD.get(name, _STEP))
        return Plain()
    if name in ("setattr", "delattr"):
        if arguments.kinds and isinstance(arguments.kinds[0], Handle):
            walk.mistakes.add("E0162" if name == "setattr" else "E0157", node, what=arguments.nodes[0])
        return Plain()
    if name in _GOES_THROUGH:
        return _goes_through(walk, node, name, arguments)
    if name == "divmod" and arguments.first(holds):
        return Several((Handle(), Handle()))
    return any_of(arguments.kinds) if name in ("abs", "pow") else _maybe(arguments)


def _is_handle(kind: Kind) -> bool:
    return isinstance(kind, Handle)


def _looks(walk: Walk, node: ast.Call, name: str, arguments: _Arguments) -> Kind:
    if not arguments.kinds or not isinstance(arguments.kinds[0], Handle | Maybe):
        return Plain()
    instead = _INSTEAD.get(name, f"types are known from the annotations; {_STEP}")
    walk.mistakes.add("E0149", node, what=arguments.nodes[0], word=name, instead=instead)
    return Handle() if name == "getattr" else Plain()


def _goes_through(walk: Walk, node: ast.Call, name: str, arguments: _Arguments) -> Kind:
    many = name in ("min", "max") and arguments.positional > 1
    for what, kind in zip(arguments.nodes[: arguments.positional], arguments.kinds, strict=False):
        direct = isinstance(kind, Handle) and (many or not kind.unpacks) and not isinstance(what, ast.Starred)
        if direct or (name in _ASKS and isinstance(element(kind), Handle)):
            walk.mistakes.add(
                "E0166",
                node,
                what=what.value if isinstance(what, ast.Starred) else what,
                word=name,
                verb=_ASKS.get(name, ("goes through", "whose items are"))[0],
                whose=_ASKS.get(name, ("goes through", "whose items are"))[1],
                instead=_INSTEAD.get(name, "index with constants (`x[0]`), or loop inside a step"),
            )
            return Plain()
    return _gone_through(name, arguments)


def _gone_through(name: str, arguments: _Arguments) -> Kind:
    items = tuple(element(kind) for kind in arguments.kinds[: arguments.positional])
    match name:
        case "list" | "tuple" | "reversed" | "sorted" | "iter" if items:
            return arguments.kinds[0] if isinstance(arguments.kinds[0], Several | Box) else Box(items[0])
        case "enumerate" if items:
            return Box(Several((Plain(), items[0])))
        case "zip":
            return Box(Several(items))
        case "sum" | "next" if items:
            return items[0]
        case "filter" if len(items) == 2:
            return Box(items[1])
        case "map":
            return Box(Maybe() if arguments.first(holds) else Plain())
        case "dict":
            return Box(any_of(arguments.kinds[arguments.positional :])) if not items else Box(_maybe(arguments))
    return Box(Plain())


def _ours(target: object, arguments: _Arguments) -> Kind:
    if isinstance(target, FunctionType) and (target.__module__ or "").startswith("dagc."):
        if target.__name__ == "top_k":
            return Several((Handle(), Handle()))
        if target.__name__ in _COMBINATORS:
            return Handle(unpacks=True)
        return Handle() if arguments.first(holds) else Plain()
    return returned(target)


def _run_functions(walk: Walk, node: ast.Call, target: object) -> None:
    """Look into the functions a combinator calls; what it gives them are symbolic values."""
    name = getattr(target, "__name__", "")
    if name == "each":
        _run_function(walk, _argument(node, 1, "function"), [Handle()])
    if name == "cascade":
        _run_function(walk, _argument(node, 2, "accept"), [Handle()])
    if name == "quorum":
        _run_function(walk, _argument(node, 4, "combine"), [Box(Handle())])
    if name in _COMBINATORS:
        for branch in _branches(node):
            _run_function(walk, branch, [])


def _run_function(walk: Walk, function: ast.expr | None, given: Sequence[Kind]) -> None:
    if isinstance(function, ast.Lambda):
        walk.lambda_kind(function, given)
    elif function is not None and isinstance(found := walk.resolve(function), FunctionType):
        definition = walk.namespace.definition(found)
        if definition is not None and not definition.decorator_list:
            walk.run_function(definition, given, {})


def _argument(node: ast.Call, position: int, name: str) -> ast.expr | None:
    named = [keyword.value for keyword in node.keywords if keyword.arg == name]
    return named[0] if named else node.args[position] if len(node.args) > position else None


def _branches(node: ast.Call) -> Iterator[ast.expr]:
    """The names of functions among the arguments, in pairs, lists and mappings too; lambdas are walked anyway."""
    given = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg not in _NO_BRANCHES)]
    while given:
        match given.pop(0):
            case ast.Tuple(elts) | ast.List(elts):
                given.extend(elts)
            case ast.Dict(values=values):
                given.extend(values)
            case ast.Name() | ast.Attribute() as name:
                yield name


def _record(walk: Walk, node: ast.Call, target: object) -> type | None:
    """The record a call makes: `Decision(...)`, `schemas.Decision(...)`, `Decision.model_validate(...)`."""
    if (record := record_class(target)) is not None:
        return record
    return record_class(walk.resolve(node.func.value)) if isinstance(node.func, ast.Attribute) else None


def _report_record(walk: Walk, node: ast.Call, record: type) -> None:
    if issubclass(record, enum.Enum):
        what = shortened(node.args[0]) if node.args else shortened(node)
        instead = "annotate the field with the enum, and it arrives as one of its members"
        walk.mistakes.add("E0151", node, what=what, word=record.__name__, instead=instead)
        return
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", record.__name__).lower()
    if name == record.__name__:
        name = f"make_{name}"
    walk.mistakes.add("E0160", node, what=shortened(node), name=name, cls=record.__name__)


def _speaks(walk: Walk, node: ast.Call, function: ast.Attribute, arguments: _Arguments) -> bool:
    """Whether a call made text or a log line of a symbolic value; it is reported."""
    what = arguments.first(holds_surely)
    if what is None:
        return False
    owner = walk.resolve(function.value)
    if owner is logging or isinstance(owner, logging.Logger):
        walk.mistakes.add("E0151", node, what=what, word=ast.unparse(function), instead="log inside a step")
        return True
    if is_text(function.value) or function.attr in ("format", "format_map"):
        walk.mistakes.add("E0150", node, what=what)
        return True
    return False


def _report_numeric(walk: Walk, node: ast.Call, arguments: _Arguments) -> None:
    word = ast.unparse(node.func)
    twin = FUNCTIONS.get(word.rpartition(".")[2])
    instead = f"write `{twin}` here, or call `{word}` inside a step" if twin else f"call `{word}` inside a step"
    walk.mistakes.add("E0161", node, what=arguments.first(holds_surely) or node, word=word, twin=instead)


def _helper(walk: Walk, definition: Definition, arguments: _Arguments) -> Kind:
    if definition.decorator_list:
        return Handle()
    named = dict(zip(arguments.names, arguments.kinds[arguments.positional :], strict=True))
    return walk.run_function(definition, arguments.kinds[: arguments.positional], named)


def _method(walk: Walk, node: ast.Call, receiver: Kind, arguments: _Arguments) -> Kind:
    """A call nobody looks into: a container's own methods are known, others may give back what they got."""
    if not isinstance(node.func, ast.Attribute):
        return _maybe(arguments)
    owner, name = node.func.value, node.func.attr
    if isinstance(owner, ast.Name) and owner.id in walk.names and arguments.first(holds):
        if name == "add" and arguments.first(lambda kind: isinstance(kind, Handle)):
            walk.mistakes.add("E0164", node, what=arguments.nodes[0], word="a member of a set")
        given = any_of(element(kind) if name in ("extend", "update") else kind for kind in arguments.kinds[-1:])
        walk.names[owner.id] = joined(receiver, Box(given))
    if not isinstance(receiver, Several | Box):
        return Maybe() if holds(receiver) else _maybe(arguments)
    match name:
        case "items":
            return Box(Several((Plain(), element(receiver))))
        case "values" | "copy":
            return Box(element(receiver))
        case "get" | "pop":
            return element(receiver)
    return Plain()


def _maybe(arguments: _Arguments) -> Kind:
    return Maybe() if arguments.first(holds) else Plain()
