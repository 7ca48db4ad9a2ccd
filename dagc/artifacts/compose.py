"""compose.yaml as typed data: written by a backend, read by `docker compose` and by `dagc deploy`.

The members are those of the Compose specification that dagc uses. One file says how a container runs, whoever
starts it.
"""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from dagc.diagnostics import CompileError, Diagnostic

COMPOSE_NAME = "compose.yaml"
PORT = 8000
"""What a service listens on inside its container."""


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
    """A bridge of its own; `enable_ip_masquerade` "false" lets nothing inside reach the outer world."""

    driver: Literal["bridge"] = "bridge"
    driver_opts: dict[str, str] = {}


class ComposeService(_Plain):
    """How one container runs. `mem_limit` in MiB as `512m`; swap is not added to it."""

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
    environment: dict[str, str]
    healthcheck: HealthCheck
    stop_grace_period: str = Field(pattern=r"^[0-9]+s$")
    restart: Literal["unless-stopped"] = "unless-stopped"
    ports: tuple[Published, ...]
    networks: tuple[str, ...]


class Compose(_Plain):
    """All of compose.yaml."""

    name: str
    services: dict[str, ComposeService]
    networks: dict[str, Network]

    def content(self) -> bytes:
        """The file's content, members in the order a person reads them; equal values give equal bytes."""
        value: JsonValue = self.model_dump(mode="json")
        text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=115, default_flow_style=False)
        return text.encode()


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
