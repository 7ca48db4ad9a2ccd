"""Nodes to stages: each call and each run becomes one line of main.py, calls that wait together one stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dagc.ir.graph import Graph, Node, ValueId
from dagc.ir.ops import CallStep, ModelKey, RunModel
from dagc.plan.arguments import UNUSED, arguments
from dagc.plan.calls import positional
from dagc.plan.citations import cited
from dagc.plan.names import Names
from dagc.plan.schedule import schedule, waits
from dagc.plan.service_plan import Argument, CallStage, RunStage, Session, Stage, TogetherStage


@dataclass(frozen=True, slots=True)
class Body:
    """The lines of an endpoint and what it returns."""

    stages: tuple[Stage, ...]
    result: tuple[Argument, ...]


def body(graph: Graph, sessions: Mapping[ModelKey, Session], names: Names, sources: Mapping[str, bytes]) -> Body:
    """The stages of `graph` in the order they run.

    Raises:
        CompileError: values or operations main.py cannot hold (E0601).
    """
    written = arguments(graph, names)
    stages = tuple(_stage(group, written, sessions, sources) for group in schedule(graph))
    return Body(stages, tuple(written[output] for output in graph.outputs))


def _stage(
    group: Sequence[Node],
    written: Mapping[ValueId, Argument],
    sessions: Mapping[ModelKey, Session],
    sources: Mapping[str, bytes],
) -> Stage:
    first = group[0]
    if isinstance(first.op, RunModel):
        return _run(first, first.op, written, sessions[first.op.model])
    calls = tuple(_call(node, node.op, written, sources) for node in group if isinstance(node.op, CallStep))
    return calls[0] if len(calls) == 1 else TogetherStage(calls=calls)


def _call(
    node: Node, op: CallStep, written: Mapping[ValueId, Argument], sources: Mapping[str, bytes]
) -> CallStage:
    given = zip(op.parameters, (written[source] for source in node.inputs), strict=True)
    return CallStage(
        targets=tuple(written[value.id].name or UNUSED for value in node.outputs),
        module=op.module,
        qualname=op.qualname,
        arguments=tuple(given),
        positional=positional(sources, op.module, op.qualname, op.parameters),
        waits=waits(node),
        lines=cited(node.spans),
    )


def _run(node: Node, op: RunModel, written: Mapping[ValueId, Argument], session: Session) -> RunStage:
    """The node's feeds and fetches in the session's order; what this graph does not fetch goes to `_`."""
    given = {feed: _packed(written[source]) for feed, source in zip(op.feeds, node.inputs, strict=True)}
    taken = {fetch: written[value.id].name for fetch, value in zip(op.fetches, node.outputs, strict=True)}
    return RunStage(
        targets=tuple(taken.get(port.name) or UNUSED for port in session.fetches),
        session=session.name,
        arguments=tuple(given[port.name] for port in session.feeds),
        lines=cited(node.spans),
    )


def _packed(argument: Argument) -> Argument:
    """The argument of a session, which makes an array of the right dtype of one number or text by itself."""
    if argument.dtype and not isinstance(argument.constant, list):
        return argument.model_copy(update={"dtype": None})
    return argument
