"""Nodes to stages: each call and each run becomes one line of main.py, calls that wait together one stage.

A region becomes a function inside the function it stands in, which sees what it captures by its name there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from dagc.ir.graph import (
    Choosing,
    Each,
    Fallback,
    Graph,
    Node,
    Quorum,
    Route,
    Shadow,
    Split,
    Standing,
    Switch,
    ValueId,
)
from dagc.ir.ops import CallPart, CallStep, RunModel
from dagc.ir.regions import captures, own_inputs, waits
from dagc.ir.types import TupleOf, Type
from dagc.plan.arguments import UNUSED, arguments, compared
from dagc.plan.calls import positional
from dagc.plan.citations import cited
from dagc.plan.guards import Guards
from dagc.plan.names import Names, variable_candidates, word
from dagc.plan.schedule import schedule
from dagc.plan.service_plan import (
    Argument,
    Arm,
    Branch,
    CallStage,
    ChooseStage,
    Combination,
    EachStage,
    RemoteStage,
    RunStage,
    Session,
    Stage,
    StandStage,
    TogetherStage,
)
from dagc.plan.sessions import SessionKey, session_key

Awaitable = CallStage | EachStage | ChooseStage | StandStage | RemoteStage
"""What can overlap with others."""

_Written = Mapping[ValueId, Argument]


@dataclass(frozen=True, slots=True)
class Body:
    """The lines of a function and what it returns."""

    stages: tuple[Stage, ...]
    result: tuple[Argument, ...]
    returns_tuple: bool


def body(
    graph: Graph,
    sessions: Mapping[SessionKey, Session],
    guards: Guards,
    names: Names,
    sources: Mapping[str, bytes],
    remotes: Mapping[tuple[str, str, str], str] = MappingProxyType({}),
) -> Body:
    """The stages of `graph` in the order they run; `remotes` are main.py's names by service, graph and part.

    Raises:
        CompileError: values or operations main.py cannot hold (E0601).
    """
    given = [Argument(name=value.id) for value in graph.inputs]
    return _Writing(sessions, guards, names, sources, graph.name, remotes).body(graph, given)


@dataclass(frozen=True, slots=True)
class _Writing:
    """The stages of one function in the making; a function inside it sees its variables, and hides none."""

    sessions: Mapping[SessionKey, Session]
    guards: Guards
    names: Names
    sources: Mapping[str, bytes]
    graph: str
    remotes: Mapping[tuple[str, str, str], str]

    def body(
        self, graph: Graph, given: Sequence[Argument], wanted: Mapping[ValueId, str] = MappingProxyType({})
    ) -> Body:
        """The stages of a graph, and how its result is written."""
        written = arguments(graph, given, self.names, wanted)
        types = graph.types()
        stages = tuple(self.stage(group, written, types) for group in schedule(graph))
        return Body(stages, tuple(written[output] for output in graph.outputs), _returns_tuple(graph))

    def stage(self, group: Sequence[Node], written: _Written, types: Mapping[ValueId, Type]) -> Stage:
        """One statement: what a group of nodes that are ready together does."""
        first = group[0]
        if isinstance(first.op, RunModel):
            return _run(first, first.op, written, self.sessions[session_key(first.op)])
        calls = [made for node in group if (made := self.awaitable(node, written, types)) is not None]
        if len(calls) == 1:
            return calls[0]
        return TogetherStage(calls=tuple(self.function(call) for call in calls))

    def awaitable(self, node: Node, written: _Written, types: Mapping[ValueId, Type]) -> Awaitable | None:
        """What a node waits for, or `None` where it does not wait."""
        match node.op:
            case CallStep() as op:
                return self.call(node, op, written)
            case CallPart() as op:
                return self.ask(node, op, written)
            case Each() as op:
                return self.each(node, op, written)
            case Switch() | Route() | Split() as op:
                return self.choose(node, op, written, types)
            case Fallback() | Shadow() | Quorum() as op:
                return self.stand(node, op, written)
        return None

    def function(self, call: Awaitable) -> Awaitable:
        """What overlaps with others is an awaitable; a choice becomes one as a function."""
        if not isinstance(call, ChooseStage) and not (isinstance(call, StandStage) and call.combinations):
            return call
        return call.model_copy(update={"function": self.names.take(f"{call.how}_{call.targets[0].strip('_')}")})

    def call(self, node: Node, op: CallStep, written: _Written) -> CallStage:
        """A step's call."""
        guard = self.guards.get((op.module, op.qualname))
        given = zip(op.parameters, (written[source] for source in node.inputs), strict=True)
        return CallStage(
            targets=tuple(written[value.id].name or UNUSED for value in node.outputs),
            module=op.module,
            qualname=op.qualname,
            arguments=tuple(given),
            positional=positional(self.sources, op.module, op.qualname, op.parameters),
            guard=guard.name if guard else None,
            run=op.run,
            batch=op.batch,
            waits=waits(node),
            lines=cited(node.spans),
        )

    def ask(self, node: Node, op: CallPart, written: _Written) -> RemoteStage:
        """A question to another service."""
        return RemoteStage(
            targets=tuple(written[value.id].name or UNUSED for value in node.outputs),
            remote=self.remotes[op.service, self.graph, op.part],
            arguments=tuple(written[source] for source in node.inputs),
            lines=cited(node.spans),
        )

    def each(self, node: Node, op: Each, written: _Written) -> EachStage:
        """A function of one item, run over a list."""
        parameter, named = (variable_candidates(ValueId(n), None)[0] for n in (op.body.inputs[0].id, op.body.name))
        function = self.names.take(named, f"each_{parameter}")
        names = self.names.inner()
        item = names.take(parameter, f"{parameter}_item")
        captured = (written[value] for value in captures(node))
        made = replace(self, names=names).body(op.body, [Argument(name=item), *captured])
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
        """A choice between arms."""
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

    def stand(self, node: Node, op: Standing, written: _Written) -> StandStage:
        """Arms that stand beside each other."""
        targets = tuple(written[value.id].name or UNUSED for value in node.outputs)
        captured = [written[value] for value in captures(node)]
        named = f"{self.graph}.{node.outputs[0].id}"
        made = StandStage(
            how="quorum" if isinstance(op, Quorum) else "shadow" if isinstance(op, Shadow) else "fallback",
            node=named,
            targets=targets,
            branches=tuple(
                self.branch(graph, title, node.outputs[0].id, captured) for title, graph in _branches(op)
            ),
            compare=op.compare if isinstance(op, Shadow) else None,
            within_s=None if isinstance(op, Shadow) else op.within_s,
            waits=waits(node),
            lines=cited(node.spans),
        )
        if not isinstance(op, Quorum):
            return made
        combinations = tuple(self.combination(graph, captured, targets) for graph in op.combines)
        return made.model_copy(update={"need": op.need, "combinations": combinations})

    def branch(self, graph: Graph, title: str, output: str, captured: Sequence[Argument]) -> Branch:
        """An arm as a function of its own."""
        function = self.names.take(title, word(f"{output}_{title}", title))
        made = replace(self, names=self.names.inner()).body(graph, captured)
        line = cited((graph.span,))[0]
        return Branch(
            function=function, stages=made.stages, result=made.result, returns_tuple=made.returns_tuple, line=line
        )

    def combination(self, graph: Graph, captured: Sequence[Argument], targets: Sequence[str]) -> Combination:
        """How the answers of a quorum become one."""
        names = self.names.inner()
        own = graph.inputs[: len(graph.inputs) - len(captured)]
        answers = [Argument(name=names.take(*variable_candidates(value.id, None))) for value in own]
        body = replace(self, names=names).arm(graph, [*answers, *captured], targets)
        return Combination(
            answers=tuple(answer.name or UNUSED for answer in answers), stages=body.stages, result=body.result
        )

    def arm(self, graph: Graph, captured: Sequence[Argument], targets: Sequence[str]) -> Body:
        """An arm, whose results are called as the node's where they are computed in it."""
        made = {value.id for node in graph.nodes for value in node.outputs}
        pairs = zip(graph.outputs, targets, strict=True)
        wanted = {value: target for value, target in reversed([*pairs]) if value in made and target != UNUSED}
        return replace(self, names=self.names.inner()).body(graph, captured, wanted)


def _branches(op: Standing) -> Iterator[tuple[str, Graph]]:
    """The arms that become functions, each with what it is called."""
    match op:
        case Fallback(primary=primary, backup=backup):
            yield from (("primary", primary), ("backup", backup))
        case Shadow(champion=champion, challenger=challenger):
            yield from (("champion", champion), ("challenger", challenger))
        case Quorum(members=members):
            yield from ((f"member_{number}", member) for number, member in enumerate(members, start=1))


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
