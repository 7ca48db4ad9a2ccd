"""The order main.py works in: sync work as written, waiting steps as early and as many at once as inputs allow.

List scheduling (Graham 1966) where every group that waits is a barrier: independent waits cost the longest one.
"""

from collections.abc import Mapping, Sequence

from dagc.ir.graph import Graph, Node, NodeName, ValueId
from dagc.ir.ops import CallPart, CallStep, RunModel
from dagc.ir.regions import regions, waits


def schedule(graph: Graph) -> tuple[tuple[Node, ...], ...]:
    """The calls and runs of `graph` in order; those of one group wait together and do not need each other."""
    if not any(waits(node) for node in graph.nodes):
        return tuple((node,) for node in graph.nodes if _is_stage(node))
    needs = _needs(graph)
    pending = [node for node in graph.nodes if node.name in needs]
    groups: list[tuple[Node, ...]] = []
    while pending:
        ready, group = _next(pending, needs)
        groups.extend((node,) for node in ready)
        if group:
            groups.append(group)
        placed = {node.name for node in (*ready, *group)}
        pending = [node for node in pending if node.name not in placed]
    return tuple(groups)


def _is_stage(node: Node) -> bool:
    """Whether main.py has a line for the node; other nodes fold into arguments."""
    return isinstance(node.op, CallStep | CallPart | RunModel) or bool(regions(node.op))


def _next(
    pending: Sequence[Node], needs: Mapping[NodeName, frozenset[NodeName]]
) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """Sync nodes to do now, and the waiting ones to start behind them."""
    if not waits(pending[0]):
        return (pending[0],), ()
    waiting = {node.name for node in pending if waits(node)}
    group = tuple(n for n in pending if n.name in waiting and not needs[n.name] & waiting)
    wanted = frozenset[NodeName]().union(*(needs[node.name] for node in group))
    return tuple(node for node in pending if node.name in wanted), group


def _needs(graph: Graph) -> dict[NodeName, frozenset[NodeName]]:
    """All calls and runs each of them depends on, near and far; what folds into arguments is looked through."""
    behind: dict[ValueId, frozenset[NodeName]] = {value.id: frozenset() for value in graph.inputs}
    needs: dict[NodeName, frozenset[NodeName]] = {}
    for node in graph.nodes:
        sources = frozenset[NodeName]().union(*(behind[source] for source in node.inputs))
        if _is_stage(node):
            needs[node.name] = sources
            sources |= {node.name}
        behind.update((value.id, sources) for value in node.outputs)
    return needs
