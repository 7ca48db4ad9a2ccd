"""Every way a graph body can silently compute the wrong thing, found in its source before it runs.

A body runs once, on symbolic values. What such a value cannot refuse by itself (`is`, `isinstance`, `try`, ...)
is only visible here; the rest is reported here too, all of a body at once. Undecorated functions of the same
file that are given symbolic values are part of the body.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType
from typing import cast

from dagc.diagnostics import Diagnostic, Label
from dagc.diagnostics.syntax import syntax_tree
from dagc.dsl.body_expressions import Expressions, unknown_parameters
from dagc.dsl.body_kinds import Box, Handle, Kind, Maybe, Plain, any_of, element, holds, holds_surely, joined
from dagc.dsl.body_namespace import Definition, Namespace, declared
from dagc.dsl.body_texts import Mistakes

_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def body_mistakes(function: Callable[..., object], source: str, file: str) -> Iterator[Diagnostic]:
    """All mistakes of a graph function's body, in the order of the file.

    `function` is the undecorated one, whose module's names say what is called; `source` is the text of the file it
    stands in, and `file` what spans call that file.
    """
    plain = cast("FunctionType", function)
    tree = syntax_tree(source)
    namespace = Namespace(plain, tree)
    definition = namespace.definition(plain)
    if definition is None:
        return
    mistakes = Mistakes(source, file)
    _check_waiting(definition, mistakes)
    check_defaults(definition, mistakes)
    helpers = _Helpers(namespace, mistakes)
    hints = dict(getattr(plain, "__annotations__", {}))
    names = {name: _parameter(hints.get(name)) for name in unknown_parameters(definition.args)}
    _Body(Expressions(namespace, mistakes, names, helpers.run)).run(definition.body)
    yield from mistakes.in_order()


def _parameter(hint: object) -> Kind:
    return Maybe() if not isinstance(declared(hint), Handle) else Handle()


def check_defaults(definition: Definition, mistakes: Mistakes) -> None:
    """Add E0165 for each parameter whose default is made once and can be changed."""
    arguments = definition.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaulted = positional[len(positional) - len(arguments.defaults) :]
    pairs = [*zip(defaulted, arguments.defaults, strict=True)]
    pairs += [(p, d) for p, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]
    for parameter, default in pairs:
        made = isinstance(default, ast.Call) and isinstance(default.func, ast.Name)
        if isinstance(default, _MUTABLE) or (made and ast.unparse(default) in ("list()", "dict()", "set()")):
            mistakes.add("E0165", default, what=parameter.arg)


def _check_waiting(definition: Definition, mistakes: Mistakes) -> None:
    if isinstance(definition, ast.AsyncFunctionDef):
        mistakes.add("E0159", mistakes.span(definition, len("async def")), word="async def")


class _Helpers:
    """Runs the undecorated functions a body calls, once for each way they are called."""

    def __init__(self, namespace: Namespace, mistakes: Mistakes) -> None:
        self._namespace = namespace
        self._mistakes = mistakes
        self._known: dict[tuple[object, ...], Kind] = {}

    def run(self, definition: Definition, positional: Sequence[Kind], named: dict[str, Kind]) -> Kind:
        """What the function gives for such arguments."""
        called = (definition, tuple(positional), tuple(sorted(named.items(), key=lambda item: item[0])))
        if called in self._known:
            return self._known[called]
        self._known[called] = Maybe()  # what a call of itself gives
        _check_waiting(definition, self._mistakes)
        arguments = definition.args
        order = [*arguments.posonlyargs, *arguments.args]
        names: dict[str, Kind] = {name: Plain() for name in unknown_parameters(arguments)}
        names |= {parameter.arg: kind for parameter, kind in zip(order, positional, strict=False)}
        names |= {name: kind for name, kind in named.items() if name in names}
        if arguments.vararg is not None:
            names[arguments.vararg.arg] = Box(any_of(positional[len(order) :]))
        if arguments.kwarg is not None:
            names[arguments.kwarg.arg] = Box(any_of(kind for name, kind in named.items() if name not in names))
        body = _Body(Expressions(self._namespace, self._mistakes, names, self.run))
        self._known[called] = body.run(definition.body)
        return self._known[called]


class _Body:
    """The statements of one function, in order; what names hold is joined where ways meet."""

    def __init__(self, expressions: Expressions) -> None:
        self._in = expressions
        self._mistakes = expressions.mistakes
        self._returned: list[Kind] = []

    def run(self, statements: list[ast.stmt]) -> Kind:
        """What the function returns."""
        self._block(statements)
        return any_of(self._returned)

    def _block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr(value):
                self._in.kind(value)
            case ast.Return(value):
                self._returned.append(self._in.kind(value) if value else Plain())
            case ast.Assign(targets, value):
                kind = self._in.kind(value)
                for target in targets:
                    self._in.bind(target, kind)
            case ast.AnnAssign(target=target, value=value):
                if value is not None:
                    self._in.bind(target, self._in.kind(value))
            case ast.AugAssign(target, _, value):
                self._augment(target, self._in.kind(value))
            case ast.Assert(test, message):
                self._in.truth(test, "E0143")
                if message is not None:
                    self._in.kind(message)
            case ast.Delete(targets):
                for target in targets:
                    self._delete(target)
            case ast.Global(names) | ast.Nonlocal(names):
                word = "global" if isinstance(node, ast.Global) else "nonlocal"
                self._mistakes.add("E0158", self._mistakes.span(node), what=", ".join(names), word=word)
            case ast.Raise(exception, cause):
                for part in (exception, cause):
                    if part is not None:
                        self._in.kind(part)
            case _:
                self._compound(node)

    def _compound(self, node: ast.stmt) -> None:
        match node:
            case ast.If(test, body, orelse):
                self._in.truth(test, "E0140")
                self._either(body, orelse)
            case ast.While(test, body, orelse):
                self._in.truth(test, "E0142")
                self._repeated(body)
                self._block(orelse)
            case ast.For(target, items, body, orelse) | ast.AsyncFor(target, items, body, orelse):
                self._for(target, items, body)
                self._block(orelse)
            case ast.Try() | ast.TryStar():
                self._try(node)
            case ast.With(items, body) | ast.AsyncWith(items, body):
                self._with(node, items, body)
            case ast.Match(subject, cases):
                self._match(subject, cases)
            case ast.FunctionDef():
                self._nested(node)
            case ast.AsyncFunctionDef():
                _check_waiting(node, self._mistakes)

    def _either(self, *ways: list[ast.stmt]) -> None:
        before, after = self._in.names, []
        for way in ways:
            self._in.names = dict(before)
            self._block(way)
            after.append(self._in.names)
        every = dict.fromkeys(name for names in after for name in names)
        self._in.names = {name: any_of(names[name] for names in after if name in names) for name in every}

    def _repeated(self, body: list[ast.stmt]) -> None:
        """Twice, so that what the first round leaves in a name is seen by the second."""
        for _ in range(2):
            self._either(body, [])

    def _for(self, target: ast.expr, items: ast.expr, body: list[ast.stmt]) -> None:
        kind = self._in.kind(items)
        if isinstance(kind, Handle) and not kind.unpacks:
            self._mistakes.add("E0152", items)
            kind = Plain()
        for _ in range(2):
            self._in.bind(target, element(kind))
            self._either(body, [])

    def _augment(self, target: ast.expr, value: Kind) -> None:
        if not isinstance(target, ast.Name):
            self._in.bind(target, value)
            return
        old = self._in.names.get(target.id, Plain())
        one_is = isinstance(old, Handle) or isinstance(value, Handle)
        self._in.names[target.id] = Handle() if one_is else joined(old, value)

    def _delete(self, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            if holds_surely(self._in.names.pop(target.id, Plain())):
                self._mistakes.add("E0157", target)
        elif isinstance(target, ast.Attribute | ast.Subscript) and isinstance(self._in.kind(target.value), Handle):
            self._mistakes.add("E0157", target)

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        self._mistakes.add("E0154", self._mistakes.span(node, len("try")))
        self._block(node.body)
        self._either(node.orelse, *(handler.body for handler in node.handlers))
        self._block(node.finalbody)

    def _with(self, node: ast.stmt, items: list[ast.withitem], body: list[ast.stmt]) -> None:
        word = "with" if isinstance(node, ast.With) else "async with"
        opened = ast.unparse(items[0].context_expr)
        self._mistakes.add("E0156", self._mistakes.span(node, len(word)), what=opened)
        for item in items:
            kind = self._in.kind(item.context_expr)
            if item.optional_vars is not None:
                self._in.bind(item.optional_vars, Maybe() if holds(kind) else Plain())
        self._block(body)

    def _match(self, subject: ast.expr, cases: list[ast.match_case]) -> None:
        kind = self._in.kind(subject)
        if holds_surely(kind):
            others = tuple(Label(self._mistakes.span(case.pattern), "compared here") for case in cases)
            self._mistakes.add("E0155", subject, others=others)
        captured = Maybe() if holds(kind) else Plain()
        for case in cases:
            names = (
                getattr(pattern, "name", None) or getattr(pattern, "rest", None)
                for pattern in ast.walk(case.pattern)
            )
            self._in.names |= {name: captured for name in names if isinstance(name, str)}
            if case.guard is not None:
                self._in.truth(case.guard, "E0140")
        self._either(*(case.body for case in cases), [])

    def _nested(self, node: ast.FunctionDef) -> None:
        self._in.names[node.name] = Plain()
        if node.decorator_list:
            return  # a step written here: ordinary Python
        inner = self._in.inside({**self._in.names, **unknown_parameters(node.args)})
        _Body(inner).run(node.body)
