"""Requests drawn from schemas are valid, the same under any hash seed, and independent of how many are asked."""

import json
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal, Optional
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pydantic import Base64Bytes, BaseModel, Field

from dagc.dsl.json_bytes import WrittenSchema
from dagc.dsl.tensors import f32, i64
from dagc.evaluate.inputs import seeded_requests


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    name: str = Field(min_length=2, max_length=5)
    count: int = Field(ge=1, lt=4)
    inner: Optional["Item"] = None


class Order(BaseModel):
    user: str = Field(pattern=r"^[A-Z]{2}-\d{3,4}(x|yy)?$")
    amount: float = Field(gt=0, le=10)
    country: Literal["DE", "FR"]
    colour: Colour
    items: list[Item] = Field(min_length=1, max_length=3)
    when: date
    id: UUID
    ratio: Annotated[float, Field(multiple_of=0.25, ge=0, le=1)]
    flag: bool
    pair: tuple[int, str]
    tags: set[Literal["a", "b", "c"]] = Field(min_length=1)
    prices: dict[str, float] = {}
    note: str | None = None
    row: Annotated[NDArray[np.float32], f32(3)]
    left: Annotated[NDArray[np.float32], f32("n", 2)]
    right: Annotated[NDArray[np.int64], i64("n")]


def test_every_request_is_valid_for_the_type_its_schema_came_from() -> None:
    schema = Order.model_json_schema()
    for request in seeded_requests(schema, 200, seed=1):
        order = Order.model_validate_json(json.dumps(request))
        assert len(order.left) == len(order.right), "dims of one name have one size in a request"


class Bill(BaseModel):
    total: Annotated[Decimal, Field(max_digits=8, decimal_places=2, ge=0, le=100_000)]
    rate: Decimal | None = None
    stamp: Base64Bytes


def test_decimals_have_the_digits_and_bytes_the_form_their_types_ask_for() -> None:
    schema = Bill.model_json_schema(schema_generator=WrittenSchema)
    drawn = list(seeded_requests(schema, 100, seed=1))
    assert all(Bill.model_validate_json(json.dumps(request)) for request in drawn)
    assert {type(request["total"]) for request in drawn if isinstance(request, dict)} == {str, float}


def test_the_first_requests_stand_at_the_bounds() -> None:
    lowest, highest, *_ = seeded_requests(Item.model_json_schema(), 3, seed=0)
    assert isinstance(lowest, dict) and isinstance(highest, dict)
    assert (lowest["count"], highest["count"]) == (1, 3)
    assert (len(str(lowest["name"])), len(str(highest["name"]))) == (2, 5)


def test_asking_for_more_does_not_change_the_earlier_ones() -> None:
    schema = Order.model_json_schema()
    assert list(seeded_requests(schema, 5, seed=3)) == list(seeded_requests(schema, 50, seed=3))[:5]
    assert list(seeded_requests(schema, 5, seed=3)) != list(seeded_requests(schema, 5, seed=4))


def test_the_same_requests_come_under_any_hash_seed() -> None:
    program = (
        "import json, sys; from dagc.evaluate.inputs import seeded_requests; "
        "print(json.dumps(list(seeded_requests(json.loads(sys.argv[1]), 20, 7))))"
    )
    schema = json.dumps(Order.model_json_schema())
    texts = {
        subprocess.run(
            [sys.executable, "-c", program, schema],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(texts) == 1


def test_the_bounds_of_a_dtype_are_not_taken_for_meaningful_numbers() -> None:
    schema = {"type": "array", "items": {"type": "number", "minimum": -3.4e38, "maximum": 3.4e38}, "minItems": 8}
    drawn = [abs(x) for request in seeded_requests(schema, 50, 0) for x in request]  # type: ignore[union-attr]
    assert max(drawn) <= 1000
