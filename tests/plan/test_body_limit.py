"""The cap on a body fits what its schema allows, and never refuses a body the schema accepts."""

import json
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from dagc.plan.body_limit import KIB, LARGEST, SMALLEST, UNBOUNDED, max_body_bytes

MIB = KIB * KIB


def tensor(*dims: int) -> dict[str, object]:
    schema: dict[str, object] = {"type": "number"}
    for dim in reversed(dims):
        schema = {"type": "array", "items": schema, "minItems": dim, "maxItems": dim}
    return schema


class Address(BaseModel):
    street: str = Field(max_length=100)
    kind: Literal["home", "work"] = "home"


class Person(BaseModel):
    name: str = Field(max_length=1000)
    ages: Annotated[list[int], Field(max_length=50)]
    addresses: Annotated[list[Address], Field(max_length=20)]
    extra: tuple[float, bool] | None = None


class Free(BaseModel):
    name: str


class Tree(BaseModel):
    children: Annotated[list["Tree"], Field(max_length=2)] = []


def test_a_small_schema_has_the_smallest_cap():
    assert max_body_bytes(tensor(30)) == SMALLEST


def test_a_tensor_counts_32_bytes_an_element():
    assert 32 * 3 * 224 * 224 <= max_body_bytes(tensor(3, 224, 224)) <= 32 * 3 * 224 * 224 + 128 * KIB


@pytest.mark.parametrize(
    "schema", [True, None, {}, {"type": "string"}, {"type": "array", "items": {"type": "number"}}]
)
def test_a_schema_without_bounds_has_the_default_cap(schema):
    assert max_body_bytes(schema) == UNBOUNDED


def test_free_text_and_recursion_have_no_bound():
    assert max_body_bytes(Free.model_json_schema()) == UNBOUNDED
    assert max_body_bytes(Tree.model_json_schema()) == UNBOUNDED


def test_the_cap_ends_at_256_mib():
    assert max_body_bytes(tensor(4000, 4000)) == LARGEST


def test_the_longest_body_of_a_bounded_type_fits_even_indented_and_escaped():
    address = {"street": "😀" * 100, "kind": "home"}
    person = {"name": "😀" * 1000, "ages": [-(10**15)] * 50, "addresses": [address] * 20, "extra": [-1e-300, True]}
    Person.model_validate(person)
    longest = json.dumps(person, indent=2)
    assert len(longest) <= max_body_bytes(Person.model_json_schema()) < UNBOUNDED
