"""Titles and labels: how a picture calls an operation and the value on an edge, close to what the user wrote."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import assert_never

from dagc.ir.arms import arm_titles, combinator
from dagc.ir.elementwise_rules import SYMBOLS
from dagc.ir.graph import Choosing, Each, Node, Op, Quorum, Split, Standing, Switch
from dagc.ir.ops import (
    ArgMax,
    Cast,
    Concat,
    Constant,
    Elementwise,
    Expression,
    Index,
    Normalise,
    Reduce,
    RunModel,
    Slice,
    Softmax,
    Stack,
    TopK,
    Vote,
)
from dagc.ir.types import Choice, Type

_LONGEST_OPERAND = 14
_SHOWN_OPERANDS = 3
_SHOWN_ELEMENTS = 3
_SHOWN_CHOICES = 3
_MANY_PARTS = 8
_ENOUGH_PARTS = 64  # of a fused model; pictures show fewer


def expression_title(op: Expression, operands: Sequence[str], *, spelt_out: bool = False) -> str:
    """The expression as its user would say it: `amount / count`, `mean`, `max over axis 0`.

    `spelt_out` names the operands also where edges show them: one of them is a constant, which has no edge.
    """
    match op:
        case Elementwise(kind=kind) if kind in SYMBOLS:
            return _arithmetic(SYMBOLS[kind], operands)
        case Elementwise(kind=kind):
            return f"{kind}({', '.join(map(_short, operands[:_SHOWN_OPERANDS]))})" if spelt_out else kind
        case Cast(dtype=dtype):
            return f"cast to {dtype}"
        case Reduce(kind=kind, axis=axis):
            return kind if axis is None else f"{kind} over axis {axis}"
        case TopK(k=k):
            return f"top {k}"
        case Index(items=items):
            return f"{_short(operands[0])}[{', '.join(_index(item) for item in items)}]"
        case ArgMax() | Softmax() | Normalise() | Concat() | Stack() | Vote():
            return type(op).__name__.lower()
        case _:
            assert_never(op)


def pattern_title(op: Choosing | Standing, own: Sequence[str]) -> str:
    """What stands in the box where the arms meet: `switch market`, `cascade`, `quorum of 4`."""
    pattern = combinator(op).removeprefix("dagc.")
    match op:
        case Switch():
            return f"{pattern} {_short(own[0])}"
        case Split():
            return f"{pattern} by {_short(own[0])}"
        case Quorum(need=need, members=members):
            return f"{pattern} of {need} of {len(members)}"
        case _:
            return pattern


def region_titles(op: Op, own: tuple[str, ...]) -> tuple[str, ...]:
    """What stands above the frame of each region of an operation that takes `own`: `for each, at most 64`."""
    match op:
        case Each(max_items=most):
            return (f"for each, at most {most}",)
        case op if isinstance(op, Choosing | Standing):
            pattern = combinator(op).removeprefix("dagc.")
            return tuple(f"{pattern}: {title}" for title in arm_titles(op, own))
        case _:
            return ()


def constant_text(constant: Constant) -> str:
    """A constant as a reader needs it: `0.5`, `0.1, 0.2, 0.3, ...`."""
    shown = ", ".join(_element(value) for value in constant.values[:_SHOWN_ELEMENTS])
    return shown if len(constant.values) <= _SHOWN_ELEMENTS else f"{shown}, ..."


def output_name(node: Node, position: int) -> str:
    """What an output is called where a node has several; nothing where it has one."""
    if len(node.outputs) == 1:
        return ""
    if isinstance(node.op, RunModel) and len(node.op.parts) == 1:
        return node.op.fetches[position]
    if isinstance(node.op, TopK):
        return ("values", "indices")[position]
    return node.outputs[position].id


def edge_label(name: str, type_: Type) -> str:
    """`probabilities f32[3]`, or the type alone; a long list of choices is cut."""
    return f"{name} {_type_text(type_)}".strip()


def distinct_parts(parts: Sequence[str]) -> tuple[str, ...]:
    """The parts of a fused model, each once, with how many there are of it: `scaler`, `mul × 16`.

    Where that is still a long list, numbered names become one: `head* × 12`.
    """
    counts = Counter(parts)
    if len(counts) > _MANY_PARTS:
        stems = Counter(stem(part) for part in parts)
        alone = {stem(part): part for part in counts}
        counts = Counter({alone[name] if count == 1 else name: count for name, count in stems.items()})
    words = [part if count == 1 else f"{part} × {count}" for part, count in counts.items()]
    more = len(words) - _ENOUGH_PARTS
    return (*words[:_ENOUGH_PARTS], *([f"{more} more"] if more > 0 else []))


def stem(name: str) -> str:
    """A numbered name without its numbers: `head*`."""
    return re.sub(r"(\d+_?)+", "*", name)


def _arithmetic(symbol: str, operands: Sequence[str]) -> str:
    if len(operands) == 1:
        return f"{symbol}{_short(operands[0])}"
    return f" {symbol} ".join(map(_short, operands))


def _index(item: int | Slice) -> str:
    if isinstance(item, int):
        return str(item)
    return f"{'' if item.start is None else item.start}:{'' if item.stop is None else item.stop}"


def _element(value: float | str | bool) -> str:
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_OPERAND else f"{name[: _LONGEST_OPERAND - 1]}…"


def _type_text(type_: Type) -> str:
    if isinstance(type_, Choice) and type_.name is None and len(type_.values) > _SHOWN_CHOICES:
        return f"one of {len(type_.values)}"
    return str(type_)
