"""Deploying on one engine: a release is built, started and healthy before the one before it goes.

Both stand behind the same door for a moment, so nobody's request fails; the earlier one stays, stopped, for a
rollback. Whatever happens before the new release is healthy leaves the old one as it was.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256

from dagc.deploy import door, images, starting
from dagc.deploy.built_tree import BuiltService, BuiltTree
from dagc.deploy.door import Address
from dagc.deploy.engine import Engine
from dagc.deploy.progress import Progress
from dagc.deploy.releases import DEPLOYMENT, Deployment, Release, deployment, labels
from dagc.deploy.service_image import ServiceImage, service_image
from dagc.diagnostics import CompileError, Diagnostic

DEFAULT_ADDRESS = Address("127.0.0.1", 8000)
"""Of the first service; the others follow on the next ports."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may say about a deployment beyond its build. An address not said stays as it is."""

    host: str | None = None
    port: int | None = None
    base: str | None = None
    memory_mib: int | None = None
    cpus: float | None = None
    timeout_s: float = 60.0
    given: starting.Given = starting.NOTHING


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployment did: the release that serves now, where, and the one before it."""

    name: str
    number: int
    addresses: dict[str, Address]
    changed: bool
    images: tuple[ServiceImage, ...]


def deploy(engine: Engine, tree: BuiltTree, options: Options, progress: Progress) -> Deployed:
    """Make the release of `tree` the one that serves.

    Raises:
        CompileError: E0701, E0710 to E0722; the release before is then still serving.
    """
    base = options.base or tree.base
    services = tuple(_sized(service, options) for service in tree.services)
    made = tuple(service_image(engine, service, base, progress) for service in services)
    before = deployment(engine, tree.name)
    addresses = _addresses(before, services, options)
    content = _content(services, made, options.given)
    number = before.next_number
    place = starting.Place(tree.name, content, number)
    with _undone_on_failure(engine, tree.name) as created:
        for service in services:
            at, old = addresses[service.name], before.doors.get(service.name)
            door.ensure_door(engine, tree.name, service.name, at, base, progress, old)
        if before.current is not None and before.current.content == content:
            return Deployed(tree.name, before.current.number, addresses, changed=False, images=made)
        for service, image in zip(services, made, strict=True):
            network = _network(engine, tree, service)
            created.append(starting.create(engine, service, image.image.id, place, options.given, network))
        for service, container in zip(services, created, strict=True):
            starting.start_healthy(engine, service.name, container, options.timeout_s, progress)
    _retire(engine, before, progress)
    return Deployed(tree.name, number, addresses, changed=True, images=made)


def rollback(engine: Engine, found: Deployment, timeout_s: float, progress: Progress) -> Release:
    """Start the release before the current one, then stop the current one; the release that serves now.

    Raises:
        CompileError: there is none (E0718), or it does not start (E0714, E0715): the current one then goes on.
    """
    back = found.previous
    if back is None:
        message = f"`{found.name}` has no earlier release to go back to"
        raise CompileError.of(Diagnostic("E0718", message, help="deploy the graph of that time again"))
    try:
        for service, container in back.containers.items():
            starting.start_healthy(engine, service, container.id, timeout_s, progress)
    except BaseException:
        for container in back.containers.values():
            engine.stop(container.id)
        raise
    for container in found.current.containers.values() if found.current else ():
        engine.stop(container.id)
    return back


def down(engine: Engine, found: Deployment) -> None:
    """Stop and remove all containers, networks and volumes of a deployment; images stay."""
    containers = [each for release in found.releases for each in release.containers.values()]
    for container in containers:
        if container.running:
            engine.stop(container.id)
    for container in (*containers, *found.doors.values()):
        engine.remove(container.id)
    engine.remove_networks_and_volumes({DEPLOYMENT: found.name})


def _sized(service: BuiltService, options: Options) -> BuiltService:
    runs = service.runs
    if options.memory_mib is not None:
        memory = f"{options.memory_mib}m"
        runs = runs.model_copy(update={"mem_limit": memory, "memswap_limit": memory})
    if options.cpus is not None:
        runs = runs.model_copy(update={"cpus": options.cpus})
    return replace(service, runs=runs)


def _content(services: tuple[BuiltService, ...], made: tuple[ServiceImage, ...], given: starting.Given) -> str:
    """What tells releases apart: the images, and how they run. Of a secret it knows when it changed, not what."""
    runs = [service.runs.model_dump(mode="json") for service in services]
    secrets = [[name, str(file), file.stat().st_mtime_ns] for name, file in sorted(given.secrets.items())]
    told = json.dumps([runs, [image.image.id for image in made], dict(given.variables), secrets], sort_keys=True)
    return sha256(told.encode()).hexdigest()[:12]


def _addresses(before: Deployment, services: tuple[BuiltService, ...], options: Options) -> dict[str, Address]:
    """Each service's address: as said, else where it is, else the default."""
    found = {}
    for number, service in enumerate(services):
        held = before.doors.get(service.name)
        now = (door.address(held) if held else None) or replace(
            DEFAULT_ADDRESS, port=DEFAULT_ADDRESS.port + number
        )
        port = now.port if options.port is None else options.port + number
        found[service.name] = Address(options.host or now.host, port)
    return found


def _network(engine: Engine, tree: BuiltTree, service: BuiltService) -> str:
    """None at all, unless a step of the service waits for the world."""
    if not service.needs_network:
        return "none"
    name = f"dagc-{tree.name}-{service.name}"
    engine.ensure_network(name, labels(tree.name, service.name, "service"), way_out=True)
    return name


@contextmanager
def _undone_on_failure(engine: Engine, name: str) -> Iterator[list[str]]:
    """Takes the containers of a release that is being made; they go, and a door nobody needs, when it fails."""
    created: list[str] = []
    try:
        yield created
    except BaseException:
        for container in created:
            engine.remove(container)
        left = deployment(engine, name)
        if not left.releases:
            down(engine, left)
        raise


def _retire(engine: Engine, before: Deployment, progress: Progress) -> None:
    """Stop what served; it stays for a rollback, and what was kept beside it goes, with images nobody uses."""
    served = before.current or before.previous
    for release in before.releases:
        for name, container in release.containers.items():
            if container.running:
                progress(f"stop {name}, release {release.number}", 0, 1)
                engine.stop(container.id)
                progress(f"stop {name}, release {release.number}", 1, 1)
            if release is not served:
                engine.remove(container.id)
                images.remove_unused(engine, container.image)
