"""Releases on an engine, told by labels alone: there is no file to lose, and nothing without them is touched."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from dagc.deploy.engine import Container, Engine
from dagc.diagnostics import CompileError, Diagnostic
from dagc.diagnostics.suggest import closest

DEPLOYMENT = "dagc.deployment"
SERVICE = "dagc.service"
ROLE = "dagc.role"
RELEASE = "dagc.release"
"""What a release is: its images and how they run, by hash."""
NUMBER = "dagc.number"
"""Counts the releases of a deployment."""
DOOR = "dagc.door"


@dataclass(frozen=True, slots=True)
class Release:
    """The containers of one release of a deployment, by service."""

    number: int
    content: str
    containers: Mapping[str, Container]

    @property
    def running(self) -> bool:
        """True when all of it runs."""
        return all(container.running for container in self.containers.values())


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment as the engine has it: its doors by service, and its releases, the newest first."""

    name: str
    doors: Mapping[str, Container]
    releases: tuple[Release, ...]

    @property
    def current(self) -> Release | None:
        """The newest release that runs."""
        return next((release for release in self.releases if release.running), None)

    @property
    def previous(self) -> Release | None:
        """The newest release beside the current one: what a rollback starts."""
        return next((release for release in self.releases if release is not self.current), None)

    @property
    def next_number(self) -> int:
        """The number of the release to come."""
        return 1 + max((release.number for release in self.releases), default=0)


def labels(deployment: str, service: str, role: str) -> dict[str, str]:
    """The labels of everything a deployment makes for a service."""
    return {DEPLOYMENT: deployment, SERVICE: service, ROLE: role}


def deployments(engine: Engine) -> tuple[Deployment, ...]:
    """All deployments of the engine, by name."""
    found = sorted(engine.containers({DEPLOYMENT: ""}), key=lambda each: each.labels[DEPLOYMENT])
    return tuple(_deployment(name, tuple(each)) for name, each in groupby(found, lambda c: c.labels[DEPLOYMENT]))


def deployment(engine: Engine, name: str) -> Deployment:
    """The deployment of this name; one that nobody made has no releases."""
    return _deployment(name, engine.containers({DEPLOYMENT: name}))


def existing(engine: Engine, name: str | None) -> Deployment:
    """The deployment of this name, or the only one.

    Raises:
        CompileError: there is none of that name, none at all, or several (E0718).
    """
    found = {each.name: each for each in deployments(engine)}
    if name is None and len(found) == 1:
        return next(iter(found.values()))
    if name in found:
        return found[name]
    listed = ", ".join(f"`{each}`" for each in found) or "none"
    if name is None:
        message = "several deployments run here" if found else "nothing is deployed on this engine"
        help_ = "give the name of one" if found else "deploy a graph with `dagc deploy graph.py`"
    else:
        message = f"there is no deployment `{name}`"
        near = closest(name, tuple(found))
        help_ = f"did you mean `{near}`?" if near else "`dagc status` lists them all"
    raise CompileError.of(Diagnostic("E0718", message, notes=(f"deployments here: {listed}",), help=help_))


def _deployment(name: str, containers: tuple[Container, ...]) -> Deployment:
    doors = {each.labels[SERVICE]: each for each in containers if each.labels.get(ROLE) == "door"}
    services = [each for each in containers if each.labels.get(ROLE) == "service"]
    services.sort(key=_number, reverse=True)
    releases = tuple(_release(number, tuple(each)) for number, each in groupby(services, _number))
    return Deployment(name, doors, releases)


def _release(number: int, containers: tuple[Container, ...]) -> Release:
    content = containers[0].labels.get(RELEASE, "")
    return Release(number, content, {each.labels[SERVICE]: each for each in containers})


def _number(container: Container) -> int:
    text = container.labels.get(NUMBER, "")
    return int(text) if text.isdecimal() else 0
