"""Walks the expressions of a graph body: what each may hold, and the mistakes made on the way.

After a mistake is told, the expression holds what its repaired form would: a handle after `np.exp(x)`, nothing of
interest after `len(x)`. So one mistake gives one finding, and the next one is not hidden by it.
"""

import ast
from collections.abc import Callable, Sequence

from dagc.dsl.body_calls import call_kind
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
from dagc.dsl.body_namespace import UNRESOLVED, Definition, Namespace, member
from dagc.dsl.body_texts import Mistakes, is_text, shortened
from dagc.dsl.body_world import READ, is_environment

RunFunction = Callable[[Definition, Sequence[Kind], dict[str, Kind]], Kind]


class Expressions:
    """The expressions of one function; `names` says what its local names hold at this point."""

    def __init__(
        self, namespace: Namespace, mistakes: Mistakes, names: dict[str, Kind], run_function: RunFunction
    ) -> None:
        self.namespace = namespace
        self.mistakes = mistakes
        self.names = names
        self.run_function = run_function

    def kind(self, node: ast.expr) -> Kind:
        """What the expression may hold; reports the mistakes in it."""
        match node:
            case ast.Name():
                return self.names.get(node.id, Plain())
            case ast.Call():
                return call_kind(self, node)
            case ast.Attribute():
                return self._attribute(self.kind(node.value))
            case ast.Subscript():
                return self._subscript(node)
            case ast.Compare():
                return self._compare(node)
            case ast.BoolOp():
                return self._bool_op(node)
            case ast.UnaryOp(op=ast.Not()):
                return self._not(node)
            case ast.UnaryOp():
                return self.kind(node.operand)
            case ast.BinOp():
                return self._bin_op(node)
            case ast.IfExp():
                self.truth(node.test, "E0141")
                return joined(self.kind(node.body), self.kind(node.orelse))
            case ast.NamedExpr():
                value = self.kind(node.value)
                self.bind(node.target, value)
                return value
        return self._display(node)

    def truth(self, test: ast.expr, code: str) -> None:
        """Report `code` when the truth of a symbolic value is asked."""
        if self._asks(test):
            self.mistakes.add(code, test)

    def bind(self, target: ast.expr, value: Kind) -> None:
        """Give a target of an assignment or a loop what it holds from here on."""
        match target:
            case ast.Name():
                self.names[target.id] = value
            case ast.Starred():
                self.bind(target.value, value)
            case ast.Tuple(elts) | ast.List(elts):
                self._unpack(elts, value)
            case ast.Attribute() | ast.Subscript():
                self._store(target, value)

    def resolve(self, node: ast.expr) -> object:
        """The object an expression stands for, if that can be looked up without running anything."""
        match node:
            case ast.Name(name) if name not in self.names:
                return self.namespace.look_up(name)
            case ast.Attribute(owner, name):
                return member(self.resolve(owner), name)
        return UNRESOLVED

    def _asks(self, test: ast.expr) -> bool:
        """Whether asking a test's truth asks that of a symbolic value, anywhere between `and`, `or` and `not`."""
        match test:
            case ast.BoolOp(values=values):
                asked = [self._asks(value) for value in values]  # all of them, for the mistakes in them
                return any(asked)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._asks(operand)
        # A chain or an `in` under an `if` is one mistake, and the `if` is the one to repair.
        kind = self._compare(test, asked=True) if isinstance(test, ast.Compare) else self.kind(test)
        return isinstance(kind, Handle)

    def _attribute(self, owner: Kind) -> Kind:
        if isinstance(owner, Handle):
            return Handle()
        return Maybe() if holds(owner) else Plain()

    def _subscript(self, node: ast.Subscript) -> Kind:
        if is_environment(self.resolve(node.value)):
            self.mistakes.add("E0187", node, word=READ)
        owner = self.kind(node.value)
        self.index(node.slice)
        if isinstance(owner, Several) and isinstance(node.slice, ast.Constant):
            position = node.slice.value
            if isinstance(position, int) and -len(owner.items) <= position < len(owner.items):
                return owner.items[position]
        if isinstance(node.slice, ast.Slice) and isinstance(owner, Several | Box):
            return Box(element(owner))
        return element(owner)

    def index(self, node: ast.expr) -> None:
        """Report an index or a key that is not known yet."""
        parts = [node]
        if isinstance(node, ast.Slice):
            parts = [part for part in (node.lower, node.upper, node.step) if part is not None]
        elif isinstance(node, ast.Tuple):
            parts = node.elts
        for part in parts:
            if isinstance(part, ast.Slice):
                self.index(part)
            elif isinstance(self.kind(part), Handle):
                self.mistakes.add("E0164", part, word="an index or a key")

    def _compare(self, node: ast.Compare, *, asked: bool = False) -> Kind:
        operands = [node.left, *node.comparators]
        kinds = [self.kind(operand) for operand in operands]
        first = next((o for o, k in zip(operands, kinds, strict=True) if holds(k)), None)
        if first is None:
            return Plain()
        operator = node.ops[0]
        if isinstance(operator, ast.Is | ast.IsNot):
            self.mistakes.add("E0146", node, what=first, word="is" if isinstance(operator, ast.Is) else "is not")
            return Plain()
        sure = next((o for o, k in zip(operands, kinds, strict=True) if holds_surely(k)), None)
        if isinstance(operator, ast.In | ast.NotIn):
            word = "in" if isinstance(operator, ast.In) else "not in"
            if sure is not None and not asked:
                self.mistakes.add("E0147", node, what=sure, word=word)
            return Handle() if sure is not None else Maybe()
        if len(operands) > 2 and sure is not None and not asked:
            self.mistakes.add("E0148", node)
        return Handle() if any(isinstance(k, Handle) for k in kinds) else Maybe()

    def _bool_op(self, node: ast.BoolOp) -> Kind:
        *left, last = node.values
        asked = [self._asks(value) for value in left]
        right = self.kind(last)
        if not any(asked):
            return joined(Plain(), right)
        word, sign = ("and", "&") if isinstance(node.op, ast.And) else ("or", "|")
        self.mistakes.add("E0144", node, word=word, sign=sign)
        return Handle()

    def _not(self, node: ast.UnaryOp) -> Kind:
        if not self._asks(node.operand):
            return Plain()
        self.mistakes.add("E0145", node, what=node.operand)
        return Handle()

    def _bin_op(self, node: ast.BinOp) -> Kind:
        left, right = self.kind(node.left), self.kind(node.right)
        if isinstance(node.op, ast.Mod) and is_text(node.left):
            if holds_surely(right):
                self.mistakes.add("E0150", node, what=node.right)
            return Plain()
        if isinstance(left, Several | Box) or isinstance(right, Several | Box):
            return joined(left, right)
        if isinstance(left, Handle) or isinstance(right, Handle):
            return Handle()
        return Maybe() if holds(left) or holds(right) else Plain()

    def _display(self, node: ast.expr) -> Kind:
        match node:
            case ast.Tuple(elts) | ast.List(elts):
                return self._sequence(elts)
            case ast.Set(elts):
                for item in elts:
                    self._key(item, "a member of a set")
                return Box(Plain())
            case ast.Dict():
                return self._dict(node)
            case ast.JoinedStr():
                return self._text(node)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node)
            case ast.Lambda():
                return self._lambda(node)
            case ast.Await():
                return self.kind(node.value)  # only in an `async def`, which is reported
            case ast.Yield() | ast.YieldFrom():
                self.mistakes.add("E0159", node, word="yield")
                return self.kind(node.value) if node.value else Plain()
            case ast.Starred():
                return self.starred(node)
        return Plain()

    def _sequence(self, elts: list[ast.expr]) -> Kind:
        if not any(isinstance(item, ast.Starred) for item in elts):
            return Several(tuple(self.kind(item) for item in elts))
        return Box(any_of(self.starred(i) if isinstance(i, ast.Starred) else self.kind(i) for i in elts))

    def starred(self, node: ast.Starred) -> Kind:
        """What each item of `*value` holds."""
        value = self.kind(node.value)
        if isinstance(value, Handle) and not value.unpacks:
            self.mistakes.add("E0163", node, what=node.value)
        return element(value)

    def _key(self, node: ast.expr, word: str) -> None:
        if isinstance(self.kind(node), Handle):
            self.mistakes.add("E0164", node, word=word)

    def _dict(self, node: ast.Dict) -> Kind:
        values: list[Kind] = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                self._key(key, "a key")
                values.append(self.kind(value))
            else:
                values.append(self.starred(ast.copy_location(ast.Starred(value), value)))
        return Box(any_of(values))

    def _text(self, node: ast.JoinedStr) -> Kind:
        for part in node.values:
            if isinstance(part, ast.FormattedValue) and holds_surely(self.kind(part.value)):
                self.mistakes.add("E0150", node, what=part.value)
        return Plain()

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Kind:
        inner = self.inside(dict(self.names))
        for generator in node.generators:
            items = inner.kind(generator.iter)
            if isinstance(items, Handle) and not items.unpacks:
                self.mistakes.add("E0153", generator.iter)
                items = Plain()
            inner.bind(generator.target, element(items))
            for condition in generator.ifs:
                inner.truth(condition, "E0140")
        if isinstance(node, ast.DictComp):
            inner._key(node.key, "a key")
            return Box(inner.kind(node.value))
        if isinstance(node, ast.SetComp):
            inner._key(node.elt, "a member of a set")
        return Box(inner.kind(node.elt))

    def _lambda(self, node: ast.Lambda) -> Kind:
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.kind(default)
        self.lambda_kind(node, ())
        return Plain()

    def lambda_kind(self, node: ast.Lambda, given: Sequence[Kind]) -> Kind:
        """What a `lambda` gives for such arguments; those not given may hold anything."""
        positional = (*node.args.posonlyargs, *node.args.args)
        bound = {parameter.arg: kind for parameter, kind in zip(positional, given, strict=False)}
        return self.inside({**self.names, **unknown_parameters(node.args), **bound}).kind(node.body)

    def inside(self, names: dict[str, Kind]) -> "Expressions":
        """The same walk with other local names."""
        return Expressions(self.namespace, self.mistakes, names, self.run_function)

    def _unpack(self, targets: list[ast.expr], value: Kind) -> None:
        has_star = any(isinstance(target, ast.Starred) for target in targets)
        if isinstance(value, Several) and len(value.items) == len(targets) and not has_star:
            for target, item in zip(targets, value.items, strict=True):
                self.bind(target, item)
            return
        for target in targets:
            if isinstance(target, ast.Starred):
                if isinstance(value, Handle) and not value.unpacks:
                    self.mistakes.add("E0163", target, what=shortened(target.value))
                self.bind(target.value, Box(element(value)))
            else:
                self.bind(target, element(value))

    def _store(self, target: ast.Attribute | ast.Subscript, value: Kind) -> None:
        owner = self.kind(target.value)
        if isinstance(target, ast.Subscript):
            self.index(target.slice)
        if isinstance(owner, Handle):
            self.mistakes.add("E0162", target)
        elif isinstance(target.value, ast.Name) and target.value.id in self.names and holds(value):
            self.names[target.value.id] = joined(owner, Box(value))


def unknown_parameters(arguments: ast.arguments) -> dict[str, Kind]:
    """What the parameters of a function defined in the body hold: anything, or a default's plain value."""
    positional = [*arguments.posonlyargs, *arguments.args]
    found: dict[str, Kind] = {parameter.arg: Maybe() for parameter in (*positional, *arguments.kwonlyargs)}
    defaulted = positional[len(positional) - len(arguments.defaults) :]
    keywords = [p for p, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]
    found |= {parameter.arg: Plain() for parameter in (*defaulted, *keywords)}
    found |= {star.arg: Box(Maybe()) for star in (arguments.vararg, arguments.kwarg) if star is not None}
    return found
