"""Optimised graphs to the plan of their services: names decided, limits set, nothing of the IR left behind it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from types import MappingProxyType

from pydantic import JsonValue

from dagc.diagnostics import CompileError, Diagnostic
from dagc.ir.graph import LONGEST_DEADLINE_S, Graph
from dagc.ir.ops import ModelKey
from dagc.ir.regions import waits
from dagc.ir.types import Bytes
from dagc.plan.access import Auth, Ingress
from dagc.plan.annotations import Annotations, annotations
from dagc.plan.body_limit import max_body_bytes
from dagc.plan.callers import access_settings, token_libraries
from dagc.plan.citations import cited
from dagc.plan.cut import cut
from dagc.plan.guards import Guards, guards
from dagc.plan.inference import inference_libraries, open_inference
from dagc.plan.main_names import modules_called, parameters, steps_called, wanted_variables
from dagc.plan.names import Names, name_mistakes
from dagc.plan.placement_mistakes import placement_mistakes
from dagc.plan.prediction import predicted
from dagc.plan.profile import Profile
from dagc.plan.remote_services import RemoteKey, remote_services, remotes
from dagc.plan.requirements import requirements
from dagc.plan.resources import drivers, resource_settings, resources
from dagc.plan.service_plan import Endpoint, Limits, Remote, Service, ServicePlan, Session
from dagc.plan.sessions import ModelFacts, SessionKey, libraries, replacing, sessions
from dagc.plan.stages import body

MAX_JSON_DEPTH = 32
MAX_QUEUE = 1024


@dataclass(frozen=True, slots=True)
class Compiled:
    """An optimised graph and what the plan cannot read off it.

    `body` names the parameter that is the whole JSON body, or is `None`. The schemas are JSON Schemas of the body
    and of the answer. `summary` is the first line of the graph's docstring, `example` a stored request, if any;
    `auth` says who may ask.
    """

    graph: Graph
    body: str | None
    request_schema: JsonValue
    response_schema: JsonValue
    summary: str = ""
    example: JsonValue = None
    auth: tuple[Auth, ...] = ()


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
    ingress: Ingress | None = None,
) -> ServicePlan:
    """The plan of the service that answers for all `graphs` of one file, and of those it calls.

    `models` holds every model the graphs run, `sources` the user's files to carry (posix path -> content). Without
    `name` the service is called as its only graph, or as the module of several. What `profile` does not know is
    estimated. `ingress` is the application in front.

    Raises:
        CompileError: names (E0510), deadlines (E0511), imports (E0503) or values (E0601) no service can hold.
    """
    whole = [compiled.graph for compiled in graphs]
    name = name or (whole[0].name if len(whole) == 1 else whole[0].module.replace(".", "_"))
    mistakes = (*name_mistakes(whole), *_deadline_mistakes(whole), *placement_mistakes(whole, name))
    if mistakes:
        raise CompileError.of(*mistakes)
    cuts = [cut(graph) for graph in whole]
    parts = [part for found in cuts for part in found.parts]
    graphs = [replace(compiled, graph=found.front) for compiled, found in zip(graphs, cuts, strict=True)]
    traced = [compiled.graph for compiled in graphs]
    modules = modules_called(traced, ingress)
    outside = {known.partition(".")[0] for known in modules.values()} | {graph.name for graph in traced}
    shared = sessions(traced, models, Names(outside | wanted_variables(traced)), profile)
    outside |= {session.name for session in shared.values()}
    guarded = guards(traced, Names(outside | wanted_variables(traced)))
    outside |= {guard.name for guard in guarded.values()}
    asked = remotes(parts, Names(outside | wanted_variables(traced)))
    outside |= {remote.name for remote in asked.values()}
    endpoints = [_endpoint(compiled, modules, shared, guarded, sources, outside, asked) for compiled in graphs]
    asked_for = resources(traced)
    service = Service(
        name=name,
        modules=tuple(sorted(modules.items())),
        endpoints=tuple(_timed(endpoint, shared, models, profile) for endpoint in endpoints),
        sessions=tuple(sorted(shared.values(), key=lambda session: session.name)),
        requirements=requirements(
            sources if modules else {},
            build_only,
            libraries(shared, models) | drivers(asked_for) | _callers(endpoints, ingress),
        ),
        guards=tuple(sorted(guarded.values(), key=lambda guard: guard.name)),
        settings=(
            *access_settings(endpoints, ingress),
            *resource_settings(asked_for),
            *replacing(shared.values()),
        ),
        resources=asked_for,
        ingress=ingress,
        calls=tuple(dict.fromkeys(remote.service for remote in asked.values())),
        remotes=tuple(asked.values()),
    )
    others = remote_services(parts, asked, models, sources, profile, build_only)
    return ServicePlan(
        name=service.name,
        dagc_version=dagc_version,
        services=(service, *others),
        sources=tuple((path, sha256(sources[path]).hexdigest()) for path in sorted(sources)),
        remarks=tuple(dict.fromkeys(remarks)),
    )


def _endpoint(
    compiled: Compiled,
    modules: Mapping[str, str],
    shared: Mapping[SessionKey, Session],
    guarded: Guards,
    sources: Mapping[str, bytes],
    outside: set[str],
    asked: Mapping[RemoteKey, Remote],
) -> Endpoint:
    """`outside` are the names of main.py that no variable may hide."""
    graph = compiled.graph
    names = Names(outside | parameters([graph]) | steps_called(graph))
    made = body(graph, shared, guarded, names, sources, {key: remote.name for key, remote in asked.items()})
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
        inference=open_inference(compiled.request_schema, compiled.response_schema),
        auth=compiled.auth,
    )


def _timed(
    endpoint: Endpoint,
    shared: Mapping[SessionKey, Session],
    models: Mapping[ModelKey, ModelFacts],
    profile: Profile | None,
) -> Endpoint:
    """The endpoint with what one request of it is predicted to take."""
    by_name = {session.name: session for session in shared.values()}
    estimates = {f.sha256: f.estimated_ms for f in models.values() if f.estimated_ms is not None}
    parts = predicted(endpoint.name, endpoint.stages, by_name, profile, estimates)
    return endpoint.model_copy(update={"predicted": parts})


def _callers(endpoints: Sequence[Endpoint], ingress: Ingress | None) -> frozenset[str]:
    """Distributions that knowing and answering callers takes."""
    auths = [endpoint.auth for endpoint in endpoints] + ([ingress.auth] if ingress else [])
    return token_libraries(auths) | inference_libraries(endpoint.inference for endpoint in endpoints)


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
        if not (math.isfinite(graph.deadline_s) and 0 < graph.deadline_s <= LONGEST_DEADLINE_S):
            message = f"a deadline of `{graph.deadline_s}` seconds cannot be kept"
            help_ = f"give `deadline_s` a number of seconds above 0 and at most {LONGEST_DEADLINE_S:g}"
            yield Diagnostic.at("E0511", message, graph.span, "declared here", help=help_)
