"""compose.yaml as typed data: written by a backend, read by `docker compose` and by `dagc deploy`.

The members are those of the Compose specification that dagc uses. One file says how a container runs, whoever
starts it.
"""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from dagc.diagnostics import CompileError, Diagnostic

COMPOSE_NAME = "compose.yaml"
PORT = 8000
"""What a service listens on inside its container."""
GRPC_PORT = 8001
"""What a service of tensors listens on beside it, for gRPC."""
MODELS_FOLDER = "/run/models"
"""Where a service finds files that replace its models."""
MODELS_VARIABLE = "DAGC_MODELS_DIR"
"""Names that folder to a service; to compose.yaml the one of the machine that is seen there."""
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
"""The option of a bridge that decides whether what is inside reaches the outer world."""
NO_ADDRESS = "com.docker.network.bridge.inhibit_ipv4"
"""The option that leaves the machine no address on a bridge: else even an internal one reaches its services."""


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HealthCheck(_Plain):
    """`test` is run inside the container without a shell; times in whole seconds, as `10s`."""

    test: tuple[str, ...]
    interval: str = Field(pattern=r"^[0-9]+s$")
    timeout: str = Field(pattern=r"^[0-9]+s$")
    start_period: str = Field(pattern=r"^[0-9]+s$")
    retries: int = Field(ge=1)


class Published(_Plain):
    """A port of the container at an address of the host."""

    target: int
    published: str
    host_ip: str
    protocol: Literal["tcp"] = "tcp"


class Network(_Plain):
    """A bridge of its own. An `internal` one has no way out and publishes no port.

    `enable_ip_masquerade` "false" lets nothing inside reach the outer world where a port is to be published.
    """

    driver: Literal["bridge"] = "bridge"
    internal: bool = False
    driver_opts: dict[str, str] = {}

    @model_serializer(mode="wrap")
    def _said(self, value: SerializerFunctionWrapHandler) -> JsonValue:
        return _without_empty(value(self))

    @property
    def way_out(self) -> bool:
        """True when what is inside reaches the outer world."""
        return not self.internal and self.driver_opts.get(MASQUERADE) != "false"


class Volume(_Plain):
    """A volume of the engine's own."""


class Secret(_Plain):
    """A file on the machine that a container sees as /run/secrets/NAME; `file` is a path or a `${VARIABLE}`."""

    file: str


class DependsOn(_Plain):
    """What must be there before a service starts."""

    condition: Literal["service_healthy"] = "service_healthy"


class Devices(_Plain):
    """Devices of a container: so many, of a driver, that can do what is named."""

    driver: Literal["nvidia"] = "nvidia"
    count: int = Field(ge=1)
    capabilities: tuple[Literal["gpu"], ...] = ("gpu",)


class Reservations(_Plain):
    """What is set aside for one container."""

    devices: tuple[Devices, ...]


class Resources(_Plain):
    """What a container has beyond its limits."""

    reservations: Reservations


class Deploy(_Plain):
    """How many containers of a service, and their devices."""

    replicas: int = Field(default=1, ge=1)
    resources: Resources | None = None

    @model_serializer(mode="wrap")
    def _said(self, value: SerializerFunctionWrapHandler) -> JsonValue:
        return _without_empty(value(self))


class Logging(_Plain):
    """What the engine keeps of what a container writes: so many files of a size, and no more."""

    driver: Literal["json-file"] = "json-file"
    options: dict[str, str] = {"max-size": "10m", "max-file": "3"}


class ComposeService(_Plain):
    """How one container runs. `mem_limit` in MiB as `512m`; swap is not added to it.

    A variable of the environment that is `None` is that of whoever starts it, or none. `depends_on` are the
    services it calls. Only the first service of a file has `ports`. Members that are empty stand in no file.
    """

    image: str
    pull_policy: Literal["never"] = "never"
    user: str
    read_only: bool
    cap_drop: tuple[str, ...]
    security_opt: tuple[str, ...]
    tmpfs: tuple[str, ...]
    cpus: float = Field(gt=0)
    mem_limit: str = Field(pattern=r"^[0-9]+m$")
    memswap_limit: str = Field(pattern=r"^[0-9]+m$")
    pids_limit: int = Field(gt=0)
    environment: dict[str, str | None]
    secrets: tuple[str, ...] = ()
    depends_on: dict[str, DependsOn] = {}
    healthcheck: HealthCheck
    stop_grace_period: str = Field(pattern=r"^[0-9]+s$")
    restart: Literal["unless-stopped"] = "unless-stopped"
    logging: Logging = Logging()
    deploy: Deploy | None = None
    ports: tuple[Published, ...] = ()
    networks: tuple[str, ...]
    volumes: tuple[str, ...] = ()

    @property
    def replicas(self) -> int:
        """How many containers of it stand at once."""
        return 1 if self.deploy is None else self.deploy.replicas

    @property
    def gpus(self) -> int:
        """How many GPUs one container has."""
        if self.deploy is None or self.deploy.resources is None:
            return 0
        return sum(each.count for each in self.deploy.resources.reservations.devices)

    @model_serializer(mode="wrap")
    def _said(self, value: SerializerFunctionWrapHandler) -> JsonValue:
        return _without_empty(value(self))


class Compose(_Plain):
    """All of compose.yaml."""

    name: str
    services: dict[str, ComposeService]
    networks: dict[str, Network]
    secrets: dict[str, Secret] = {}
    volumes: dict[str, Volume] = {}

    @model_serializer(mode="wrap")
    def _said(self, value: SerializerFunctionWrapHandler) -> JsonValue:
        return _without_empty(value(self))

    def content(self) -> bytes:
        """The file's content, members in the order a person reads them; equal values give equal bytes."""
        value: JsonValue = self.model_dump(mode="json")
        text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=115, default_flow_style=False)
        return text.encode()


def address_variable(service: str) -> str:
    """The variable in which callers of the service of this name find its addresses."""
    return "DAGC_SERVICE_" + service.upper().replace("-", "_")


def read_compose(path: Path) -> Compose:
    """The compose file of a build.

    Raises:
        CompileError: it is missing, or has members dagc does not write (E0604).
    """
    try:
        return Compose.model_validate(yaml.safe_load(path.read_bytes()))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        found = error.errors()[0] if isinstance(error, ValidationError) else None
        where = ".".join(map(str, found["loc"])) if found else ""
        note = f"`{where}`: {found['msg']}" if found else "it cannot be read as YAML"
        help_ = "change the graph and build again; `docker compose` takes a second file with your own changes"
        message = f"`{path.name}` of this build is not one dagc wrote"
        raise CompileError.of(Diagnostic("E0604", message, notes=(note,), help=help_)) from None


def _without_empty(members: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in members.items() if value not in (None, False, [], (), {})}
