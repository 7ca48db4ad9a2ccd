"""Services that were told to wait for company, with models that no company can share a run of."""

from collections.abc import Iterator, Sequence

from dagc.diagnostics import Diagnostic
from dagc.ir.graph import Graph, Node
from dagc.ir.ops import RunModel
from dagc.ir.regions import every_node
from dagc.plan.service_plan import Service

_HELP = "leave `max_wait_ms` out: what arrives together shares a run where it can, and nobody waits"


def pointless_waits(graphs: Sequence[Graph], services: Sequence[Service]) -> Iterator[Diagnostic]:
    """W0530 for each model of such a service whose runs cannot be shared, or once where it has no model at all."""
    patient: dict[str, list[Node]] = {}
    for node in (node for graph in graphs for node in every_node(graph)):
        if node.placement is not None and node.placement.max_wait_ms:
            patient.setdefault(node.placement.name, []).append(node)
    for service in services:
        nodes = patient.get(service.name, [])
        if nodes and not service.sessions:
            message = f"service `{service.name}` would wait for company, and no model runs there"
            yield _at(nodes[0], message, "steps of lists share what arrives together, and wait for nobody")
        for session in service.sessions:
            if nodes and session.one_by_one:
                message = (
                    f"service `{service.name}` would wait for company, and runs of `{session.name}` are not shared"
                )
                yield _at(_first(nodes, session.parts), message, session.one_by_one)


def _first(nodes: Sequence[Node], parts: Sequence[str]) -> Node:
    """The first node of the service that runs one of these models."""
    runs = (node for node in nodes if isinstance(node.op, RunModel) and set(node.op.parts) & set(parts))
    return next(runs, nodes[0])


def _at(node: Node, message: str, note: str) -> Diagnostic:
    return Diagnostic.at("W0530", message, node.spans[0], "runs there", notes=(note,), help=_HELP)
