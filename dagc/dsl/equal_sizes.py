"""Named sizes in a plain call: in all tensors a graph is given a name is one size, as in a request (E0208)."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dagc.dsl.annotations import Parameter
from dagc.ir.types import Record, Tensor, Type


def unequal_sizes(parameters: Sequence[Parameter], arguments: Mapping[str, object]) -> str | None:
    """The first size that contradicts another (`` `n` is 3 in `b`, and 4 in `a` ``), or nothing."""
    known: dict[str, tuple[int, str]] = {}
    for parameter in parameters:
        for place, name, size in _named(parameter.name, parameter.type, arguments.get(parameter.name)):
            first, where = known.setdefault(name, (size, place))
            if first != size:
                return f"`{name}` is {size} in `{place}`, and {first} in `{where}`"
    return None


def _named(place: str, type: Type, value: object) -> Iterator[tuple[str, str, int]]:
    """Where each named size stands, its name, and how long it is; of records the fields."""
    match type:
        case Tensor(dims=dims) if isinstance(value, np.ndarray):
            pairs = zip(dims or (), value.shape, strict=False)
            yield from ((place, dim, size) for dim, size in pairs if isinstance(dim, str))
        case Record(fields=fields):
            for field in fields:
                if isinstance(field.type, Tensor):
                    yield from _named(f"{place}.{field.name}", field.type, getattr(value, field.name, None))
