"""Named sizes: in all tensors of one request a name is one size, as the compiler takes it to be (E0208).

Else a request whose tensors do not fit each other is broadcast by a model, or fails in it as if we were at fault.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import get_type_hints

import numpy as np
from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class _Axis:
    """An axis with a name: of the argument at a position, or of one of its members."""

    name: str
    at: int
    member: str | None
    axis: int
    field: str

    def size(self, arguments: Sequence[object]) -> int | None:
        """How long it is; nothing where there is no tensor."""
        value = arguments[self.at]
        if self.member is not None:
            value = value.get(self.member) if isinstance(value, Mapping) else getattr(value, self.member, None)
        return value.shape[self.axis] if isinstance(value, np.ndarray) else None


class NamedSizes:
    """The names that stand in several places of a request; false where there are none."""

    def __init__(self, parameters: Mapping[str, object], *, body: str | None) -> None:
        axes = [axis for at, name in enumerate(parameters) for axis in _axes(at, name, parameters[name], body)]
        names = [axis.name for axis in axes]
        self._axes = [axis for axis in axes if names.count(axis.name) > 1]

    def __bool__(self) -> bool:
        return bool(self._axes)

    def flaw(self, arguments: Sequence[object]) -> tuple[str, str] | None:
        """The first field whose size another one contradicts, and what to tell of it."""
        known: dict[str, tuple[int, str]] = {}
        for axis in self._axes:
            if (size := axis.size(arguments)) is None:
                continue
            first, field = known.setdefault(axis.name, (size, axis.field))
            if first != size:
                return axis.field, f"`{axis.name}` is {size} here, and {first} in `{field}`"
        return None


def _axes(at: int, name: str, hint: object, body: str | None) -> Iterator[_Axis]:
    for axis, dim in _named(getattr(hint, "__metadata__", ())):
        yield _Axis(dim, at, None, axis, name)
    for member, extras in _members(hint):
        for axis, dim in _named(extras):
            yield _Axis(dim, at, member, axis, member if body == name else f"{name}.{member}")


def _members(hint: object) -> Iterator[tuple[str, Sequence[object]]]:
    """What is annotated of each member of a record; of what is none, nothing."""
    if not isinstance(hint, type):
        return
    if issubclass(hint, BaseModel):
        yield from ((name, found.metadata) for name, found in hint.model_fields.items())
        return
    with suppress(NameError):  # pydantic looks for names in more places
        for name, found in get_type_hints(hint, include_extras=True).items():
            yield name, getattr(found, "__metadata__", ())


def _named(extras: Sequence[object]) -> Iterator[tuple[int, str]]:
    """The named axes of a tensor, whose annotation is known by its name: its class lives in the shim."""
    for extra in extras:
        if type(extra).__name__ == "TensorSpec":
            dims: Sequence[object] = getattr(extra, "dims", ())
            yield from ((axis, dim) for axis, dim in enumerate(dims) if isinstance(dim, str))
