"""The whole line, from the user's file to the artifact tree. Only this file knows the order."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pydantic import JsonValue, ValidationError

from dagc.artifacts.canonical import json_bytes
from dagc.artifacts.lock import LOCK_NAME, Lock, make_lock, read_lock
from dagc.artifacts.lock import verify as verify_lock
from dagc.artifacts.resolve import resolve
from dagc.artifacts.tree import ArtifactTree
from dagc.backends.requirements import CUDA, CUDA_WITH_LIBRARIES
from dagc.backends.service import render_service
from dagc.diagnostics import CompileError, Diagnostic, Report
from dagc.dsl import auth as dsl_auth
from dagc.dsl.environments import ENVIRONMENTS_NAME, in_every_environment
from dagc.dsl.traced import Traced
from dagc.evaluate.equivalence import Case, Expected, prove
from dagc.evaluate.inputs import requests_beside, seeded_requests
from dagc.evaluate.requests import NamedRequest, stored_requests
from dagc.evaluate.step_times import StepTimes
from dagc.evaluate.thresholds import thresholds
from dagc.evaluate.verdict import Equivalence
from dagc.frontend import check_file, no_collections
from dagc.ir.graph import Graph
from dagc.ir.ops import ModelKey, RunModel
from dagc.ir.regions import every_node
from dagc.models.signature import Port as ModelPort
from dagc.models.signature import Signature
from dagc.models.store import ModelStore
from dagc.passes.keep_shared_models import shared_models
from dagc.passes.pipeline import Optimised, run
from dagc.plan.access import Ingress, KeyAuth, TokenAuth
from dagc.plan.callers import token_libraries
from dagc.plan.inference import inference_libraries, open_inference
from dagc.plan.loop_holders import measured_holders, seen_holders
from dagc.plan.make_plan import Compiled, make_plan
from dagc.plan.pointless_waits import pointless_waits
from dagc.plan.profile import PROFILE_NAME, Profile, outdated, read_profile
from dagc.plan.requirements import requirements
from dagc.plan.resources import drivers, resources
from dagc.plan.service_plan import Port, ServicePlan
from dagc.plan.sessions import ModelFacts

SEED = 20_260_701
"""Seeds the requests every build invents; a fixed number, so that two builds prove the same thing."""

SEEDED_REQUESTS = 64
"""Requests every build invents; fewer for a large graph, so that proving it takes time linear in its nodes too."""

FEWEST_SEEDED_REQUESTS = 8
_NODES_PROVEN = 10_000  # less than a second of both forms

Watch = Callable[[str], None]
"""Told in a few words what is being done now."""

Placed = Callable[[Graph], Graph]
"""The same graph with its nodes on other services."""


def as_written(graph: Graph) -> Graph:
    """The graph with its nodes where the user placed them."""
    return graph


@dataclass(frozen=True, slots=True)
class Planned:
    """A checked file up to its plan: what `dagc plan` shows.

    `profile` is what was measured, `environment` the profile of `dagc.toml` whose numbers it has.
    """

    traced: tuple[Traced, ...]
    optimised: tuple[Optimised, ...]
    requests: tuple[NamedRequest, ...]
    plan: ServicePlan
    lock: Lock | None
    profile: Profile | None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Compilation:
    """A whole build: the plan, the proof of every graph, and the tree to write."""

    planned: Planned
    proofs: tuple[Equivalence, ...]
    tree: ArtifactTree


@no_collections()
def plan_file(
    source: Path,
    report: Report,
    watch: Watch,
    *,
    unmeasured: bool = False,
    placed: Placed = as_written,
    environment: str | None = None,
) -> Planned:
    """The graphs of a file, optimised and planned as services, with the numbers of profile `environment`.

    `unmeasured` leaves profile.json aside, `placed` puts nodes elsewhere than the user did.
    """
    watch("tracing and checking")
    traced = check_file(source, report, environment=environment)
    requests = stored_requests(source.parent)
    watch("fusing and optimising")
    shared = shared_models([graph.graph for graph in traced], traced[0].store)
    with traced[0].store.threads():
        optimised = tuple(run(placed(graph.graph), graph.store, shared=shared) for graph in traced)
    lock = read_lock(source.parent / LOCK_NAME)
    profile = None if unmeasured else read_profile(source.parent / PROFILE_NAME)
    sources = traced[0].sources()
    wanted = requirements(sources, traced[0].build_only, _libraries(traced))
    gpus = _on_gpus(graph.graph for graph in traced)
    report.extend(verify_lock(lock, _models(traced), (*wanted, *([CUDA] if gpus else []))))
    report.stop_on_errors()
    plan = make_plan(
        [_compiled(graph, after, requests) for graph, after in zip(traced, optimised, strict=True)],
        {key: _facts(key, traced[0].store) for key in _session_keys(after.graph for after in optimised)},
        sources,
        dagc_version=version("dagc"),
        build_only=traced[0].build_only,
        remarks=[
            *(remark.message for after in optimised for remark in after.remarks),
            *map(_of_gpu, gpus),
            *([f"numbers are those of profile `{environment}` in {ENVIRONMENTS_NAME}"] if environment else []),
        ],
        profile=profile,
        ingress=_ingress(traced[0]),
    )
    report.extend(found for service in plan.services for found in outdated(profile, service.sessions))
    report.extend(measured_holders([graph.graph for graph in traced], profile))
    report.extend(pointless_waits([after.graph for after in optimised], plan.services))
    return Planned(traced, optimised, requests, plan, lock, profile, environment)


def compile_file(
    source: Path, report: Report, watch: Watch, *, unmeasured: bool = False, environment: str | None = None
) -> Compilation:
    """The build of a file: planned, proven equal to its unfused form, and rendered; see `plan_file`.

    Raises:
        CompileError: a mistake of the user's, or a proof that failed (E0801, E0802, E0804).
    """
    planned = plan_file(source, report, watch, unmeasured=unmeasured, environment=environment)
    watch("proving the fused form equal")
    times = StepTimes()
    store, sessions = planned.traced[0].store, _session_keys(after.graph for after in planned.optimised)
    with store.threads():
        for key in (*_session_keys(graph.graph for graph in planned.traced), *sessions):
            store.begin_loading(key)
        proofs = tuple(
            _prove(graph, after, planned.requests, times)
            for graph, after in zip(planned.traced, planned.optimised, strict=True)
        )
    for graph, proof in zip(planned.traced, proofs, strict=True):
        report.extend(proof.diagnostics(graph.graph.span))
    report.extend(seen_holders([graph.graph for graph in planned.traced], times.medians_s(), planned.profile))
    report.stop_on_errors()
    watch("rendering")
    models = {str(key): store.get(key) for key in sessions}
    tree = render_service(planned.plan, models, planned.traced[0].sources(), lock=planned.lock)
    verdicts: JsonValue = [proof.model_dump(mode="json") for proof in proofs]
    return Compilation(planned, proofs, tree.merge(ArtifactTree({"equivalence.json": json_bytes(verdicts)})))


def lock_file(source: Path, report: Report, watch: Watch) -> Lock:
    """The lock of a file's models and requirements; resolving these is the one step that needs a network."""
    traced = check_file(source, report)
    watch("resolving requirements")
    libraries = _libraries(traced)
    # The service runs the very onnxruntime, and operators, that the build's proof was made with.
    proven_with = [f"{name}=={version(name)}" for name in ("onnxruntime", *libraries)]
    wanted = [*requirements(traced[0].sources(), traced[0].build_only, libraries), *proven_with]
    # onnxruntime for GPUs appears later or never: that version, or else the newest before it (W0506).
    everywhere = in_every_environment([graph.graph for graph in traced], traced[0].root)
    on_gpus = [f"{CUDA_WITH_LIBRARIES}<={version('onnxruntime')}"] if _on_gpus(everywhere) else []
    pins = resolve([*wanted, *on_gpus])
    return make_lock(_models(traced), pins, dagc_version=version("dagc"))


def _models(traced: tuple[Traced, ...]) -> dict[str, bytes]:
    return {path: graph.store.get(key) for graph in traced for path, key in graph.models.items()}


def _on_gpus(graphs: Iterable[Graph]) -> tuple[str, ...]:
    """The names of the services that were given GPUs."""
    places = (node.placement for graph in graphs for node in every_node(graph))
    return tuple(sorted({place.name for place in places if place is not None and place.gpu}))


def _of_gpu(service: str) -> str:
    return f"`{service}` runs its models by CUDA, or on a CPU without it; this build was proven on a CPU"


def _libraries(traced: tuple[Traced, ...]) -> tuple[str, ...]:
    """The distributions that hold operators of the models, drive resources, read tokens and answer over gRPC."""
    driving = drivers(resources([graph.graph for graph in traced]))
    found = (graph.store.library(key) for graph in traced for key in graph.models.values())
    front = traced[0].ingress
    auths = [_auth(graph.auth) for graph in traced] + ([_auth(front.auth)] if front else [])
    forms = (open_inference(graph.request_schema(), graph.response_schema()) for graph in traced)
    asked_for = token_libraries(auths) | driving | inference_libraries(forms)
    return tuple(sorted({library for library in found if library is not None} | asked_for))


def _auth(auth: tuple[dsl_auth.Auth, ...]) -> tuple[KeyAuth | TokenAuth, ...]:
    """Ways of knowing callers as a plan says them."""
    return tuple(
        KeyAuth(setting=way.setting)
        if isinstance(way, dsl_auth.ApiKey)
        else TokenAuth(setting=way.setting, issuer=way.issuer, audience=way.audience, scopes=way.scopes)
        for way in auth
    )


def _ingress(traced: Traced) -> Ingress | None:
    """The application in front, as a plan says it."""
    front = traced.ingress
    if front is None:
        return None
    return Ingress(
        module=front.module,
        name=front.name,
        auth=_auth(front.auth),
        open=front.open,
        max_body_bytes=front.max_body_bytes,
        line=front.line,
    )


def _session_keys(graphs: Iterable[Graph]) -> list[ModelKey]:
    nodes = (node for graph in graphs for node in every_node(graph))
    return list(dict.fromkeys(node.op.model for node in nodes if isinstance(node.op, RunModel)))


def _facts(key: ModelKey, store: ModelStore) -> ModelFacts:
    signature = store.signature(key)
    feeds = tuple(_port(signature, port) for port in signature.inputs)
    fetches = tuple(_port(signature, port) for port in signature.outputs)
    shared = store.shared_inputs(key)
    agreed_on = tuple(feed.name for feed in feeds if feed.name in shared)
    mixing, estimated_ms, library = store.mixing(key), store.estimated_ms(key), store.library(key)
    return ModelFacts(feeds, fetches, key, mixing, estimated_ms, library, agreed_on)


def _port(signature: Signature, port: ModelPort) -> Port:
    example = signature.example(port)
    return Port(name=port.name, dtype=str(example.dtype), dims=example.dims)


def _compiled(traced: Traced, after: Optimised, requests: tuple[NamedRequest, ...]) -> Compiled:
    own = (r.stored.request for r in requests if r.stored.graph in (None, traced.graph.name))
    return Compiled(
        after.graph,
        traced.body,
        traced.request_schema(),
        traced.response_schema(),
        traced.summary(),
        next(own, None),
        _auth(traced.auth),
    )


def _prove(traced: Traced, after: Optimised, requests: tuple[NamedRequest, ...], times: StepTimes) -> Equivalence:
    with traced.importable():  # a step may import a neighbouring file while it runs
        return prove(
            traced.graph,
            after.graph,
            list(_cases(traced, requests)),
            store=traced.store,
            steps=times.timed(traced.steps),
            encode=traced.answer,
            misfit=traced.misfit,
            seed=SEED,
        )


def _cases(traced: Traced, requests: tuple[NamedRequest, ...]) -> Iterator[Case]:
    """The user's own requests, then invented ones; an invented one that the types refuse is left out."""
    for named in requests:
        stored = named.stored
        if stored.graph in (None, traced.graph.name):
            expected = Expected(stored.response, stored.tolerance) if stored.answered else None
            yield Case(named.name, _arguments(traced, named), expected)
    size = sum(1 for _ in every_node(traced.graph)) or 1
    count = min(SEEDED_REQUESTS, max(FEWEST_SEEDED_REQUESTS, _NODES_PROVEN // size))
    schema, decides_by = traced.request_schema(), thresholds(traced.graph)
    bodies = [(f"seeded {number}", body) for number, body in enumerate(seeded_requests(schema, count, SEED))]
    if decides_by:
        beside = requests_beside(decides_by, schema, count // 2, SEED)
        bodies += [(f"seeded beside {number}", body) for number, body in enumerate(beside)]
    for name, body in bodies:
        try:
            yield Case(name, traced.arguments(body))
        except ValidationError:
            continue


def _arguments(traced: Traced, named: NamedRequest) -> Mapping[str, object]:
    try:
        return traced.arguments(named.stored.request)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"the types of `{traced.graph.name}` refuse the stored request `{named.name}`"
        note = f"`{place}`: {first['msg']}" if place else first["msg"]
        found = Diagnostic.at(
            "E0805", message, traced.graph.span, "its parameters say what it takes", notes=(note,)
        )
        raise CompileError.of(found, root=str(traced.root)) from None
