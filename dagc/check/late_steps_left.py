"""What has a time to answer in can be left when the time is over: a plain step cannot (W0340)."""

from collections.abc import Iterator, Sequence

from dagc.diagnostics import Diagnostic, Label
from dagc.ir.arms import combinator
from dagc.ir.graph import Fallback, Graph, Node, Quorum
from dagc.ir.ops import CallStep
from dagc.ir.regions import every_node, regions
from dagc.models.store import ModelStore


def late_steps_left(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One W0340 for each `within_s` that plain steps may overrun, the outermost; for a whole graph."""
    for node in graph.nodes:
        timed, within_s = _timed(node)
        held = {
            step.op.qualname: step
            for region in timed
            for step in every_node(region)
            if isinstance(step.op, CallStep) and not step.op.waits
        }
        if held:
            yield _told(node, within_s, held)
            continue
        for region in regions(node.op):
            yield from late_steps_left(region, store)


def _told(node: Node, within_s: float, held: dict[str, Node]) -> Diagnostic:
    names = " and ".join(f"`{name}`" for name in held)
    several = len(held) > 1
    own = combinator(node.op) if isinstance(node.op, Fallback | Quorum) else node.name
    message = (
        f"`{own}` leaves what has not answered within {within_s:g} s, but plain "
        f"step{'s' if several else ''} {names} hold{'' if several else 's'} the event loop and cannot be left"
    )
    labels = tuple(Label(step.spans[0], "runs to its end") for step in held.values() if step.spans)
    help = 'one that is always quick may stay; else declare it `async`, or `@dagc.step(run="thread")`'
    span = node.spans[0] if node.spans else None
    return Diagnostic.at("W0340", message, span, "not left in time", others=labels, help=help)


def _timed(node: Node) -> tuple[Sequence[Graph], float]:
    """The regions of a node that are left when its time is over."""
    match node.op:
        case Fallback(primary=primary, within_s=float() as within_s):
            return (primary,), within_s
        case Quorum(members=members, within_s=within_s):
            return members, within_s
        case _:
            return (), 0.0
