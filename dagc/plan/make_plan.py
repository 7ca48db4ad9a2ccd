"""Optimised graphs to the plan of one service: names decided, limits set, nothing of the IR left behind it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

from pydantic import JsonValue

from dagc.diagnostics import CompileError, Diagnostic
from dagc.ir.branching import Shadow
from dagc.ir.graph import Graph
from dagc.ir.ops import CallStep, ModelKey
from dagc.ir.regions import every_node, waits, walk
from dagc.ir.types import Bytes
from dagc.plan.annotations import Annotations, annotations
from dagc.plan.body_limit import max_body_bytes
from dagc.plan.citations import cited
from dagc.plan.guards import Guards, guards
from dagc.plan.names import MAIN_NAMES, Names, name_mistakes, word
from dagc.plan.prediction import predicted
from dagc.plan.profile import Profile
from dagc.plan.requirements import requirements
from dagc.plan.service_plan import Endpoint, Limits, Service, ServicePlan, Session
from dagc.plan.sessions import ModelFacts, sessions
from dagc.plan.stages import body

MAX_JSON_DEPTH = 32
MAX_QUEUE = 1024
_LONGEST_DEADLINE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Compiled:
    """An optimised graph and what the plan cannot read off it.

    `body` names the parameter that is the whole JSON body, or is `None`. The schemas are JSON Schemas of the body
    and of the answer. `summary` is the first line of the graph's docstring, `example` a stored request, if any.
    """

    graph: Graph
    body: str | None
    request_schema: JsonValue
    response_schema: JsonValue
    summary: str = ""
    example: JsonValue = None


def make_plan(
    graphs: Sequence[Compiled],
    models: Mapping[ModelKey, ModelFacts],
    sources: Mapping[str, bytes],
    *,
    dagc_version: str,
    remarks: Sequence[str] = (),
    name: str | None = None,
    build_only: Mapping[str, frozenset[int]] = MappingProxyType({}),
    profile: Profile | None = None,
) -> ServicePlan:
    """The plan of one service that answers for all `graphs` of one file.

    `models` holds every model the graphs run, `sources` the user's files to carry (posix path -> content). Without
    `name` the service is called as its only graph, or as the module of several. What `profile` does not know is
    estimated.

    Raises:
        CompileError: names (E0510), deadlines (E0511), imports (E0503) or values (E0601) no service can hold.
    """
    traced = [compiled.graph for compiled in graphs]
    mistakes = (*name_mistakes(traced), *_deadline_mistakes(traced))
    if mistakes:
        raise CompileError.of(*mistakes)
    modules = _modules(traced)
    outside = {known.partition(".")[0] for known in modules.values()} | {graph.name for graph in traced}
    shared = sessions(traced, models, Names(outside | _wanted_variables(traced)), profile)
    outside |= {session.name for session in shared.values()}
    guarded = guards(traced, Names(outside | _wanted_variables(traced)))
    outside |= {guard.name for guard in guarded.values()}
    endpoints = (_endpoint(compiled, modules, shared, guarded, sources, outside) for compiled in graphs)
    service = Service(
        name=name or (traced[0].name if len(traced) == 1 else traced[0].module.replace(".", "_")),
        modules=tuple(sorted(modules.items())),
        endpoints=tuple(_timed(endpoint, shared, models, profile) for endpoint in endpoints),
        sessions=tuple(sorted(shared.values(), key=lambda session: session.name)),
        requirements=requirements(sources, build_only, {m.library for m in models.values() if m.library}),
        guards=tuple(sorted(guarded.values(), key=lambda guard: guard.name)),
    )
    return ServicePlan(
        name=service.name,
        dagc_version=dagc_version,
        services=(service,),
        sources=tuple((path, sha256(sources[path]).hexdigest()) for path in sorted(sources)),
        remarks=tuple(remarks),
    )


def _endpoint(
    compiled: Compiled,
    modules: Mapping[str, str],
    shared: Mapping[ModelKey, Session],
    guarded: Guards,
    sources: Mapping[str, bytes],
    outside: set[str],
) -> Endpoint:
    """`outside` are the names of main.py that no variable may hide."""
    graph = compiled.graph
    made = body(graph, shared, guarded, Names(outside | _parameters([graph]) | _steps(graph)), sources)
    written = _annotations(graph, modules, sources)
    return Endpoint(
        name=graph.name,
        version=graph.version,
        route=f"/v1/{graph.name}",
        module=graph.module,
        parameters=tuple(value.id for value in graph.inputs),
        body=compiled.body,
        stages=made.stages,
        result=made.result,
        returns_tuple=made.returns_tuple,
        waits=any(map(waits, graph.nodes)),
        limits=_limits(compiled),
        request_schema=compiled.request_schema,
        response_schema=compiled.response_schema,
        summary=compiled.summary,
        line=cited((graph.span,))[0],
        annotations=tuple(written.parameters.get(value.id) for value in graph.inputs),
        returns=written.returns,
        example=compiled.example,
        takes_bytes=[value.type for value in graph.inputs] == [Bytes()],
    )


def _timed(
    endpoint: Endpoint,
    shared: Mapping[ModelKey, Session],
    models: Mapping[ModelKey, ModelFacts],
    profile: Profile | None,
) -> Endpoint:
    """The endpoint with what one request of it is predicted to take."""
    by_name = {session.name: session for session in shared.values()}
    estimates = {f.sha256: f.estimated_ms for f in models.values() if f.estimated_ms is not None}
    parts = predicted(endpoint.name, endpoint.stages, by_name, profile, estimates)
    return endpoint.model_copy(update={"predicted": parts})


def _modules(graphs: Sequence[Graph]) -> dict[str, str]:
    """The modules main.py calls into, each with a name no graph and no parameter hides."""
    nodes = [node.op for graph in graphs for node in every_node(graph)]
    steps = {module for op in nodes if isinstance(op, CallStep) for module in _modules_of(op)}
    compared = {op.compare[0] for op in nodes if isinstance(op, Shadow) and op.compare is not None}
    called = sorted({graph.module for graph in graphs} | steps | compared)
    hidden = {graph.name for graph in graphs} | _parameters(graphs) | MAIN_NAMES
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
    return (step.module,) if fallback is None else (step.module, fallback[0])


def _parameters(graphs: Sequence[Graph]) -> set[str]:
    return {str(value.id) for graph in graphs for value in graph.inputs}


def _steps(graph: Graph) -> set[str]:
    """Names of steps: a result called as the step that made it would read as the step itself."""
    return {node.op.qualname for node in every_node(graph) if isinstance(node.op, CallStep)}


def _wanted_variables(graphs: Sequence[Graph]) -> set[str]:
    """Names the user gave to values: a session of the same name is the one that is called otherwise."""
    return {str(value.id) for graph in graphs for found in walk(graph) for value in found.values()}


def _annotations(graph: Graph, modules: Mapping[str, str], sources: Mapping[str, bytes]) -> Annotations:
    return annotations(sources.get(graph.span.file, b""), graph.name, modules[graph.module])


def _limits(compiled: Compiled) -> Limits:
    return Limits(
        deadline_s=compiled.graph.deadline_s,
        max_body_bytes=max_body_bytes(compiled.request_schema),
        max_json_depth=MAX_JSON_DEPTH,
        max_queue=MAX_QUEUE,
    )


def _deadline_mistakes(graphs: Sequence[Graph]) -> Iterator[Diagnostic]:
    for graph in graphs:
        if not (math.isfinite(graph.deadline_s) and 0 < graph.deadline_s <= _LONGEST_DEADLINE_S):
            message = f"a deadline of `{graph.deadline_s}` seconds cannot be kept"
            help_ = f"give `deadline_s` a number of seconds above 0 and at most {_LONGEST_DEADLINE_S:g}"
            yield Diagnostic.at("E0511", message, graph.span, "declared here", help=help_)
