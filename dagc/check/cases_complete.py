"""Every value a switch may meet has one case (E0305 to E0308, W0301)."""

from collections import Counter
from collections.abc import Iterator, Sequence

from dagc.check.edges import origin
from dagc.diagnostics import Diagnostic, Label
from dagc.ir.graph import Graph, Node, Switch, Value
from dagc.ir.types import Choice, Scalar, Type, Unknown
from dagc.models.store import ModelStore

Held = int | str | bool

_MOST_NUMBERS = 256
"""A wider range of whole numbers is not listed: nobody writes a case for each of them."""


def cases_complete(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """What is missing, unknown, double or never reached in each switch of the graph."""
    values = {value.id: value for value in graph.values()}
    for node in graph.nodes:
        if isinstance(node.op, Switch) and not isinstance(values[node.inputs[0]].type, Unknown):
            yield from _of(node, node.op, values[node.inputs[0]])


def possible(type: Type) -> tuple[Held, ...] | None:
    """Every value of a type of few: a `Literal`, an `Enum`, a truth value, a small range of whole numbers."""
    match type:
        case Choice(values=values):
            return values
        case Scalar(kind="bool"):
            return (True, False)
        case Scalar(kind="int", bounds=bounds) if bounds and bounds.low is not None and bounds.high is not None:
            numbers = range(int(bounds.low), int(bounds.high) + 1)
            return tuple(n for n in numbers if bounds.holds(n)) if len(numbers) <= _MOST_NUMBERS else None
        case _:
            return None


def _of(node: Node, op: Switch, value: Value) -> Iterator[Diagnostic]:
    held = [one for case in op.cases for one in case]
    every = possible(value.type)
    yield from _double(node, op, held)
    yield from _foreign(node, op, value, every)
    has_default = len(op.arms) > len(op.cases)
    if every is None:
        if not has_default:
            yield _without_default(node, value)
        return
    missing = [one for one in every if not _among(one, held)]
    if missing and not has_default:
        yield _unhandled(node, value, missing)
    if has_default and not missing:
        yield _needless(node, op, value)


def _double(node: Node, op: Switch, held: Sequence[Held]) -> Iterator[Diagnostic]:
    counts = Counter((type(one), one) for one in held)
    for (_, one), count in counts.items():
        if count > 1:
            places = [arm.span for arm, case in zip(op.arms, op.cases, strict=False) if _among(one, case)]
            yield Diagnostic.at(
                "E0307",
                f"two cases of `dagc.switch` hold `{one!r}`",
                places[-1],
                "never taken for it",
                others=tuple(Label(place, "taken for it") for place in places[:-1]),
                help=f"leave `{one!r}` in one case",
            )


def _foreign(node: Node, op: Switch, value: Value, every: Sequence[Held] | None) -> Iterator[Diagnostic]:
    for arm, case in zip(op.arms, op.cases, strict=False):
        for one in case:
            if every is None and isinstance(value.type, Scalar) and _is_of(one, value.type):
                continue
            if every is not None and _among(one, every):
                continue
            known = f": it is one of {', '.join(map(repr, every))}" if every else ""
            yield Diagnostic.at(
                "E0306",
                f"`{value.id}` is never `{one!r}`",
                arm.span,
                "never taken",
                others=origin(value, arm.span, f"`{value.id}` is {value.type}"),
                notes=(f"`{value.id}` is `{value.type}`{known}",),
                help="correct the case, or add the value where the type is declared",
            )


def _without_default(node: Node, value: Value) -> Diagnostic:
    return Diagnostic.at(
        "E0308",
        f"`dagc.switch` has no branch for the other values of `{value.id}`",
        node.spans[0] if node.spans else value.span,
        f"`{value.id}` may be any `{value.type}`",
        others=origin(value, node.spans[0] if node.spans else None, f"`{value.id}` is {value.type}"),
        help="add `default=`, or declare the values there are: `Literal[...]` or an `Enum`",
    )


def _unhandled(node: Node, value: Value, missing: Sequence[Held]) -> Diagnostic:
    listed = ", ".join(f"`{one!r}`" for one in missing)
    return Diagnostic.at(
        "E0305",
        f"`dagc.switch` does not say what happens when `{value.id}` is {listed}",
        node.spans[0] if node.spans else value.span,
        "no case for it",
        others=origin(value, node.spans[0] if node.spans else None, f"`{value.id}` is {value.type}"),
        help=f"add {'a case' if len(missing) == 1 else 'cases'} for {listed}, or a `default=`",
    )


def _needless(node: Node, op: Switch, value: Value) -> Diagnostic:
    return Diagnostic.at(
        "W0301",
        f"the default of `dagc.switch` is never taken: the cases are all that `{value.id}` may be",
        op.arms[-1].span,
        "never taken",
        others=origin(value, op.arms[-1].span, f"`{value.id}` is {value.type}"),
        help="remove it; a value that is added to the type later is then an error here until it has a case",
    )


def _among(one: Held, held: Sequence[Held]) -> bool:
    """Whether the value is among others, `True` not being `1`."""
    return any(one == other and isinstance(one, bool) == isinstance(other, bool) for other in held)


def _is_of(one: Held, scalar: Scalar) -> bool:
    kind = {bool: "bool", int: "int", str: "str"}[type(one)]
    if kind != scalar.kind:
        return False
    return scalar.bounds is None or isinstance(one, str) or scalar.bounds.holds(one)
