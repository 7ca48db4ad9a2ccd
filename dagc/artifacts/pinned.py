"""One resolved requirement: a distribution at a version, with the hashes of its files and what it needs itself."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Hash = Annotated[str, Field(pattern=r"^sha(256|384|512):[0-9a-f]+$")]


Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
"""As PEP 503 has it."""


class Pinned(BaseModel):
    """`name==version ; marker` and the `sha256:...` of each file that may be installed.

    `needs` are the names it asks for on any system and by any of the extras that were wanted of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    version: str = Field(pattern=r"^[A-Za-z0-9.!+_-]+$")
    hashes: tuple[Hash, ...] = Field(min_length=1)
    marker: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.'\" <>=!()~,-]+$")
    needs: tuple[Name, ...] = ()


def normalised(requirement: str) -> str:
    """The normalised name (PEP 503) a requirement begins with."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]).lower()


def closure(
    pins: Sequence[Pinned], roots: Iterable[str], unused: Mapping[str, frozenset[str]]
) -> tuple[Pinned, ...]:
    """Those of `pins` that `roots` (requirements) need, directly or not, in their order.

    All versions of a name go together, because their markers tell them apart. `unused` (name -> names) are needs
    that count for nothing.
    """
    needs: dict[str, set[str]] = {}
    for pin in pins:
        needs.setdefault(pin.name, set()).update(set(pin.needs) - unused.get(pin.name, frozenset()))
    reached = set(_reached(needs, map(normalised, roots)))
    return tuple(pin for pin in pins if pin.name in reached)


def _reached(needs: Mapping[str, set[str]], roots: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting += needs.get(name, ())
        yield name
