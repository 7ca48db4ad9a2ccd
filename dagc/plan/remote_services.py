"""The services of a plan that only its first one calls: the parts of the cut, and what runs them."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from dagc.diagnostics import CompileError, Diagnostic
from dagc.ir.graph import Graph
from dagc.ir.ops import CallStep, ModelKey, RunModel
from dagc.ir.placement import Placement
from dagc.ir.regions import every_node, waits
from dagc.ir.types import Type
from dagc.plan import cut
from dagc.plan.body_limit import LARGEST
from dagc.plan.citations import cited
from dagc.plan.guards import Guards, guards
from dagc.plan.main_names import modules_called, parameters, steps_called, wanted_variables
from dagc.plan.names import Names, word
from dagc.plan.outside import Capacity
from dagc.plan.profile import Profile
from dagc.plan.requirements import requirements
from dagc.plan.resources import drivers, resource_settings, resources
from dagc.plan.service_plan import Limits, Part, Remote, Service, Session
from dagc.plan.sessions import ModelFacts, SessionKey, libraries, replacing, sessions
from dagc.plan.stages import body
from dagc.plan.wire_types import CannotCross, wire_type

RemoteKey = tuple[str, str, str]
"""A service, a graph and a part of it."""

_MAX_QUEUE = 1024
_MOST_ITEMS = 65_536
"""Calls of one request that a part has room for, however long the lists are that they are for."""
_MAX_JSON_DEPTH = 32


def remotes(parts: Sequence[cut.Part], names: Names) -> dict[RemoteKey, Remote]:
    """Every part as the front asks for it, with what main.py calls it.

    Raises:
        CompileError: values that cannot cross (E0519), all of them.
    """
    mistakes = [mistake for part in parts for mistake in _crossing_mistakes(part)]
    if mistakes:
        raise CompileError.of(*mistakes)
    return {_key(part): _remote(part, names) for part in parts}


def remote_services(
    parts: Sequence[cut.Part],
    asked: Mapping[RemoteKey, Remote],
    models: Mapping[ModelKey, ModelFacts],
    sources: Mapping[str, bytes],
    profile: Profile | None,
    build_only: Mapping[str, frozenset[int]],
) -> Iterator[Service]:
    """The services of the parts, in the order they are first asked."""
    placements = {part.placement.name: part.placement for part in parts}
    for name, placement in placements.items():
        own = [part for part in parts if part.placement.name == name]
        yield _service(placement, own, asked, models, sources, profile, build_only)


def _service(
    placement: Placement,
    parts: Sequence[cut.Part],
    asked: Mapping[RemoteKey, Remote],
    models: Mapping[ModelKey, ModelFacts],
    sources: Mapping[str, bytes],
    profile: Profile | None,
    build_only: Mapping[str, frozenset[int]],
) -> Service:
    graphs = [part.graph for part in parts]
    modules = modules_called(graphs, of_graphs=False)
    functions = {_key(part): word(f"{part.graph.name}_{part.name}", "part") for part in parts}
    outside = {known.partition(".")[0] for known in modules.values()} | set(functions.values())
    shared = sessions(graphs, models, Names(outside | wanted_variables(graphs)), profile)
    shared = {key: _batched(session, placement) for key, session in shared.items()}
    outside |= {session.name for session in shared.values()}
    guarded = guards(graphs, Names(outside | wanted_variables(graphs)))
    outside |= {guard.name for guard in guarded.values()}
    made = (
        _part(part, functions[_key(part)], asked[_key(part)], shared, guarded, sources, outside) for part in parts
    )
    asked_for = resources(graphs)
    return Service(
        name=placement.name,
        modules=tuple(sorted(modules.items())),
        endpoints=(),
        sessions=tuple(sorted(shared.values(), key=lambda session: session.name)),
        requirements=requirements(
            sources if modules else {}, build_only, libraries(shared, models) | drivers(asked_for)
        ),
        guards=tuple(sorted(guarded.values(), key=lambda guard: guard.name)),
        settings=(*resource_settings(asked_for), *replacing(shared.values())),
        resources=asked_for,
        capacity=Capacity(
            cpu=placement.cpu,
            memory_mib=placement.memory_mib,
            gpu=placement.gpu,
            replicas=placement.replicas,
        ),
        parts=tuple(made),
    )


def _part(
    part: cut.Part,
    function: str,
    asked: Remote,
    shared: Mapping[SessionKey, Session],
    guarded: Guards,
    sources: Mapping[str, bytes],
    outside: set[str],
) -> Part:
    graph = part.graph
    made = body(graph, shared, guarded, Names(outside | parameters([graph]) | steps_called(graph)), sources)
    return Part(
        name=function,
        graph=graph.name,
        route=asked.route,
        parameters=tuple(value.id for value in graph.inputs),
        takes=asked.takes,
        gives=asked.gives,
        interface=asked.interface,
        stages=made.stages,
        result=made.result,
        returns_tuple=made.returns_tuple,
        waits=any(map(waits, graph.nodes)),
        limits=Limits(
            deadline_s=graph.deadline_s,
            max_body_bytes=LARGEST,
            max_json_depth=_MAX_JSON_DEPTH,
            max_queue=max(_MAX_QUEUE, min(part.items, _MOST_ITEMS)),
        ),
        lines=asked.lines,
    )


def _remote(part: cut.Part, names: Names) -> Remote:
    given = [value.type for value in part.graph.inputs]
    types = part.graph.types()
    gives = [types[value] for value in part.graph.outputs]
    return Remote(
        name=names.take(word(f"{part.placement.name}_{part.name}", "remote")),
        service=part.placement.name,
        route=f"/internal/{part.graph.name}/{part.name}",
        takes=tuple(map(wire_type, given)),
        gives=tuple(map(wire_type, gives)),
        interface=_interface([*given, *gives], len(given)),
        may_repeat=part.may_repeat,
        waits=any(map(waits, part.graph.nodes)),
        items=part.items,
        parts=tuple(dict.fromkeys(_titles(part.graph))),
        lines=cited(span for node in part.graph.nodes for span in node.spans),
    )


def _titles(graph: Graph) -> Iterator[str]:
    for node in every_node(graph):
        if isinstance(node.op, CallStep):
            yield node.op.qualname
        elif isinstance(node.op, RunModel):
            yield from node.op.parts


def _key(part: cut.Part) -> RemoteKey:
    return part.placement.name, part.graph.name, part.name


def _interface(types: Sequence[Type], given: int) -> str:
    """A few characters that change with the types, and with the fields of records in them."""
    return sha256(f"{given} {types!r}".encode()).hexdigest()[:16]


def _batched(session: Session, placement: Placement) -> Session:
    """The session with the numbers that its service was given."""
    if placement.max_batch is None or session.one_by_one:
        return session
    return session.model_copy(update={"max_batch": placement.max_batch, "max_wait_ms": placement.max_wait_ms})


def _crossing_mistakes(part: cut.Part) -> Iterator[Diagnostic]:
    types = part.graph.types()
    values = dict.fromkeys((*(value.id for value in part.graph.inputs), *part.graph.outputs))
    for value in values:
        try:
            wire_type(types[value])
        except CannotCross as type:
            message = (
                f"`{value}` would cross to service `{part.placement}`, and a `{type}` has no form between services"
            )
            help_ = (
                "give it a pydantic model, a dataclass or a tensor for a type, or place both sides on one service"
            )
            yield Diagnostic.at("E0519", message, part.graph.span, "runs there", help=help_)
