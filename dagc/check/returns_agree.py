"""A graph returns what it declares (E0201)."""

from collections.abc import Iterator

from dagc.check.edges import origin
from dagc.check.remedies import remedy
from dagc.diagnostics import Diagnostic
from dagc.ir.agree import disagreement
from dagc.ir.graph import Graph, Value
from dagc.ir.types import TupleOf, Type
from dagc.models.store import ModelStore


def returns_agree(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One E0201 for each returned value of another type, or one for a tuple of another length."""
    values = {value.id: value for value in graph.values()}
    returned = [values[output] for output in graph.outputs]
    wanted = _wanted(graph, returned)
    if len(wanted) != len(returned):
        yield Diagnostic.at(
            "E0201",
            f"`{graph.name}` returns {_count(len(returned))}, but declares `{graph.returns}`",
            graph.span,
            f"declares {graph.returns}",
            help="return as many values as the annotation has, or correct the annotation",
        )
        return
    for index, (value, type) in enumerate(zip(returned, wanted, strict=True)):
        if (reason := disagreement(value.type, type)) is not None:
            yield _diagnostic(graph, value, type, reason, item=index if len(returned) > 1 else None)


def _wanted(graph: Graph, returned: list[Value]) -> tuple[Type, ...]:
    """One type for each returned value; a single value that is itself a tuple is compared as a whole."""
    if len(returned) == 1 and isinstance(returned[0].type, TupleOf):
        return (graph.returns,)
    return graph.returns.items if isinstance(graph.returns, TupleOf) else (graph.returns,)


def _diagnostic(graph: Graph, value: Value, wanted: Type, reason: str, *, item: int | None) -> Diagnostic:
    what = "" if item is None else f" as item {item}"
    plain = f"`{value.type}` is not `{wanted}`"
    return Diagnostic.at(
        "E0201",
        f"`{graph.name}` declares to return `{wanted}`{what}, but returns `{value.type}`",
        graph.span,
        f"declares {wanted}{what}",
        others=origin(value, graph.span, f"`{value.id}` is {value.type}"),
        notes=() if reason == plain else (reason,),
        help=remedy(value, wanted, f"the return annotation of `{graph.name}`"),
    )


def _count(number: int) -> str:
    return "1 value" if number == 1 else f"{number} values"
