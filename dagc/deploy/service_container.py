"""The containers of a service: one a replica, in the networks of its edges, with its secrets as files.

What it calls it finds by names that only one release has, so that releases whose services speak differently can
stand beside each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dagc.artifacts.compose import MODELS_FOLDER, MODELS_VARIABLE, PORT, ComposeService
from dagc.deploy import door
from dagc.deploy.built_tree import BuiltService
from dagc.deploy.engine import Container, Engine, Limits, Wanted
from dagc.deploy.given import SECRETS, Given
from dagc.deploy.releases import CALLS, DOOR, FRONT, GRPC_DOOR, MODELS, NUMBER, RELEASE, REMOTE, labels

_MIB = 1024 * 1024
_BEHIND_DOORS = {
    "DAGC_DOOR": door.SOCKETS[DOOR],
    "DAGC_GRPC_DOOR": door.SOCKETS[GRPC_DOOR],
    "DAGC_HOST": "127.0.0.1",
}
"""Its own ports are for health checks alone, and who drains behind a door need not wait to be noticed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new container belongs: its deployment, its release, and what it calls, by service."""

    deployment: str
    number: int
    content: str
    callees: Mapping[str, tuple[Container, ...]]
    is_front: bool
    models: str = ""
    """A folder of the engine's machine whose files replace models of it."""

    @property
    def called(self) -> str:
        """The names of the containers it calls, as a label tells them."""
        return " ".join(container.name for callees in self.callees.values() for container in callees)


def create(
    engine: Engine, service: BuiltService, image: str, place: Place, given: Given, created: list[Container]
) -> tuple[Container, ...]:
    """New containers of `service`, none of them started and each told to `created` at once.

    The doors reach those of the front.
    """
    runs = service.runs
    own = labels(place.deployment, service.name, FRONT if place.is_front else REMOTE)
    told = {MODELS: place.models} if place.models else {}
    secrets = _secrets(engine, service, image, place, given)
    wanted = Wanted(
        name=f"dagc-{place.deployment}-{service.name}-{place.number}",
        image=image,
        labels={**own, **told, RELEASE: place.content, NUMBER: str(place.number), CALLS: place.called},
        user=runs.user,
        limits=limits(runs),
        networks=_networks(engine, service, place),
        environment={**_environment(service, place), **given.variables},
        tmpfs=dict(each.split(":", 1) for each in runs.tmpfs),
        volumes={door.volume(place.deployment): door.FOLDER} if place.is_front else {},
        read_only_volumes={secrets: SECRETS} if secrets else {},
        read_only_folders={place.models: MODELS_FOLDER} if place.models else {},
        gpus=runs.gpus,
        grace_s=int(runs.stop_grace_period.removesuffix("s")),
    )
    made = []
    for name in _replicas(wanted.name, runs.replicas):
        container = engine.container(
            engine.create(replace(wanted, name=name, alias=_alias(name, place.deployment)))
        )
        if container is not None:
            made.append(container)
            created.append(container)
    return tuple(made)


def limits(runs: ComposeService) -> Limits:
    """The compose file's limits, as the engine counts them."""
    memory = int(runs.mem_limit.removesuffix("m")) * _MIB
    return Limits(memory, int(runs.cpus * 10**9), runs.pids_limit)


def _replicas(name: str, count: int) -> tuple[str, ...]:
    return (name,) if count == 1 else tuple(f"{name}-{number}" for number in range(1, count + 1))


def _alias(name: str, deployment: str) -> str:
    """A container's name is too long for a name in a network, which has at most 63 characters."""
    return name.removeprefix(f"dagc-{deployment}-")


def _networks(engine: Engine, service: BuiltService, place: Place) -> tuple[str, ...]:
    """Those of the compose file but one that only publishes the port, which is the door's here."""
    names = []
    for network, wanted in sorted(service.networks.items()):
        if not (wanted.internal or wanted.way_out):
            continue
        names.append(f"dagc-{place.deployment}-{network}")
        engine.ensure_network(names[-1], labels(place.deployment, service.name, "network"), wanted)
    return tuple(names)


def _environment(service: BuiltService, place: Place) -> dict[str, str]:
    """What the compose file says of itself (settings are references there), and where what it calls is."""
    unsaid = {setting.name for setting in service.settings} | {MODELS_VARIABLE}
    told = {name: value for name, value in service.runs.environment.items() if value and name not in unsaid}
    for callee, variable in service.calls.items():
        names = (_alias(container.name, place.deployment) for container in place.callees[callee])
        told[variable] = ",".join(f"http://{name}:{PORT}" for name in names)
    told |= {MODELS_VARIABLE: MODELS_FOLDER} if place.models else {}
    return told | {"DAGC_DRAIN_S": "0"} | (_BEHIND_DOORS if place.is_front else {})


def _secrets(engine: Engine, service: BuiltService, image: str, place: Place, given: Given) -> str | None:
    """The volume with its secrets, which only its user reads: no value stands in what the engine shows."""
    if not given.secrets:
        return None
    name = f"dagc-{place.deployment}-{service.name}-{place.number}-secrets"
    own = labels(place.deployment, service.name, "secrets")
    engine.ensure_volume(name, own)
    writer = engine.create(
        Wanted(
            name=f"{name}-writer",
            image=image,
            labels={**own, NUMBER: str(place.number)},
            user=service.runs.user,
            limits=limits(service.runs),
            volumes={name: SECRETS},
        )
    )
    try:
        engine.put_files(writer, SECRETS, given.secrets, int(service.runs.user.partition(":")[0]))
    finally:
        engine.remove(writer)
    return name
