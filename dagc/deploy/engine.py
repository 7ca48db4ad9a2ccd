"""The container engine, spoken to in types of our own; whatever it refuses becomes a diagnostic here.

docker-py answers in untyped dictionaries: they are read here and nowhere else.
"""

import io
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Literal

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.types import DeviceRequest, Mount

from dagc.artifacts.compose import Logging, Network
from dagc.deploy.engine_address import engine_address, machine
from dagc.deploy.refusals import no_engine, refusals
from dagc.diagnostics import CompileError

_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Container:
    """A container as it is now. `health` is the engine's word, or empty where there is no health check.

    `restarts`: the engine starts it again when it ends, and with the machine. What `keep_running` was never called
    for was never healthy.
    """

    id: str
    name: str
    labels: Mapping[str, str]
    image: str
    status: str
    health: str
    exit_code: int
    out_of_memory: bool
    started: datetime | None
    memory_bytes: int
    restarts: bool = False
    networks: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()

    @property
    def running(self) -> bool:
        """True unless it has ended or never began."""
        return self.status in {"running", "restarting", "paused"}


@dataclass(frozen=True, slots=True)
class Published:
    """A port of the container at an address of this machine."""

    target: int
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use."""

    memory_bytes: int
    nano_cpus: int
    pids: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A container to be made: always without capabilities, privileges to gain, or a root it may write to."""

    name: str
    image: str
    labels: Mapping[str, str]
    user: str
    limits: Limits
    networks: Sequence[str] = ()
    """Names of networks; without one it has nothing but loopback."""
    alias: str = ""
    """What it is called in its networks, beside its own name."""
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    """Names of volumes, and where the container sees them."""
    read_only_volumes: Mapping[str, str] = field(default_factory=dict)
    read_only_folders: Mapping[str, str] = field(default_factory=dict)
    """Folders of the engine's machine, which must exist, and where the container sees them."""
    gpus: int = 0
    published: Published | None = None
    grace_s: int = 10


class Engine:
    """A connection to one engine. `machine` is where it runs, or empty where that is here."""

    def __init__(self, client: docker.APIClient, machine: str = "") -> None:
        self.client = client
        self.machine = machine

    @classmethod
    def connect(cls) -> "Engine":
        """The engine of DOCKER_HOST, or of the docker context: that of DOCKER_CONTEXT, or the current one.

        Raises:
            CompileError: there is no such context, or nobody answers there (E0710).
        """
        where = engine_address()
        try:
            client = docker.APIClient(version="auto", timeout=_TIMEOUT_S, **where)
        except (DockerException, requests.RequestException) as error:
            raise CompileError.of(no_engine(str(error))) from None
        return cls(client, machine(where))

    def gives_gpus(self) -> bool:
        """True when it knows how to give a GPU of NVIDIA's to a container."""
        with refusals("say what it can do"):
            info = self.client.info()
        devices = info.get("DiscoveredDevices") or ()
        return "nvidia" in (info.get("Runtimes") or ()) or any("nvidia" in str(device) for device in devices)

    def containers(self, labels: Mapping[str, str]) -> tuple[Container, ...]:
        """All containers with these labels, running or not."""
        wanted = [f"{key}={value}" if value else key for key, value in labels.items()]
        with refusals("list containers"):
            found = self.client.containers(all=True, filters={"label": wanted})
        return tuple(each for row in found if (each := self.container(row["Id"])) is not None)

    def container(self, name: str) -> Container | None:
        """The container of this name or id, if there is one."""
        with refusals(f"look at container `{name}`"):
            try:
                found = self.client.inspect_container(name)
            except NotFound:
                return None
        state = found["State"]
        return Container(
            id=found["Id"],
            name=found["Name"].lstrip("/"),
            labels=found["Config"]["Labels"] or {},
            image=found["Image"],
            status=state["Status"],
            health=(state.get("Health") or {}).get("Status", ""),
            exit_code=state["ExitCode"],
            out_of_memory=state["OOMKilled"],
            started=_moment(state["StartedAt"]),
            memory_bytes=found["HostConfig"]["Memory"],
            restarts=found["HostConfig"]["RestartPolicy"]["Name"] not in {"", "no"},
            networks=frozenset(found["NetworkSettings"]["Networks"]),
            volumes=frozenset(each["Name"] for each in found["Mounts"] if each["Type"] == "volume"),
        )

    def create(self, wanted: Wanted) -> str:
        """The id of a new container that is not started."""
        first, others = (wanted.networks or ("none",))[0], wanted.networks[1:]
        ports = {} if wanted.published is None else {wanted.published.target: _binding(wanted.published)}
        kept = Logging()
        host = self.client.create_host_config(
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            tmpfs=dict(wanted.tmpfs),
            binds=[
                *(f"{volume}:{path}" for volume, path in wanted.volumes.items()),
                *(f"{volume}:{path}:ro" for volume, path in wanted.read_only_volumes.items()),
            ],
            mounts=[Mount(to, of, type="bind", read_only=True) for of, to in wanted.read_only_folders.items()],
            mem_limit=wanted.limits.memory_bytes,
            memswap_limit=wanted.limits.memory_bytes,
            nano_cpus=wanted.limits.nano_cpus,
            pids_limit=wanted.limits.pids,
            network_mode=first,
            port_bindings=ports,
            device_requests=_gpus(wanted.gpus),
            log_config={"Type": kept.driver, "Config": kept.options},
        )
        with refusals(f"create container `{wanted.name}`"):
            made = self.client.create_container(
                wanted.image,
                command=list(wanted.command) or None,
                name=wanted.name,
                labels=dict(wanted.labels),
                environment=dict(wanted.environment),
                user=wanted.user,
                ports=list(ports),
                host_config=host,
                networking_config=self._named(first, wanted.alias),
                stop_timeout=wanted.grace_s,
            )
            for network in others:
                aliases = [wanted.alias] if wanted.alias else None
                self.client.connect_container_to_network(made["Id"], network, aliases=aliases)
        return str(made["Id"])

    def put_files(self, container: str, folder: str, files: Mapping[str, bytes], user: int) -> None:
        """Write files into a folder of a container, where only `user` may read them."""
        with refusals(f"write into container `{container[:12]}`"):
            self.client.put_archive(container, folder, _archive(files, user))

    def get_files(self, container: str, folder: str) -> dict[str, bytes]:
        """The files in a folder of a container, by name; none where there is no such folder."""
        with refusals(f"read from container `{container[:12]}`"):
            try:
                parts, _ = self.client.get_archive(container, folder)
            except NotFound:
                return {}
            with tarfile.open(fileobj=io.BytesIO(b"".join(parts))) as tar:
                entries = [
                    (PurePosixPath(entry.name).name, tar.extractfile(entry)) for entry in tar if entry.isfile()
                ]
                return {name: file.read() for name, file in entries if file is not None}

    def start(self, container: str) -> None:
        """Start a container that is not running."""
        with refusals(f"start container `{container[:12]}`"):
            self.client.start(container)

    def keep_running(self, container: str) -> None:
        """Let the engine start it again when it ends by itself, and with the machine, until it is stopped.

        Not `unless-stopped`: an engine that was killed stops what it finds running, and takes that for a person's
        word (moby, HasBeenManuallyStopped).
        """
        self._restart(container, "always")

    def stop(self, container: str) -> None:
        """SIGTERM, and SIGKILL only when its grace is over; it is not started again with the machine."""
        self._restart(container, "no")
        with refusals(f"stop container `{container[:12]}`"):
            found = self.client.inspect_container(container)
            grace = found["Config"].get("StopTimeout") or 10
            self.client.stop(container, timeout=grace)

    def remove(self, container: str) -> None:
        """Remove a container, running or not; one that is gone is fine."""
        with refusals(f"remove container `{container[:12]}`"):
            try:
                self.client.remove_container(container, force=True, v=True)
            except NotFound:
                return

    def run_inside(self, container: str, command: Sequence[str]) -> int | None:
        """The exit code of a command inside a running container; nothing when it is not running (any more)."""
        try:
            made = self.client.exec_create(container, list(command))
            self.client.exec_start(made["Id"])
            code = self.client.exec_inspect(made["Id"])["ExitCode"]
        except (APIError, requests.RequestException):
            return None
        return code if isinstance(code, int) else None

    def health_check(self, container: str) -> tuple[str, ...]:
        """The command of its health check, or nothing when it has none."""
        with refusals(f"look at container `{container[:12]}`"):
            check = self.client.inspect_container(container)["Config"].get("Healthcheck") or {}
        test = check.get("Test") or ["NONE"]
        return tuple(test[1:]) if test[0] == "CMD" else ()

    def log(self, container: str, lines: int) -> str:
        """The last lines it wrote."""
        with refusals(f"read the log of container `{container[:12]}`"):
            return bytes(self.client.logs(container, tail=lines)).decode("utf-8", "replace")

    def follow(self, container: str, lines: int) -> Iterator[str]:
        """The last lines it wrote and what it writes from now on, until it ends."""
        with refusals(f"read the log of container `{container[:12]}`"):
            for part in self.client.logs(container, stream=True, follow=True, tail=lines):
                yield bytes(part).decode("utf-8", "replace")

    def ensure_network(self, name: str, labels: Mapping[str, str], network: Network) -> None:
        """A bridge of its own; an internal one has no way out."""
        with refusals(f"create network `{name}`"):
            if not self.client.networks(names=[f"^{name}$"]):
                self.client.create_network(
                    name,
                    driver=network.driver,
                    internal=network.internal,
                    labels=dict(labels),
                    options=dict(network.driver_opts),
                )

    def ensure_volume(self, name: str, labels: Mapping[str, str], user: int | None = None) -> None:
        """A volume on the engine's disk; for a `user` one in memory that only this user sees into."""
        options = {"type": "tmpfs", "device": "tmpfs", "o": f"size=64k,uid={user},gid={user},mode=0700"}
        with refusals(f"create volume `{name}`"):
            self.client.create_volume(
                name, driver="local", driver_opts=options if user is not None else {}, labels=dict(labels)
            )

    def remove_unused(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Remove networks and volumes with these labels that no container with these labels is in.

        Those that others are in stay: their names.
        """
        users = self.containers(labels)
        networks = frozenset[str]().union(*(each.networks for each in users))
        volumes = frozenset[str]().union(*(each.volumes for each in users))
        wanted = [f"{key}={value}" for key, value in labels.items()]
        found: list[tuple[str, Callable[[], object]]] = []
        with refusals("remove networks and volumes"):
            for network in self.client.networks(filters={"label": wanted}):
                if network["Name"] not in networks:
                    found.append((network["Name"], partial(self.client.remove_network, network["Id"])))
            for volume in self.client.volumes(filters={"label": wanted})["Volumes"] or ():
                if volume["Name"] not in volumes:
                    found.append((volume["Name"], partial(self.client.remove_volume, volume["Name"])))
            return tuple(name for name, remove in found if not _removed(remove))

    def _restart(self, container: str, policy: Literal["always", "no"]) -> None:
        with refusals(f"update container `{container[:12]}`"):
            self.client.update_container(container, restart_policy={"Name": policy})

    def _named(self, network: str, alias: str) -> dict[str, object] | None:
        if not alias or network == "none":
            return None
        endpoint = self.client.create_endpoint_config(aliases=[alias])
        found: dict[str, object] = self.client.create_networking_config({network: endpoint})
        return found


def _removed(remove: Callable[[], object]) -> bool:
    """False when somebody uses it: 403 for a network, 409 for a volume."""
    try:
        remove()
    except NotFound:
        return True
    except APIError as error:
        if error.status_code not in {403, 409}:
            raise
        return False
    return True


def _binding(published: Published) -> tuple[str, int]:
    return (published.host, published.port)


def _gpus(count: int) -> list[DeviceRequest] | None:
    return [DeviceRequest(driver="nvidia", count=count, capabilities=[["gpu"]])] if count else None


def _archive(files: Mapping[str, bytes], user: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid, entry.gid = len(files[name]), 0o400, user, user
            tar.addfile(entry, io.BytesIO(files[name]))
    return stream.getvalue()


def _moment(text: str) -> datetime | None:
    """The engine's time, which has nanoseconds; year 1 is its word for never."""
    if text.startswith("0001"):
        return None
    return datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
