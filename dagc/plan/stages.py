"""Nodes to stages: each call and each run becomes one line of main.py, calls that wait together one stage.

A region becomes a function inside the function it stands in, which sees what it captures by its name there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from dagc.ir.branching import Choosing, Route, Split, Switch
from dagc.ir.graph import Graph, Node, ValueId
from dagc.ir.ops import CallStep, Each, ModelKey, RunModel
from dagc.ir.regions import captures, own_inputs, waits
from dagc.ir.types import TupleOf, Type
from dagc.plan.arguments import UNUSED, arguments, compared
from dagc.plan.calls import positional
from dagc.plan.citations import cited
from dagc.plan.names import Names, variable_candidates
from dagc.plan.schedule import schedule
from dagc.plan.service_plan import (
    Argument,
    Arm,
    CallStage,
    ChooseStage,
    EachStage,
    RunStage,
    Session,
    Stage,
    TogetherStage,
)

Awaitable = CallStage | EachStage | ChooseStage
"""What can overlap with others."""

_Written = Mapping[ValueId, Argument]


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

    def body(
        self, graph: Graph, given: Sequence[Argument], wanted: Mapping[ValueId, str] = MappingProxyType({})
    ) -> Body:
        written = arguments(graph, given, self.names, wanted)
        stages = tuple(self.stage(group, written, graph.types()) for group in schedule(graph))
        return Body(stages, tuple(written[output] for output in graph.outputs), _returns_tuple(graph))

    def stage(self, group: Sequence[Node], written: _Written, types: Mapping[ValueId, Type]) -> Stage:
        first = group[0]
        if isinstance(first.op, RunModel):
            return _run(first, first.op, written, self.sessions[first.op.model])
        calls = [made for node in group if (made := self.awaitable(node, written, types)) is not None]
        if len(calls) == 1:
            return calls[0]
        return TogetherStage(calls=tuple(self.function(call) for call in calls))

    def awaitable(self, node: Node, written: _Written, types: Mapping[ValueId, Type]) -> Awaitable | None:
        match node.op:
            case CallStep() as op:
                return self.call(node, op, written)
            case Each() as op:
                return self.each(node, op, written)
            case Switch() | Route() | Split() as op:
                return self.choose(node, op, written, types)
        return None

    def function(self, call: Awaitable) -> Awaitable:
        """What overlaps with others is an awaitable; a choice becomes one as a function."""
        if not isinstance(call, ChooseStage):
            return call
        return call.model_copy(update={"function": self.names.take(f"{call.how}_{call.targets[0].strip('_')}")})

    def call(self, node: Node, op: CallStep, written: _Written) -> CallStage:
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

    def each(self, node: Node, op: Each, written: _Written) -> EachStage:
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

    def choose(self, node: Node, op: Choosing, written: _Written, types: Mapping[ValueId, Type]) -> ChooseStage:
        own = own_inputs(op)
        by = [written[value] for value in node.inputs[:own]]
        targets = tuple(written[value.id].name or UNUSED for value in node.outputs)
        captured = [written[value] for value in captures(node)]
        bodies = [self.arm(arm, captured, targets) for arm in op.arms]
        return ChooseStage(
            how=op.pattern if isinstance(op, Route) else "switch" if isinstance(op, Switch) else "split",
            targets=targets,
            by=None if isinstance(op, Route) else compared(by[0], types[node.inputs[0]]),
            seed=op.seed if isinstance(op, Split) else "",
            arms=tuple(_taken(op, number, by, body) for number, body in enumerate(bodies)),
            waits=waits(node),
            lines=cited(node.spans),
        )

    def arm(self, graph: Graph, captured: Sequence[Argument], targets: Sequence[str]) -> Body:
        """An arm, whose results are called as the node's where they are computed in it."""
        made = {value.id for node in graph.nodes for value in node.outputs}
        pairs = zip(graph.outputs, targets, strict=True)
        wanted = {value: target for value, target in reversed([*pairs]) if value in made and target != UNUSED}
        return replace(self, names=self.names.inner()).body(graph, captured, wanted)


def _taken(op: Choosing, number: int, by: Sequence[Argument], body: Body) -> Arm:
    """The arm with what it is taken for."""
    arm = Arm(stages=body.stages, result=body.result)
    match op:
        case Switch(cases=cases) if number < len(cases):
            return arm.model_copy(update={"case": cases[number]})
        case Route() if number < len(by):
            return arm.model_copy(update={"condition": by[number]})
        case Split(shares=shares):
            return arm.model_copy(update={"share": shares[number]})
        case _:
            return arm


def _returns_tuple(graph: Graph) -> bool:
    if not isinstance(graph.returns, TupleOf):
        return False
    return len(graph.outputs) > 1 or not isinstance(graph.types()[graph.outputs[0]], TupleOf)


def _run(node: Node, op: RunModel, written: _Written, session: Session) -> RunStage:
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
