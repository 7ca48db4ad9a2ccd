"""The example of a schema is accepted by the type the schema came from."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Literal
from uuid import UUID

import pytest
from pydantic import UUID4, AnyUrl, BaseModel, Field, TypeAdapter

from dagc.backends.example import _DEEPEST, _Sample


class Colour(Enum):
    RED = "red"


class Inner(BaseModel):
    ratio: float = Field(gt=0, lt=1)
    tree: "Inner | None" = None


class Outer(BaseModel):
    name: str = Field(min_length=3, max_length=10)
    colour: Colour
    kind: Literal["a", "b"]
    inner: Inner
    rows: Annotated[list[tuple[int, float]], Field(min_length=2)]


TYPES = [
    Outer,
    float,
    bool,
    list[int],
    tuple[int, str],
    int | str,
    dict[str, int],
    datetime,
    date,
    time,
    timedelta,
    Decimal,
    UUID,
    UUID4,
    AnyUrl,
    IPv4Address,
    IPv6Address,
    Annotated[int, Field(ge=7)],
    Annotated[int, Field(le=-7)],
    Annotated[int, Field(gt=7, lt=9)],
    Annotated[float, Field(lt=-0.5)],
    Annotated[float, Field(gt=1)],
    Annotated[float, Field(ge=2, le=2)],
    Annotated[str, Field(max_length=2)],
    Annotated[list[int], Field(max_length=0)],
    Annotated[str, Field(examples=["mine"])],
]


@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_an_example_is_accepted_by_its_type(type_):
    adapter = TypeAdapter(type_)
    schema = adapter.json_schema()
    adapter.validate_python(_Sample(schema.get("$defs", {})).value(schema, _DEEPEST), strict=False)
