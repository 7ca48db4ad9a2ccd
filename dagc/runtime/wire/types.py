"""The types of values that cross from one service to another, as service.json has them."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class WireType:
    """One type.

    `dtype` and `dims` are a tensor's, `scalar` the kind of a Python value, `values` those of a literal. `home` is
    where a record, an enum or another class is imported from. `items` are the types of a tuple's members, or the
    one of a list's or an optional's.
    """

    kind: Literal["tensor", "scalar", "bytes", "literal", "class", "list", "tuple", "optional"]
    dtype: str | None = None
    dims: tuple[int | str | None, ...] | None = None
    scalar: Literal["int", "float", "str", "bool"] | None = None
    values: tuple[str | int | bool, ...] = ()
    home: tuple[str, str] | None = None
    items: tuple["WireType", ...] = ()
