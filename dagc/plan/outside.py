"""What a service is given from outside: settings, the resources they name, and room on its machine."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Setting(_Plain):
    """A value that a service reads when it starts: from the environment variable `name`, or a file of secrets.

    A secret never stands in an artifact; without a `default` the service does not start without it. `meaning` says
    in a few words what it is for.
    """

    name: str
    meaning: str
    secret: bool = True
    default: str | None = None


class Resource(_Plain):
    """What steps of a service ask beside models; it is `module.name` in the user's file, where `lines` are.

    `setting` names the setting with its URL, `default` says what stands there without it.
    """

    setting: str
    kind: Literal["sql", "keyvalue", "http"]
    module: str
    name: str
    default: str | None = None
    lines: tuple[str, ...]


class Capacity(_Plain):
    """What one instance of a service may use, and how many there are: at least and at most.

    `memory_mib=None`: what its models and their work need, as backends reckon it.
    """

    cpu: float = Field(default=1.0, gt=0)
    memory_mib: int | None = None
    gpu: int = Field(default=0, ge=0)
    replicas: tuple[int, int] = (1, 1)
