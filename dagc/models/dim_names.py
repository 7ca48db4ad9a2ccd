"""Sizes written as expressions of input sizes (`W//8`): they travel as names of dims and are computed here."""

import ast
from collections.abc import Mapping

from dagc.ir.types import Dim

_SYMBOLS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//"}


def computed(dim: Dim, sizes: Mapping[str, Dim]) -> Dim:
    """The size when the names in it stand for `sizes`: a number, an expression of other names, or unknown.

    A name that `sizes` does not have stands for itself.
    """
    if not isinstance(dim, str):
        return dim
    try:
        return _value(ast.parse(dim, mode="eval").body, sizes)
    except (SyntaxError, ValueError, RecursionError):
        return sizes.get(dim, dim)  # a name from a file that is no expression of ours


def _value(node: ast.expr, sizes: Mapping[str, Dim]) -> Dim:
    match node:
        case ast.Constant(value=int() as number):
            return number
        case ast.Name(id=name):
            return sizes.get(name, name)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _SYMBOLS:
            return _combined(_value(left, sizes), _SYMBOLS[type(op)], _value(right, sizes))
    raise ValueError


def _combined(left: Dim, symbol: str, right: Dim) -> Dim:
    if left is None or right is None:
        return None
    if isinstance(left, str) or isinstance(right, str):
        return f"{_grouped(left)}{symbol}{_grouped(right)}"
    match symbol:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return left // right if right else None


def _grouped(side: int | str) -> str:
    return (
        side
        if isinstance(side, str) and side.isidentifier()
        else f"{side}"
        if isinstance(side, int)
        else f"({side})"
    )
