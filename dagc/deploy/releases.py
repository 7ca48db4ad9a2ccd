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
"""What a container is: its image, how it runs, and the same of what it calls, by hash."""
NUMBER = "dagc.number"
"""Of the release that made the container; they are counted."""
CALLS = "dagc.calls"
"""The names of the containers it calls."""
MODELS = "dagc.models"
"""The folder of the engine's machine whose files replace models."""
HELD = "dagc.door"
"""The address a door holds, and what the door is made of."""

FRONT, REMOTE = "service", "remote"
"""Roles: what the doors lead to, and what that calls."""
DOOR, GRPC_DOOR = "door", "grpc"
"""Roles of the doors, of HTTP and of gRPC."""


@dataclass(frozen=True, slots=True)
class Release:
    """The containers of one release, callees before their callers; the last is the front, which numbers it.

    What did not change from one release to the next belongs to both.
    """

    number: int
    containers: tuple[Container, ...]

    @property
    def front(self) -> Container:
        """The container the door leads to."""
        return self.containers[-1]

    @property
    def serves(self) -> bool:
        """True when all of it runs and was healthy; one whose deployment was killed may run, and is none."""
        return all(container.running and container.restarts for container in self.containers)

    @property
    def names(self) -> frozenset[str]:
        """Those of its containers."""
        return frozenset(container.name for container in self.containers)

    def of(self, service: str) -> tuple[Container, ...]:
        """Its containers of one service."""
        return tuple(each for each in self.containers if each.labels[SERVICE] == service)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment as the engine has it: its doors, its releases, the newest first, and all their containers."""

    name: str
    releases: tuple[Release, ...]
    containers: tuple[Container, ...]
    """Of its services."""
    others: tuple[Container, ...] = ()
    """Its doors, and what a deployment that was killed left."""

    def doors(self, kind: str) -> tuple[Container, ...]:
        """Those of HTTP (`DOOR`) or of gRPC; one that runs is the first of them."""
        found = (each for each in self.others if each.labels.get(ROLE) == kind)
        return tuple(sorted(found, key=lambda each: not each.running))

    def door(self, kind: str) -> Container | None:
        """That which is to be used of them."""
        return next(iter(self.doors(kind)), None)

    @property
    def current(self) -> Release | None:
        """The newest release that serves."""
        return next((release for release in self.releases if release.serves), None)

    @property
    def previous(self) -> Release | None:
        """The newest release beside the current one that ever started: what a rollback starts."""
        begun = (release for release in self.releases if release.front.started is not None)
        return next((release for release in begun if release is not self.current), None)

    @property
    def strays(self) -> tuple[Container, ...]:
        """Containers of no whole release: somebody removed what they call, or a deployment was killed."""
        known = frozenset[str]().union(*(release.names for release in self.releases))
        return tuple(container for container in self.containers if container.name not in known)

    @property
    def models(self) -> str:
        """The folder whose files replace models of the current release, if one does."""
        containers = self.current.containers if self.current else ()
        return next((each.labels[MODELS] for each in containers if each.labels.get(MODELS)), "")

    @property
    def callers_first(self) -> tuple[Container, ...]:
        """All its containers in an order in which they may be stopped."""
        by_name = {container.name: container for container in self.containers}
        return tuple(sorted(self.containers, key=lambda container: -_height(container, by_name)))

    @property
    def next_number(self) -> int:
        """The number of the release to come."""
        return 1 + max(map(number, (*self.containers, *self.others)), default=0)


def number(container: Container) -> int:
    """Of the release that made it; 0 where it belongs to none."""
    text = container.labels.get(NUMBER, "")
    return int(text) if text.isdecimal() else 0


def labels(deployment: str, service: str, role: str) -> dict[str, str]:
    """The labels of everything a deployment makes for a service."""
    return {DEPLOYMENT: deployment, SERVICE: service, ROLE: role}


def deployments(engine: Engine) -> tuple[Deployment, ...]:
    """All deployments of the engine, by name."""
    found = sorted(engine.containers({DEPLOYMENT: ""}), key=lambda each: each.labels[DEPLOYMENT])
    return tuple(of_containers(name, tuple(each)) for name, each in groupby(found, lambda c: c.labels[DEPLOYMENT]))


def deployment(engine: Engine, name: str) -> Deployment:
    """The deployment of this name; one that nobody made has no releases."""
    return of_containers(name, engine.containers({DEPLOYMENT: name}))


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


def of_containers(name: str, containers: tuple[Container, ...]) -> Deployment:
    """The deployment whose containers these are, read from their labels."""
    serving = tuple(each for each in containers if each.labels.get(ROLE) in {FRONT, REMOTE})
    by_name = {each.name: each for each in serving}
    fronts = sorted((each for each in serving if each.labels[ROLE] == FRONT), key=number, reverse=True)
    found = ((front, _with_callees(front, by_name)) for front in fronts)
    releases = (Release(number(front), tuple(each.values())) for front, each in found if each is not None)
    others = tuple(each for each in containers if each not in serving)
    return Deployment(name, tuple(releases), serving, others)


def _with_callees(container: Container, by_name: Mapping[str, Container]) -> dict[str, Container] | None:
    """The container behind all that it calls, each once; nothing when one of them is gone."""
    found: dict[str, Container] = {}
    for name in container.labels.get(CALLS, "").split():
        callees = _with_callees(by_name[name], by_name) if name in by_name else None
        if callees is None:
            return None
        found |= callees
    return found | {container.name: container}


def _height(container: Container, by_name: Mapping[str, Container]) -> int:
    """How long the longest line of calls is that begins here."""
    callees = (by_name[name] for name in container.labels.get(CALLS, "").split() if name in by_name)
    return 1 + max((_height(callee, by_name) for callee in callees), default=0)
