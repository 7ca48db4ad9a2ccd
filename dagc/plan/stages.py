"""Nodes to stages: each call and each run becomes one line of main.py, calls that wait together one stage.

A region becomes a function inside the function it stands in, which sees what it captures by its name there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dagc.ir.graph import Graph, Node, ValueId
from dagc.ir.ops import CallStep, Each, ModelKey, RunModel
from dagc.ir.regions import captures, waits
from dagc.ir.types import TupleOf
from dagc.plan.arguments import UNUSED, arguments
from dagc.plan.calls import positional
from dagc.plan.citations import cited
from dagc.plan.names import Names, variable_candidates
from dagc.plan.schedule import schedule
from dagc.plan.service_plan import Argument, CallStage, EachStage, RunStage, Session, Stage, TogetherStage


@dataclass(frozen=True, slots=True)
class Body:
    """The lines of a function and what it returns."""

    stages: tuple[Stage, ...]
    result: tuple[Argument, ...]
    returns_tuple: bool


def body(graph: Graph, sessions: Mapping[ModelKey, Session], names: Names, sources: Mapping[str, bytes]) -> Body:
    """The stages of `graph` in the order they run.

    Raises:
        CompileError: values or operations main.py cannot hold (E0601).
    """
    given = [Argument(name=value.id) for value in graph.inputs]
    return _Writing(sessions, names, sources).body(graph, given)


@dataclass(frozen=True, slots=True)
class _Writing:
    """The stages of one function in the making; a function inside it sees its variables, and hides none."""

    sessions: Mapping[ModelKey, Session]
    names: Names
    sources: Mapping[str, bytes]

    def body(self, graph: Graph, given: Sequence[Argument]) -> Body:
        written = arguments(graph, given, self.names)
        stages = tuple(self.stage(group, written) for group in schedule(graph))
        return Body(stages, tuple(written[output] for output in graph.outputs), _returns_tuple(graph))

    def stage(self, group: Sequence[Node], written: Mapping[ValueId, Argument]) -> Stage:
        first = group[0]
        if isinstance(first.op, RunModel):
            return _run(first, first.op, written, self.sessions[first.op.model])
        calls = tuple(made for node in group if (made := self.awaitable(node, written)))
        return calls[0] if len(calls) == 1 else TogetherStage(calls=calls)

    def awaitable(self, node: Node, written: Mapping[ValueId, Argument]) -> CallStage | EachStage | None:
        match node.op:
            case CallStep() as op:
                return self.call(node, op, written)
            case Each() as op:
                return self.each(node, op, written)
        return None

    def call(self, node: Node, op: CallStep, written: Mapping[ValueId, Argument]) -> CallStage:
        given = zip(op.parameters, (written[source] for source in node.inputs), strict=True)
        return CallStage(
            targets=tuple(written[value.id].name or UNUSED for value in node.outputs),
            module=op.module,
            qualname=op.qualname,
            arguments=tuple(given),
            positional=positional(self.sources, op.module, op.qualname, op.parameters),
            waits=waits(node),
            lines=cited(node.spans),
        )

    def each(self, node: Node, op: Each, written: Mapping[ValueId, Argument]) -> EachStage:
        parameter, named = (variable_candidates(ValueId(n), None)[0] for n in (op.body.inputs[0].id, op.body.name))
        function = self.names.take(named, f"each_{parameter}")
        names = self.names.inner()
        item = names.take(parameter, f"{parameter}_item")
        captured = (written[value] for value in captures(node))
        made = _Writing(self.sessions, names, self.sources).body(op.body, [Argument(name=item), *captured])
        return EachStage(
            target=written[node.outputs[0].id].name or UNUSED,
            function=function,
            item=item,
            items=written[node.inputs[0]],
            max_items=op.max_items,
            stages=made.stages,
            result=made.result,
            returns_tuple=made.returns_tuple,
            waits=waits(node),
            line=cited((op.body.span,))[0],
            lines=cited(node.spans),
        )


def _returns_tuple(graph: Graph) -> bool:
    if not isinstance(graph.returns, TupleOf):
        return False
    return len(graph.outputs) > 1 or not isinstance(graph.types()[graph.outputs[0]], TupleOf)


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
