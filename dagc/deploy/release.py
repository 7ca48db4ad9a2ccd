"""Deploying on one engine: a release is built, started and healthy before the one before it goes.

Both stand behind the same door for a moment, so nobody's request fails; the earlier one stays, stopped, for a
rollback. Whatever happens before the new release is healthy leaves the old one as it was. A service that did not
change, and calls none that did, goes on as it is.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256

from dagc.deploy import door, images
from dagc.deploy.built_tree import BuiltService, BuiltTree
from dagc.deploy.door import Address
from dagc.deploy.engine import Container, Engine
from dagc.deploy.given import NOTHING, SECRETS, Given, needed_is_given
from dagc.deploy.progress import Progress
from dagc.deploy.refusals import no_gpu
from dagc.deploy.releases import (
    CALLS,
    DEPLOYMENT,
    DOOR,
    GRPC_DOOR,
    RELEASE,
    ROLE,
    SERVICE,
    Deployment,
    Release,
    deployment,
)
from dagc.deploy.service_container import Place, create
from dagc.deploy.service_image import ServiceImage, Wish, service_image
from dagc.deploy.starting import start_healthy
from dagc.diagnostics import CompileError, Diagnostic

_STAGES_KEPT = 4
"""Of builds' packages, 130 MiB each: a change of glue finds them, and an old one makes room."""
DEFAULT_ADDRESS = Address("127.0.0.1", 8000)


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may say about a deployment beyond its build. An address not said stays as it is."""

    host: str | None = None
    port: int | None = None
    grpc_port: int | None = None
    """0: none any more."""
    models: str | None = None
    """A folder of the engine's machine whose files replace models; also this stays as it is."""
    base: str | None = None
    platform: str | None = None
    memory_mib: int | None = None
    cpus: float | None = None
    timeout_s: float = 60.0
    given: Given = NOTHING


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployment did: the release that serves now, where, and which of its services are new."""

    name: str
    number: int
    address: Address
    grpc: Address | None
    changed: tuple[str, ...]
    images: tuple[ServiceImage, ...]


def deploy(engine: Engine, tree: BuiltTree, options: Options, progress: Progress) -> Deployed:
    """Make the release of `tree` the one that serves.

    Raises:
        CompileError: E0701, E0710 to E0730; the release before is then still serving.
    """
    needed_is_given(tree.services, options.given)
    _has_what_is_asked_for(tree, options)
    if any(service.runs.gpus for service in tree.services) and not engine.gives_gpus():
        raise CompileError.of(no_gpu())
    wish = Wish(options.base or tree.base, options.platform, tree.lock.system, tree.lock.system_files)
    tree = replace(tree, services=tuple(_sized(service, options) for service in tree.services))
    before = deployment(engine, tree.name)
    doors = _doors(tree, before, options)
    with _undone_on_failure(engine, before, wish.base, progress) as (created, opened):
        for kind, at in doors.items():  # a port in use is told before a build
            if door.ensure_door(engine, before, kind, at, wish.base, progress):
                opened.append(kind)
        made = {service.name: service_image(engine, service, wish, progress) for service in tree.services}
        with _without_new_images_on_failure(engine, made.values(), created):
            containers = _containers(engine, tree, made, before, options, created)
            for container in created:
                start_healthy(engine, container.labels[SERVICE], container.id, options.timeout_s, progress)
    number = before.next_number if created or before.current is None else before.current.number
    _retire(engine, before, frozenset(each.name for each in containers), progress)
    if GRPC_DOOR not in doors:
        for closed in before.doors(GRPC_DOOR):
            engine.remove(closed.id)
    changed = tuple(dict.fromkeys(container.labels[SERVICE] for container in created))
    return Deployed(tree.name, number, doors[DOOR], doors.get(GRPC_DOOR), changed, tuple(made.values()))


def rollback(engine: Engine, found: Deployment, timeout_s: float, progress: Progress) -> Release:
    """Start the release before the current one, then stop the current one; the release that serves now.

    Raises:
        CompileError: there is none (E0718), or it does not start (E0714, E0715): the current one then goes on.
    """
    back = found.previous
    if back is None:
        message = f"`{found.name}` has no earlier release to go back to"
        raise CompileError.of(Diagnostic("E0718", message, help="deploy the graph of that time again"))
    door.reopen(engine, found)
    stopped = [container for container in back.containers if not (container.running and container.restarts)]
    try:
        for container in stopped:
            start_healthy(engine, container.labels[SERVICE], container.id, timeout_s, progress)
    except BaseException:
        for container in reversed(stopped):
            engine.stop(container.id)
        raise
    for container in found.callers_first:
        if container.running and container.name not in back.names:
            engine.stop(container.id)
    return back


def down(engine: Engine, found: Deployment, *, with_images: bool = False) -> tuple[str, ...]:
    """Stop and remove all containers, networks and volumes of a deployment, and its images if asked.

    A network that others are in stays: the names of these.
    """
    containers = found.callers_first
    for container in containers:
        if container.running:
            engine.stop(container.id)
    for container in (*containers, *found.others):
        engine.remove(container.id)
    shared = engine.remove_unused({DEPLOYMENT: found.name})
    if with_images:
        for image in {container.image for container in containers}:
            images.remove_unused(engine, image)
        images.remove_stages(engine, keep=0)
    return shared


def _sized(service: BuiltService, options: Options) -> BuiltService:
    runs = service.runs
    if options.memory_mib is not None:
        memory = f"{options.memory_mib}m"
        runs = runs.model_copy(update={"mem_limit": memory, "memswap_limit": memory})
    if options.cpus is not None:
        runs = runs.model_copy(update={"cpus": options.cpus})
    return replace(service, runs=runs)


def _has_what_is_asked_for(tree: BuiltTree, options: Options) -> None:
    if options.grpc_port and not tree.front.speaks_grpc:
        message = f"no graph of `{tree.front.name}` is one of tensors, and gRPC reaches no others"
        raise CompileError.of(Diagnostic("E0728", message, help="leave out `--grpc-port`; `dagc plan` says why"))
    if options.models is not None and not any(service.follows_models for service in tree.services):
        message = f"no model of `{tree.name}` may be replaced while it serves"
        help_ = "leave out `--models`, or write `reload=True` at the model"
        raise CompileError.of(Diagnostic("E0729", message, help=help_))


def _doors(tree: BuiltTree, before: Deployment, options: Options) -> dict[str, Address]:
    """Where each kind of door is to be: as said, else where it is, else the default; gRPC only where wanted."""
    was = {kind: door.address(each) for kind in (DOOR, GRPC_DOOR) if (each := before.door(kind)) is not None}
    now, grpc = was.get(DOOR) or DEFAULT_ADDRESS, was.get(GRPC_DOOR)
    host = options.host or now.host
    found = {DOOR: Address(host, now.port if options.port is None else options.port)}
    port = (grpc.port if grpc else 0) if options.grpc_port is None else options.grpc_port
    return found | ({GRPC_DOOR: Address(host, port)} if port and tree.front.speaks_grpc else {})


def _containers(
    engine: Engine,
    tree: BuiltTree,
    made: Mapping[str, ServiceImage],
    before: Deployment,
    options: Options,
    created: list[Container],
) -> list[Container]:
    """All containers of the release, callees first: those that stand as wanted, and new ones (`created`)."""
    found: dict[str, tuple[Container, ...]] = {}
    for service in tree.callees_first:
        own = options.given.of(service, tree.services)
        models = (options.models or before.models) if service.follows_models else ""
        place = Place(
            deployment=tree.name,
            number=before.next_number,
            content=_content(service, made[service.name], own, models),
            models=models,
            callees={callee: found[callee] for callee in sorted(service.calls)},
            is_front=service.name == tree.front.name,
        )
        standing = before.current.of(service.name) if before.current else ()
        if not _as_wanted(engine, standing, service, place, own):
            standing = create(engine, service, made[service.name].image.id, place, own, created)
        found[service.name] = standing
    return [container for containers in found.values() for container in containers]


def _content(service: BuiltService, made: ServiceImage, given: Given, models: str) -> str:
    """What tells a container from another of its service: the image, and how it runs; of secrets nothing."""
    told = [service.runs.model_dump(mode="json"), made.image.id, dict(given.variables), models]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def _as_wanted(
    engine: Engine, standing: tuple[Container, ...], service: BuiltService, place: Place, given: Given
) -> bool:
    """True when these containers are what would be made: their content, what they call and their secrets."""
    if len(standing) != service.runs.replicas:
        return False
    told = {(container.labels[RELEASE], container.labels[CALLS]) for container in standing}
    if told != {(place.content, place.called)}:
        return False
    return engine.get_files(standing[0].id, SECRETS) == dict(given.secrets)


@contextmanager
def _undone_on_failure(
    engine: Engine, before: Deployment, base: str, progress: Progress
) -> Iterator[tuple[list[Container], list[str]]]:
    """Takes the containers of a release that is being made, and the kinds of doors that were opened for it.

    When it fails these go, doors back to where they were, and nothing else: another deployment may be at work.
    """
    created: list[Container] = []
    opened: list[str] = []
    try:
        yield created, opened
    except BaseException:
        for container in reversed(created):
            engine.remove(container.id)
        _doors_back(engine, before, opened, base, progress)
        engine.remove_unused({DEPLOYMENT: before.name})
        raise


@contextmanager
def _without_new_images_on_failure(
    engine: Engine, made: Iterable[ServiceImage], created: list[Container]
) -> Iterator[None]:
    """What was built for a release that does not come to serve goes with its containers."""
    try:
        yield
    except BaseException:
        for container in reversed(created):
            engine.remove(container.id)
        for each in made:
            if each.made:
                images.remove_unused(engine, each.name)
        raise


def _doors_back(engine: Engine, before: Deployment, opened: Iterable[str], base: str, progress: Progress) -> None:
    """Moves a door that was moved to where it was, and closes one that was not there."""
    now = deployment(engine, before.name)
    for kind in (DOOR, GRPC_DOOR):
        if (at := door.open_at(before, kind)) is not None:
            door.ensure_door(engine, now, kind, at, base, progress)
        elif kind in opened and before.door(kind) is None:
            for new in now.doors(kind):
                engine.remove(new.id)


def _retire(engine: Engine, before: Deployment, wanted: frozenset[str], progress: Progress) -> None:
    """Stop whatever runs beside the containers `wanted`, which serve now.

    The release that served stays for a rollback, or what stayed before where this one did; all else goes, what a
    deployment that was killed has left too, with images nobody uses.
    """
    past = (each for each in (before.current, before.previous) if each is not None and each.names != wanted)
    kept = wanted | next((each.names for each in past), frozenset())
    for container in before.callers_first:
        if container.running and container.name not in wanted:
            task = f"stop {container.labels[SERVICE]}"
            progress(task, 0, 1)
            engine.stop(container.id)
            progress(task, 1, 1)
        if container.name not in kept:
            engine.remove(container.id)
            images.remove_unused(engine, container.image)
    for left in before.others:
        if left.labels.get(ROLE) not in {DOOR, GRPC_DOOR}:
            engine.remove(left.id)
    images.remove_stages(engine, _STAGES_KEPT)
    engine.remove_unused({DEPLOYMENT: before.name})
