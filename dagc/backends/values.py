"""Arguments as Python expressions: variables, members of them, constants, comparisons."""

from dagc.backends.layout import Expression, Group, call, flat, literal
from dagc.plan.service_plan import Argument

_NUMPY_DTYPES = {
    "f16": "np.float16",
    "f32": "np.float32",
    "f64": "np.float64",
    "i8": "np.int8",
    "i16": "np.int16",
    "i32": "np.int32",
    "i64": "np.int64",
    "u8": "np.uint8",
    "u16": "np.uint16",
    "u32": "np.uint32",
    "u64": "np.uint64",
    "bool": "np.bool_",
    "str": "object",
}


_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_LOOSE = {"or": 0, "and": 1, "not": 2}
"""The operators that bind less than a comparison, the loosest first."""


def value(argument: Argument) -> Expression:
    """The argument as main.py writes it."""
    if argument.operation in ("list", "tuple"):
        opening, closing = "[]" if argument.operation == "list" else "()"
        return Group(opening, tuple(value(operand) for operand in argument.operands), closing)
    if argument.operation is not None:
        return _operation(argument)
    if argument.name is None:
        return _constant(argument)
    members = "".join(f"[{member}]" if member.isdecimal() else f".{member}" for member in argument.path)
    return f"{argument.name}{members}{'.item()' if argument.item else ''}"


def _operation(argument: Argument) -> str:
    operation = argument.operation or "eq"
    operands = [_operand(operand, operation) for operand in argument.operands]
    if operation == "not":
        return f"not {operands[0]}"
    return f" {_SIGNS.get(operation, operation)} ".join(operands)


def _operand(operand: Argument, around: str) -> str:
    """An operand, in parentheses where the operation around it would take it apart."""
    text = flat(value(operand))
    if operand.operation is None:
        return text
    inner, outer = _LOOSE.get(operand.operation, 3), _LOOSE.get(around, 3)
    return f"({text})" if inner < outer or inner == outer == 3 else text


def _constant(argument: Argument) -> Expression:
    if argument.dtype is None:
        return literal(argument.constant)
    array = call("np.array", [literal(argument.constant), f"dtype={_NUMPY_DTYPES[argument.dtype]}"])
    return Group(array.opening, array.items, ").item()") if argument.item else array
