"""The free sizes of a model's inputs as variables with names people can read.

Exporters write `?`, `unk__215` or `p2o.DynamicDimension.3`; equal ones of these mean nothing, while an equal name
that a person chose (`sequence` on three inputs) means one size. Axis 0 of every input is the batch.
"""

import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dagc.ir.types import Dim

BATCH = "N"

_CHOSEN = re.compile(r"(?!unk__\d|dynamic_axes_\d|dim_\d|Unknown)[A-Za-z][A-Za-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class FreeDims:
    """The dims of every input with each free one under its variable's name; `batch` is axis 0's, if it is free."""

    inputs: tuple[tuple[Dim, ...], ...]
    batch: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The variables in the order of their places, without the batch."""
        found = dict.fromkeys(dim for dims in self.inputs for dim in dims if isinstance(dim, str))
        return tuple(name for name in found if name != self.batch)

    def shapes(self, sizes: Mapping[str, int]) -> tuple[tuple[int, ...], ...]:
        """The shape of every input at these sizes."""
        return tuple(
            tuple(sizes[dim] if isinstance(dim, str) else dim or 0 for dim in dims) for dims in self.inputs
        )

    def places(self, name: str) -> set[int]:
        """The axes at which a variable stands."""
        return {axis for dims in self.inputs for axis, dim in enumerate(dims) if dim == name}

    def united(self, names: Sequence[str]) -> "FreeDims":
        """The same with several variables as the first of them."""
        first = names[0]
        inputs = tuple(tuple(first if dim in names else dim for dim in dims) for dims in self.inputs)
        return replace(self, inputs=inputs)


def free_dims(inputs: Sequence[tuple[Dim, ...]]) -> FreeDims:
    """The variables of inputs whose dims are as a file declares them."""
    heads = [dims[0] for dims in inputs if not isinstance(dims[0], int)]
    batch = next((name for name in heads if _chosen(name)), BATCH) if heads else None
    taken: set[Dim] = {batch, *(dim for dims in inputs for dim in dims[1:] if _chosen(dim))}
    named = []
    for dims in inputs:
        head = dims[0] if isinstance(dims[0], int) else batch
        rest = tuple(_named(dims, axis, taken) for axis in range(1, len(dims)))
        named.append((head, *rest))
    return FreeDims(tuple(named), batch)


def _chosen(dim: Dim) -> bool:
    """Whether a person may have chosen this name."""
    return isinstance(dim, str) and _CHOSEN.fullmatch(dim) is not None and not keyword.iskeyword(dim)


def _named(dims: tuple[Dim, ...], axis: int, taken: set[Dim]) -> Dim:
    dim = dims[axis]
    if isinstance(dim, int) or _chosen(dim):
        return dim
    wanted = _usual_name(dims, axis)
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}{number}", number + 1
    taken.add(name)
    return name


def _usual_name(dims: tuple[Dim, ...], axis: int) -> str:
    """`H` and `W` of a picture, `T` of a sequence, as papers call them."""
    if len(dims) == 4:
        last = isinstance(dims[3], int) and not isinstance(dims[1], int)
        return ("", "H", "W", "C")[axis] if last else ("", "C", "H", "W")[axis]
    return "T"
