"""What a request may have to wait for fits its deadline (E0330), along every path of the graph."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dagc.diagnostics import Diagnostic, Label, Span
from dagc.ir.arms import combinator
from dagc.ir.graph import Each, Fallback, Graph, Node, Quorum, Route, Shadow, Split, Switch, ValueId
from dagc.ir.ops import CallStep
from dagc.models.store import ModelStore


@dataclass(frozen=True, slots=True)
class _Wait:
    """What a path may wait for at one place, in seconds, and the arithmetic behind it."""

    name: str
    longest_s: float
    text: str
    span: Span | None


_Path = tuple[_Wait, ...]


def deadlines_fit(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """The longest path of the graph, where its times are more than the deadline."""
    longest = _longest(graph)
    total_s = _total(longest)
    if total_s <= graph.deadline_s + 1e-9:
        return
    added = " + ".join(f"{wait.longest_s:g}" for wait in longest)
    last = longest[-1]
    yield Diagnostic.at(
        "E0330",
        f"a request of `{graph.name}` may wait {total_s:g} s, and its deadline is {graph.deadline_s:g} s",
        last.span or graph.span,
        f"here {added} = {total_s:g} s may have passed"
        if len(longest) > 1
        else f"here {total_s:g} s may have passed",
        others=tuple(_labels(longest)),
        notes=(f"the path: {' -> '.join(wait.text for wait in longest)}",),
        help=f"shorten the times, retry less, or give the graph `deadline_s={total_s:g}`",
    )


def _labels(path: _Path) -> Iterator[Label]:
    for wait in path[:-1]:
        if wait.span is not None and wait.span != path[-1].span:
            yield Label(wait.span, f"{wait.longest_s:g} s")


def _longest(graph: Graph) -> _Path:
    """The path on which most may have to be waited for; what has no time of its own counts nothing."""
    ends: dict[ValueId, _Path] = {value.id: () for value in graph.inputs}
    best: _Path = ()
    for node in graph.nodes:
        before = _slowest([ends[source] for source in node.inputs])
        path = (*before, *_of(node))
        ends.update((value.id, path) for value in node.outputs)
        best = _slowest([best, path])
    return best


def _of(node: Node) -> _Path:
    span = node.spans[0] if node.spans else None
    match node.op:
        case CallStep(qualname=name, guard=guard) if guard is not None and guard.timeout_s is not None:
            attempts = guard.retries + 1
            longest_s = guard.timeout_s * attempts
            times = f"{guard.timeout_s:g} s" + (f" x {attempts} = {longest_s:g} s" if guard.retries else "")
            return (_Wait(name, longest_s, f"`{name}` {times}", span),)
        case Fallback(primary=primary, backup=backup, within_s=within_s):
            first = _longest(primary) if within_s is None else (_within(node, within_s, span),)
            return (*first, *_longest(backup))
        case Quorum(within_s=within_s, combines=combines):
            return (_within(node, within_s, span), *_slowest([_longest(arm) for arm in combines]))
        case Shadow(champion=champion):
            return _longest(champion)
        case Switch(arms=arms) | Route(arms=arms) | Split(arms=arms):
            return _slowest([_longest(arm) for arm in arms])
        case Each(body=body):
            return _longest(body)
        case _:
            return ()


def _within(node: Node, within_s: float, span: Span | None) -> _Wait:
    name = combinator(node.op) if isinstance(node.op, Fallback | Quorum) else node.name
    return _Wait(name, within_s, f"`{name}` {within_s:g} s", span)


def _slowest(paths: Sequence[_Path]) -> _Path:
    return max(paths, key=_total, default=())


def _total(path: _Path) -> float:
    return sum(wait.longest_s for wait in path)
