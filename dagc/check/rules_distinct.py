"""Every rule of a route is taken for some request, and no two compete for one (E0309, E0310, W0301, W0302)."""

from collections.abc import Iterator
from itertools import combinations

from dagc.check.truth import Conditions
from dagc.diagnostics import Diagnostic, Label, Span
from dagc.ir.graph import Graph, Node, Route, Value
from dagc.models.store import ModelStore


def rules_distinct(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """What is wrong with the conditions of each route of the graph.

    Rules overlap wrongly where each also holds without the other: which one comes first then decides, and nothing
    says that this was meant. A special rule before a general one is the way to write an exception.
    """
    values = {value.id: value for value in graph.values()}
    for node in graph.nodes:
        if isinstance(node.op, Route):
            asked = node.inputs[: len(node.op.arms) - 1]
            yield from _Rules(node, node.op, [values[one] for one in asked], Conditions(graph, asked)).mistakes()


class _Rules:
    """The rules of one route."""

    def __init__(self, node: Node, op: Route, values: list[Value], conditions: Conditions) -> None:
        self._node = node
        self._op = op
        self._values = values
        self._conditions = conditions

    def mistakes(self) -> Iterator[Diagnostic]:
        """The rules nothing reaches, and values no rule takes; one finding where there are too many to try."""
        if not self._conditions.is_decided:
            yield self._undecided(len(self._values) - 1, "there are too many combinations of values to try")
            return
        holds = [self._conditions.holds(number) for number in range(len(self._values))]
        unreached = set()
        before: frozenset[int] = frozenset()
        for number, where in enumerate(holds):
            if not where - before:
                unreached.add(number)
                yield self._unreached(number, [n for n in range(number) if holds[n] & where])
            before |= where
        everywhere = len(self._conditions.samples)
        always = next((n for n, where in enumerate(holds) if len(where) == everywhere and self._subjects(n)), None)
        if always is not None and not unreached:
            yield self._needless(always)
        for one, other in combinations([n for n in range(len(holds)) if n not in unreached], 2):
            yield from self._pair(one, other, holds[one], holds[other])

    def _pair(self, one: int, other: int, first: frozenset[int], second: frozenset[int]) -> Iterator[Diagnostic]:
        if shared := self._conditions.entangled(one, other):
            yield self._undecided(other, f"rules {one + 1} and {other + 1} both depend on `{shared}`")
        elif self._subjects(one) == self._subjects(other) and first & second and first - second and second - first:
            yield self._overlap(one, other, min(first & second))

    def _subjects(self, number: int) -> set[str]:
        return {subject.key for subject in self._conditions.subjects[number]}

    def _unreached(self, number: int, earlier: list[int]) -> Diagnostic:
        if self._op.pattern == "cascade":
            message = "`accept` of `dagc.cascade` never holds, so the big model answers every request"
        elif earlier:
            words = " and ".join(f"rule {one + 1}" for one in earlier)
            hold = "holds" if len(earlier) == 1 else "hold"
            message = f"rule {number + 1} of `dagc.route` is never taken: {words} {hold} whenever it does"
        else:
            message = f"rule {number + 1} of `dagc.route` is never taken: its condition never holds"
        return Diagnostic.at(
            "E0309",
            message,
            self._span(number),
            "never taken",
            others=tuple(Label(span, f"rule {one + 1}") for one in earlier if (span := self._span(one))),
            help="put the special rule before the general one, or remove it",
        )

    def _overlap(self, one: int, other: int, sample: int) -> Diagnostic:
        return Diagnostic.at(
            "E0310",
            f"rules {one + 1} and {other + 1} of `dagc.route` overlap: both hold where "
            f"{self._conditions.shown(sample, one)}",
            self._span(other),
            f"rule {other + 1}",
            others=tuple(Label(span, f"rule {one + 1}, which wins") for span in [self._span(one)] if span),
            notes=("each also holds without the other, so only their order decides",),
            help="let them exclude each other, or make one a special case of the other and put it first",
        )

    def _needless(self, number: int) -> Diagnostic:
        word = "`big`" if self._op.pattern == "cascade" else "`otherwise`"
        what = "what `accept` asks" if self._op.pattern == "cascade" else f"rule {number + 1}"
        return Diagnostic.at(
            "W0301",
            f"{word} of `dagc.{self._op.pattern}` is never taken: {what} always holds",
            self._span(number),
            "always holds",
            help="correct the condition, or leave the choice out",
        )

    def _undecided(self, number: int, why: str) -> Diagnostic:
        return Diagnostic.at(
            "W0302",
            f"whether rules of `dagc.route` overlap cannot be decided at build: {why}",
            self._span(number),
            "the first rule that holds is taken",
            help="compare one value with constants in every rule, or let a step name the case for `dagc.switch`",
        )

    def _span(self, number: int) -> Span | None:
        return self._values[number].span or next(iter(self._node.spans), None)
