"""One resolved requirement: a distribution at a version, with the hashes of its files."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Hash = Annotated[str, Field(pattern=r"^sha(256|384|512):[0-9a-f]+$")]


class Pinned(BaseModel):
    """`name==version ; marker` and the `sha256:...` of each file that may be installed; name as PEP 503 has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    version: str = Field(pattern=r"^[A-Za-z0-9.!+_-]+$")
    hashes: tuple[Hash, ...] = Field(min_length=1)
    marker: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.'\" <>=!()~,-]+$")


def normalised(requirement: str) -> str:
    """The normalised name (PEP 503) a requirement begins with."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]).lower()
