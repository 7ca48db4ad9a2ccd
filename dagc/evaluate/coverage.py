"""What the cases of a proof went through: a proof says nothing about arms that none of them took."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from dagc.diagnostics import Span
from dagc.ir.arms import arm_titles, combinator
from dagc.ir.graph import Each, Graph, Node, NodeName, Route, Switch
from dagc.ir.regions import every_node


@dataclass(frozen=True, slots=True)
class Untaken:
    """The arms of a choice, or the body of a `dagc.each`, that no case ran."""

    what: str
    span: Span


@dataclass(slots=True)
class Coverage:
    """Over all cases: which arms ran, and how what something stands in for has failed."""

    tried: dict[NodeName, Exception | None] = field(default_factory=dict)
    """How a node failed first; `None` once it has answered."""
    arms: dict[NodeName, set[int]] = field(default_factory=dict)
    """The numbers of the arms that ran, of every node that was asked."""

    def answered(self, name: NodeName, answer: object) -> object:
        """The answer, taken down as the node's own."""
        self.tried[name] = None
        return answer

    def failed(self, name: NodeName, error: Exception) -> None:
        """Take down that the node failed."""
        self.tried.setdefault(name, error)

    def entered(self, name: NodeName, arm: int | None) -> None:
        """Take down that the node was asked, and which of its regions ran."""
        self.arms.setdefault(name, set()).update(() if arm is None else (arm,))


def untaken(graph: Graph, coverage: Coverage) -> tuple[Untaken, ...]:
    """The arms no case took, of nodes that were asked: what lies inside such an arm is not told again."""
    return tuple(_untaken(graph, coverage))


def _untaken(graph: Graph, coverage: Coverage) -> Iterator[Untaken]:
    for node in every_node(graph):
        taken = coverage.arms.get(node.name)
        if taken is None:
            continue
        left = [title for number, title in enumerate(_arms(node)) if number not in taken]
        if left:
            yield Untaken(f"{', '.join(left)} of `{_written(node)}`", node.spans[0])


def _arms(node: Node) -> tuple[str, ...]:
    match node.op:
        case Each():
            return ("the body",)
        case Switch() | Route() as op:  # all shares of a split run in every case
            return tuple(f"`{title}`" for title in arm_titles(op))
        case _:
            return ()


def _written(node: Node) -> str:
    return combinator(node.op) if isinstance(node.op, Switch | Route) else "dagc.each"
