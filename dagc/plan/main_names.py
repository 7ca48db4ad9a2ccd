"""Which modules main.py calls into, and the names of the user's that others in it must not take."""

from collections.abc import Sequence

from dagc.ir.graph import Graph, Shadow
from dagc.ir.ops import CallStep, RunModel
from dagc.ir.regions import every_node, walk
from dagc.plan.access import Ingress
from dagc.plan.names import MAIN_NAMES, word


def modules_called(
    graphs: Sequence[Graph], ingress: Ingress | None = None, *, of_graphs: bool = True
) -> dict[str, str]:
    """The modules main.py calls into, each with a name no graph and no parameter hides.

    Without `of_graphs` the graphs' own modules are among them only for what is called in them.
    """
    nodes = [node.op for graph in graphs for node in every_node(graph)]
    steps = {module for op in nodes if isinstance(op, CallStep) for module in _modules_of(op)}
    compared = {op.compare[0] for op in nodes if isinstance(op, Shadow) and op.compare is not None}
    front = {ingress.module} if ingress else set()
    own = {graph.module for graph in graphs} if of_graphs else set()
    called = sorted(own | steps | compared | front)
    hidden = {graph.name for graph in graphs} | parameters(graphs) | MAIN_NAMES
    chosen: dict[str, str] = {}
    for module in called:
        if module.partition(".")[0] not in hidden:
            chosen[module] = module
            continue
        free = (f"{word(module, 'user')}_{suffix}" for suffix in ("module", *range(2, 1000)))
        chosen[module] = next(name for name in free if name not in hidden and name not in called)
    return chosen


def _modules_of(step: CallStep) -> tuple[str, ...]:
    fallback = step.guard.fallback if step.guard else None
    called = (step.module,) if fallback is None else (step.module, fallback[0])
    return (*called, *(use.module for use in step.resources))


def parameters(graphs: Sequence[Graph]) -> set[str]:
    """The names of the graphs' parameters."""
    return {str(value.id) for graph in graphs for value in graph.inputs}


def steps_called(graph: Graph) -> set[str]:
    """Names of steps: a result called as the step that made it would read as the step itself."""
    return {node.op.qualname for node in every_node(graph) if isinstance(node.op, CallStep)}


def wanted_variables(graphs: Sequence[Graph]) -> set[str]:
    """Names the user gave to values, before which a session of the same name yields.

    A result that only has the name of its model is not among them: it yields itself.
    """
    nodes = (node for graph in graphs for node in every_node(graph))
    made = {str(v.id) for n in nodes for v in n.outputs if not (isinstance(n.op, RunModel) and v.id in n.op.parts)}
    return made | {str(value.id) for graph in graphs for found in walk(graph) for value in found.inputs}
