"""The types of values that cross edges. Tensors describe one example: the batch axis is never among their dims."""

from dataclasses import dataclass, field
from dataclasses import field as dataclass_field
from enum import StrEnum
from typing import Literal, final

Dim = int | str | None
"""A fixed size, a named free size, or unknown (never assumed to match anything)."""


class DType(StrEnum):
    """Element types of tensors, named as users write them (`f32`, `i64`, `str`)."""

    F16 = "f16"
    F32 = "f32"
    F64 = "f64"
    I8 = "i8"
    I16 = "i16"
    I32 = "i32"
    I64 = "i64"
    U8 = "u8"
    U16 = "u16"
    U32 = "u32"
    U64 = "u64"
    BOOL = "bool"
    STR = "str"


@final
@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of one example; `dims` is `()` for one element and `None` when not even the rank is known."""

    dtype: DType
    dims: tuple[Dim, ...] | None

    def __str__(self) -> str:
        if self.dims is None:
            return f"{self.dtype}[...]"
        return f"{self.dtype}[{', '.join('?' if d is None else str(d) for d in self.dims)}]"


Home = tuple[str, str]
"""Where a class of the user's is imported from: its module and qualified name."""

ScalarKind = Literal["int", "float", "str", "bool"]


@final
@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which numbers a number is; an `open` end does not belong to it, `None` is no end."""

    low: float | None = None
    high: float | None = None
    low_is_open: bool = False
    high_is_open: bool = False

    def holds(self, number: float) -> bool:
        """Whether the number lies between them."""
        above = self.low is None or number > self.low or (number == self.low and not self.low_is_open)
        below = self.high is None or number < self.high or (number == self.high and not self.high_is_open)
        return above and below


@final
@dataclass(frozen=True, slots=True)
class Scalar:
    """A Python number, string or truth value. In arithmetic it is weak, as in NumPy 2 (NEP 50).

    `bounds` are those its declaration gives a number. A type with bounds is no other type than one without.
    """

    kind: ScalarKind
    bounds: Bounds | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.kind


@final
@dataclass(frozen=True, slots=True)
class Bytes:
    """A Python `bytes` value."""

    def __str__(self) -> str:
        return "bytes"


@final
@dataclass(frozen=True, slots=True)
class Choice:
    """One of a closed set of values: `Literal[...]`, or an `Enum` (then `name` is its class)."""

    values: tuple[str | int | bool, ...]
    name: str | None = None
    home: Home | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.name or f"Literal[{', '.join(repr(v) for v in self.values)}]"


@final
@dataclass(frozen=True, slots=True)
class Optional:
    """A value or `None`."""

    item: "Type"

    def __str__(self) -> str:
        return f"{self.item} | None"


@final
@dataclass(frozen=True, slots=True)
class ListOf:
    """A Python list of equal types."""

    item: "Type"

    def __str__(self) -> str:
        return f"list[{self.item}]"


@final
@dataclass(frozen=True, slots=True)
class TupleOf:
    """A Python tuple of fixed length."""

    items: tuple["Type", ...]

    def __str__(self) -> str:
        return f"tuple[{', '.join(str(i) for i in self.items)}]"


@final
@dataclass(frozen=True, slots=True)
class RecordField:
    """One named member of a record."""

    name: str
    type: "Type"


@final
@dataclass(frozen=True, slots=True)
class Record:
    """A pydantic model, dataclass or NamedTuple; two records are the same type when their class is."""

    name: str
    fields: tuple[RecordField, ...]
    home: Home | None = dataclass_field(default=None, compare=False)

    def field(self, name: str) -> RecordField | None:
        """The field of that name, if there is one."""
        return next((f for f in self.fields if f.name == name), None)

    def __str__(self) -> str:
        return self.name


@final
@dataclass(frozen=True, slots=True)
class Opaque:
    """A Python type the compiler does not look into; it flows between steps and is compared by name."""

    name: str
    home: Home | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.name


@final
@dataclass(frozen=True, slots=True)
class Unknown:
    """The type of a value whose producer has already been reported; it agrees with everything, silently."""

    def __str__(self) -> str:
        return "?"


Type = Tensor | Scalar | Bytes | Choice | Optional | ListOf | TupleOf | Record | Opaque | Unknown
