"""The types of values that cross from one service to another, as data: how they are written and read again."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from dagc.ir.types import (
    Bytes,
    Choice,
    Home,
    ListOf,
    Opaque,
    Optional,
    Record,
    Scalar,
    Tensor,
    TupleOf,
    Type,
    Unknown,
)

_PLAIN_CLASSES = frozenset(
    {
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("decimal", "Decimal"),
        ("uuid", "UUID"),
    }
)
"""Classes with one text for each value."""


class WireType(BaseModel):
    """One type. `dtype` and `dims` are a tensor's, `scalar` is the kind of a Python value, `values` a literal's.

    `home` is where a record, an enum or another class is imported from; its fields are looked up there. `items`
    are the types of a tuple's members, or the one of a list's or an optional's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["tensor", "scalar", "bytes", "literal", "class", "list", "tuple", "optional"]
    dtype: str | None = None
    dims: tuple[int | str | None, ...] | None = None
    scalar: Literal["int", "float", "str", "bool"] | None = None
    values: tuple[str | int | bool, ...] = ()
    home: Home | None = None
    items: tuple["WireType", ...] = ()


class CannotCross(Exception):
    """A type that has no form between services; the text names it."""


def wire_type(type: Type) -> WireType:
    """The type as data.

    Raises:
        CannotCross: the compiler does not look into it, or a service could not import it.
    """
    match type:
        case Tensor(dtype=dtype, dims=dims):
            return WireType(kind="tensor", dtype=dtype.value, dims=dims)
        case Scalar(kind=kind):
            return WireType(kind="scalar", scalar=kind)
        case Bytes():
            return WireType(kind="bytes")
        case Choice(values=values, name=None):
            return WireType(kind="literal", values=values)
        case Choice(home=home) | Record(home=home):
            return _of_class(home, type)
        case Optional(item=item):
            return WireType(kind="optional", items=(wire_type(item),))
        case ListOf(item=item):
            return WireType(kind="list", items=(wire_type(item),))
        case TupleOf(items=items):
            return WireType(kind="tuple", items=tuple(map(wire_type, items)))
        case Opaque(home=home) if home in _PLAIN_CLASSES:
            return _of_class(home, type)
        case Opaque() | Unknown():
            raise CannotCross(str(type))


def _of_class(home: Home | None, type: Type) -> WireType:
    if home is None:
        raise CannotCross(str(type))
    return WireType(kind="class", home=home)
