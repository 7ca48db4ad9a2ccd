"""What the text of a step shows before any request comes: calls that no service can make, defaults that leak."""

import ast
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import cast

from dagc.diagnostics import Diagnostic
from dagc.diagnostics.syntax import syntax_tree
from dagc.dsl.body_namespace import Namespace, member
from dagc.dsl.body_rules import check_defaults
from dagc.dsl.body_texts import Mistakes
from dagc.dsl.signatures import Declaration


def step_mistakes(function: Callable[..., object], source: str, file: str) -> Iterator[Diagnostic]:
    """E0165 for a default that all requests would share, E0121 for a call of a model or a graph."""
    plain = cast("FunctionType", function)
    namespace = Namespace(plain, syntax_tree(source))
    definition = namespace.definition(plain)
    if definition is None:
        return
    mistakes = Mistakes(source, file)
    check_defaults(definition, mistakes)
    yield from mistakes.in_order()
    for node in ast.walk(definition):
        called = _called(node, namespace)
        if isinstance(node, ast.Call) and isinstance(called, Declaration) and called.kind != "a step":
            name = ast.unparse(node.func)
            yield Diagnostic.at(
                "E0121",
                f"step `{plain.__name__}` calls the {called.kind.removeprefix('a ')} `{name}`",
                mistakes.span(node),
                "called here",
                help=f"call `{name}` in the graph body and pass its result to `{plain.__name__}`",
            )


def _called(node: ast.AST, namespace: Namespace) -> object:
    """What a call calls, where its name leads straight to it."""
    if not isinstance(node, ast.Call):
        return None
    first, *rest = ast.unparse(node.func).split(".")
    found = namespace.look_up(first)
    for name in rest:
        found = member(found, name)
    return found
