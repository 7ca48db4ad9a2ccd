"""How a step may be called: which of its arguments need no name, as its definition in the user's source says."""

import ast
from collections.abc import Mapping, Sequence
from functools import lru_cache

from dagc.diagnostics.syntax import syntax_tree


def positional(sources: Mapping[str, bytes], module: str, qualname: str, given: Sequence[str]) -> int:
    """How many leading ones of the `given` parameters may be passed without their names.

    Zero for what is no plain top-level function of a carried file: a class made a step takes names only.
    """
    definition = _definitions(sources.get(f"{module.replace('.', '/')}.py", b"")).get(qualname)
    if definition is None:
        return 0
    declared = [a.arg for a in (*definition.args.posonlyargs, *definition.args.args)]
    pairs = zip(given, declared, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(given), len(declared)))


@lru_cache(maxsize=64)
def _definitions(source: bytes) -> Mapping[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """The top-level functions of a module by name; the last of one name counts, as in Python."""
    try:
        statements = syntax_tree(source).body
    except (SyntaxError, ValueError):
        return {}
    return {s.name: s for s in statements if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)}
