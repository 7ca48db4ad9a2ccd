"""A graph whose request has every kind of type that schemas have words for, one of bytes, and one that waits."""

import asyncio
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address
from typing import Annotated, Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, field_validator, model_validator

import dagc
from dagc import f32, i64

Row = Annotated[NDArray[np.float32], f32(3)]
Ids = Annotated[NDArray[np.int64], i64("n")]


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: float = Field(gt=0)


class Square(BaseModel):
    kind: Literal["square"]
    side: int = Field(ge=1, le=9, multiple_of=2)


class Tree(BaseModel):
    name: str = Field(max_length=8)
    children: list["Tree"] = Field(default=[], max_length=3)


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=10, pattern="^[a-z]+$")
    count: int = Field(ge=0, le=100)
    rate: float = Field(gt=0, lt=1)
    flag: bool
    colour: Colour
    level: Level
    day: date
    at: datetime
    hour: time
    span: timedelta
    price: Annotated[Decimal, Field(max_digits=6, decimal_places=2)]
    key: UUID
    place: AnyUrl
    host: IPv4Address
    shape: Annotated[Circle | Square, Field(discriminator="kind")]
    either: int | Literal["none"]
    pair: tuple[int, str]
    names: Annotated[set[str], Field(max_length=3)]
    table: dict[Literal["a", "b"], int]
    nested: list[Annotated[list[Annotated[int, Field(ge=0)]], Field(max_length=2)]]
    tree: Tree
    row: Row
    ids: Ids
    even: int
    low: int
    high: int
    note: str | None = None
    named: str = Field(default="x", alias="na-me")

    @field_validator("even")
    @classmethod
    def is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value

    @model_validator(mode="after")
    def ordered(self) -> "Everything":
        assert self.low <= self.high, "low is above high"
        return self


class Seen(BaseModel):
    fields: int
    text: str
    total: float


@dagc.step
def looked(request: Everything) -> Seen:
    total = float(request.row.sum()) + float(request.ids.sum() % 1000) + float(request.price)
    return Seen(fields=len(request.model_fields_set), text=request.text + (request.note or ""), total=total)


@dagc.step
def sized(image: bytes) -> int:
    return len(image)


@dagc.step
async def waited(word: str, numbers: list[int], row: Row, factor: float, shape: Circle | Square | None) -> str:
    await asyncio.sleep(1.0 if word == "wait" else 0.0)
    return f"{word} {len(numbers)} {row.shape} {type(shape).__name__} {factor > 1}"


@dagc.graph(version="1.0.0")
def everything(request: Everything) -> Seen:
    """What is in a request of everything."""
    return looked(request)


@dagc.graph
def pieces(
    text: Annotated[str, Field(max_length=20)],
    numbers: list[int],
    row: Row,
    factor: float = 1.0,
    shape: Circle | Square | None = None,
) -> str:
    """Several parameters, some with defaults."""
    return waited(text, numbers, row, factor, shape)


@dagc.graph
def image(image: Annotated[bytes, Field(max_length=100_000)]) -> int:
    """The size of an image."""
    return sized(image)
