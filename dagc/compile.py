"""The whole line, from the user's file to the artifact tree. Only this file knows the order."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pydantic import JsonValue

from dagc.artifacts.canonical import json_bytes
from dagc.artifacts.lock import LOCK_NAME, Lock, make_lock, read_lock
from dagc.artifacts.lock import verify as verify_lock
from dagc.artifacts.resolve import resolve
from dagc.artifacts.tree import ArtifactTree
from dagc.backends.requirements import CUDA, CUDA_WITH_LIBRARIES
from dagc.backends.service import render_service
from dagc.diagnostics import Report
from dagc.dsl.environments import ENVIRONMENTS_NAME, in_every_environment
from dagc.dsl.traced import Traced
from dagc.evaluate.requests import NamedRequest, stored_requests
from dagc.evaluate.step_times import StepTimes
from dagc.evaluate.verdict import Equivalence
from dagc.frontend import check_file, no_collections
from dagc.ir.graph import Graph
from dagc.ir.models_run import models_run
from dagc.passes.keep_shared_models import shared_models
from dagc.passes.pipeline import Optimised, run
from dagc.plan.loop_holders import measured_holders, seen_holders
from dagc.plan.make_plan import make_plan
from dagc.plan.pointless_waits import pointless_waits
from dagc.plan.profile import PROFILE_NAME, Profile, outdated, read_profile
from dagc.plan.requirements import requirements
from dagc.plan.service_plan import ServicePlan
from dagc.plan_facts import compiled, ingress, libraries, model_facts, on_gpus
from dagc.proofs import proofs

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
    wanted = requirements(sources, traced[0].build_only, libraries(traced))
    gpus = on_gpus(graph.graph for graph in traced)
    report.extend(verify_lock(lock, _models(traced), (*wanted, *([CUDA] if gpus else []))))
    report.stop_on_errors()
    plan = make_plan(
        [compiled(graph, after.graph, requests) for graph, after in zip(traced, optimised, strict=True)],
        model_facts((after.graph for after in optimised), traced[0].store),
        sources,
        dagc_version=version("dagc"),
        build_only=traced[0].build_only,
        remarks=[
            *(remark.message for after in optimised for remark in after.remarks),
            *map(_of_gpu, gpus),
            *([f"numbers are those of profile `{environment}` in {ENVIRONMENTS_NAME}"] if environment else []),
        ],
        profile=profile,
        ingress=ingress(traced[0]),
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
    fused = [after.graph for after in planned.optimised]
    found = proofs(planned.traced, fused, planned.requests, times)
    planned.traced[0].store.unload()
    for graph, proof in zip(planned.traced, found, strict=True):
        report.extend(proof.diagnostics(graph.graph.span))
    report.extend(seen_holders([graph.graph for graph in planned.traced], times.medians_s(), planned.profile))
    report.stop_on_errors()
    watch("rendering")
    models = {str(key): planned.traced[0].store.get(key) for key in models_run(fused)}
    tree = render_service(planned.plan, models, planned.traced[0].sources(), lock=planned.lock)
    verdicts: JsonValue = [proof.model_dump(mode="json") for proof in found]
    return Compilation(planned, found, tree.merge(ArtifactTree({"equivalence.json": json_bytes(verdicts)})))


def lock_file(source: Path, report: Report, watch: Watch) -> Lock:
    """The lock of a file's models and requirements; resolving these is the one step that needs a network."""
    traced = check_file(source, report)
    watch("resolving requirements")
    loaded = libraries(traced)
    # The service runs the very onnxruntime, and operators, that the build's proof was made with.
    proven_with = [f"{name}=={version(name)}" for name in ("onnxruntime", *loaded)]
    wanted = [*requirements(traced[0].sources(), traced[0].build_only, loaded), *proven_with]
    # onnxruntime for GPUs appears later or never: that version, or else the newest before it (W0506).
    everywhere = in_every_environment([graph.graph for graph in traced], traced[0].root)
    for_gpus = [f"{CUDA_WITH_LIBRARIES}<={version('onnxruntime')}"] if on_gpus(everywhere) else []
    pins = resolve([*wanted, *for_gpus])
    return make_lock(_models(traced), pins, dagc_version=version("dagc"))


def _models(traced: tuple[Traced, ...]) -> dict[str, bytes]:
    return {path: graph.store.get(key) for graph in traced for path, key in graph.models.items()}


def _of_gpu(service: str) -> str:
    return f"`{service}` runs its models by CUDA, or on a CPU without it; this build was proven on a CPU"
