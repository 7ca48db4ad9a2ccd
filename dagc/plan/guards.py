"""The guards of a service: one for each step that is more than a call, however many graphs call it."""

from collections.abc import Iterable, Mapping

from dagc.ir.graph import Graph, Node
from dagc.ir.ops import CallStep
from dagc.ir.regions import every_node
from dagc.plan.citations import cited
from dagc.plan.names import Names, word
from dagc.plan.service_plan import StepGuard

Guards = Mapping[tuple[str, str], StepGuard]
"""By module and qualified name of the step."""


def guards(graphs: Iterable[Graph], names: Names) -> Guards:
    """The guarded steps of the graphs, each with what main.py calls it: `profile_step`."""
    callers: dict[tuple[str, str], list[tuple[Node, CallStep]]] = {}
    for graph in graphs:
        for node in every_node(graph):
            if isinstance(node.op, CallStep) and is_guarded(node.op):
                callers.setdefault((node.op.module, node.op.qualname), []).append((node, node.op))
    return {key: _made(found, names) for key, found in callers.items()}


def is_guarded(op: CallStep) -> bool:
    """Whether main.py does more for the step than call it."""
    return op.guard is not None or op.run != "inline" or op.batch


def _made(callers: list[tuple[Node, CallStep]], names: Names) -> StepGuard:
    op = callers[0][1]
    return StepGuard(
        name=names.take(f"{word(op.qualname, 'guarded')}_step"),
        module=op.module,
        qualname=op.qualname,
        timeout_s=op.guard.timeout_s if op.guard else None,
        retries=op.guard.retries if op.guard else 0,
        fallback=op.guard.fallback if op.guard else None,
        run=op.run,
        batch=op.batch,
        lines=cited(span for node, _ in callers for span in node.spans),
    )
