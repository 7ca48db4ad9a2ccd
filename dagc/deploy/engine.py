"""The container engine, spoken to in types of our own; whatever it refuses becomes a diagnostic here.

docker-py answers in untyped dictionaries: they are read here and nowhere else.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import docker
import requests
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, NotFound

from dagc.diagnostics import CompileError, Diagnostic

_TIMEOUT_S = 120
_NO_SPACE = "no space left on device"
_PORT_TAKEN = re.compile(r"port is already allocated|address already in use|failed to bind host port")
_NAME_TAKEN = re.compile(r"[Cc]onflict\. The container name")


@dataclass(frozen=True, slots=True)
class Container:
    """A container as it is now. `health` is the engine's word, or empty where there is no health check."""

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
    network: str
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    """Names of volumes, and where the container sees them."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Files of the engine's machine, and where the container reads them."""
    published: Published | None = None
    grace_s: int = 10


class Engine:
    """A connection to one engine."""

    def __init__(self, client: docker.APIClient) -> None:
        self.client = client

    @classmethod
    def connect(cls) -> "Engine":
        """The engine of DOCKER_HOST, or of the current docker context.

        Raises:
            CompileError: nobody answers there (E0710).
        """
        try:
            client = docker.APIClient(version="auto", timeout=_TIMEOUT_S, **_address())
        except (DockerException, requests.RequestException) as error:
            raise CompileError.of(_no_engine(error)) from None
        return cls(client)

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
        )

    def create(self, wanted: Wanted) -> str:
        """The id of a new container that is not started."""
        ports = {} if wanted.published is None else {wanted.published.target: _binding(wanted.published)}
        host = self.client.create_host_config(
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            tmpfs=dict(wanted.tmpfs),
            binds=[
                *(f"{volume}:{path}" for volume, path in wanted.volumes.items()),
                *(f"{file}:{path}:ro" for file, path in wanted.files.items()),
            ],
            mem_limit=wanted.limits.memory_bytes,
            memswap_limit=wanted.limits.memory_bytes,
            nano_cpus=wanted.limits.nano_cpus,
            pids_limit=wanted.limits.pids,
            network_mode=wanted.network,
            port_bindings=ports,
            log_config={"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
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
                stop_timeout=wanted.grace_s,
            )
        return str(made["Id"])

    def start(self, container: str) -> None:
        """Start a container that is not running."""
        with refusals(f"start container `{container[:12]}`"):
            self.client.start(container)

    def keep_running(self, container: str) -> None:
        """Let the engine start it again when it ends by itself, and with the machine."""
        with refusals(f"update container `{container[:12]}`"):
            self.client.update_container(container, restart_policy={"Name": "unless-stopped"})

    def stop(self, container: str) -> None:
        """SIGTERM, and SIGKILL only when its grace is over."""
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

    def ensure_network(self, name: str, labels: Mapping[str, str], *, way_out: bool) -> None:
        """A bridge of its own; without a way out nothing in it reaches the outer world."""
        options = {} if way_out else {"com.docker.network.bridge.enable_ip_masquerade": "false"}
        with refusals(f"create network `{name}`"):
            if not self.client.networks(names=[f"^{name}$"]):
                self.client.create_network(name, driver="bridge", labels=dict(labels), options=options)

    def ensure_volume(self, name: str, labels: Mapping[str, str], user: int) -> None:
        """A volume in memory that only `user` sees into."""
        options = {"type": "tmpfs", "device": "tmpfs", "o": f"size=64k,uid={user},gid={user},mode=0700"}
        with refusals(f"create volume `{name}`"):
            self.client.create_volume(name, driver="local", driver_opts=options, labels=dict(labels))

    def remove_networks_and_volumes(self, labels: Mapping[str, str]) -> None:
        """Remove those that have these labels."""
        wanted = [f"{key}={value}" for key, value in labels.items()]
        with refusals("remove networks and volumes"):
            for network in self.client.networks(filters={"label": wanted}):
                self.client.remove_network(network["Id"])
            for volume in self.client.volumes(filters={"label": wanted})["Volumes"] or ():
                self.client.remove_volume(volume["Name"])


@contextmanager
def refusals(doing: str) -> Iterator[None]:
    """Turn what the engine refuses inside the block into a `CompileError`; `doing` completes "cannot ..."."""
    try:
        yield
    except APIError as error:
        raise CompileError.of(refused(doing, str(error.explanation or error))) from None
    except (DockerException, requests.RequestException) as error:
        raise CompileError.of(_no_engine(error)) from None


def refused(doing: str, why: str) -> Diagnostic:
    """What to say when the engine cannot do something, by its own words."""
    note = one_line(why)
    if _NO_SPACE in why:
        help_ = "`docker system df` shows what takes the space; `docker system prune` frees what nothing uses"
        return Diagnostic("E0713", f"the engine's disk is full: it cannot {doing}", notes=(note,), help=help_)
    if _PORT_TAKEN.search(why):
        help_ = "stop what listens there, or choose another port with `--port`"
        return Diagnostic("E0701", "the port is in use on the engine's machine", notes=(note,), help=help_)
    if _NAME_TAKEN.search(why):
        help_ = "wait until it is done, then deploy again"
        return Diagnostic("E0722", "another deployment of the same name is at work", notes=(note,), help=help_)
    return Diagnostic("E0721", f"the engine cannot {doing}", notes=(note,))


def one_line(text: str) -> str:
    """The engine's words as one printable line of at most 300 characters."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:300]


def _address() -> dict[str, object]:
    """Where DOCKER_HOST or the current context says the engine is."""
    found: dict[str, object] = docker.utils.kwargs_from_env()
    if "base_url" not in found and (context := ContextAPI.get_current_context()) is not None:
        found["base_url"] = context.Host
    return found


def _no_engine(error: Exception) -> Diagnostic:
    help_ = (
        "start it (`systemctl start docker`, or Docker Desktop), or point DOCKER_HOST at it; "
        "your user must be allowed to use it"
    )
    return Diagnostic("E0710", "no container engine answers", notes=(one_line(str(error)),), help=help_)


def _binding(published: Published) -> tuple[str, int]:
    return (published.host, published.port)


def _moment(text: str) -> datetime | None:
    """The engine's time, which has nanoseconds; year 1 is its word for never."""
    if text.startswith("0001"):
        return None
    return datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
