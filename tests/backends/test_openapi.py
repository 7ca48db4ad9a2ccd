"""openapi.json holds the user's types once each, resolves every reference, and keeps data as data."""

import json
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from dagc.backends.components import Components
from dagc.backends.openapi import openapi

THERE = "#/components/schemas/"


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]
    friends: list["Dog"] = []


class Owner(BaseModel):
    """An owner."""

    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    note: str = Field(default="#/$defs/Cat", examples=[{"$ref": "#/$defs/Cat"}])


def references(value: object) -> set[str]:
    if isinstance(value, list):
        return {r for item in value for r in references(item)}
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        skipped = {"examples", "example", "default"}
        return own | {r for key, item in value.items() if key not in skipped for r in references(item)}
    return set()


def test_every_reference_of_the_document_resolves(plan):
    document = json.loads(openapi(plan.services[0]))
    assert document["openapi"] == "3.1.0" and list(document["paths"]) == ["/v1/fraud", "/v1/classify"]
    for reference in references(document):
        assert reference.removeprefix(THERE) in document["components"]["schemas"]
    post = document["paths"]["/v1/fraud"]["post"]
    assert {"200", "400", "413", "422", "503", "504"} <= set(post["responses"])
    assert post["requestBody"]["content"]["application/json"]["example"]["country"] == "DE"


def test_definitions_discriminators_and_recursion_point_to_components():
    components = Components()
    assert components.add(TypeAdapter(Owner).json_schema(), "zoo_request") == {"$ref": f"{THERE}Owner"}
    assert set(components.schemas) == {"Owner", "Cat", "Dog"}
    assert references(components.schemas) == {f"{THERE}Cat", f"{THERE}Dog"}
    text = json.dumps(components.schemas["Owner"])
    assert f'"cat": "{THERE}Cat"' in text


def test_a_users_data_that_looks_like_a_reference_stays():
    components = Components()
    components.add(TypeAdapter(Owner).json_schema(), "zoo_request")
    note = components.schemas["Owner"]["properties"]["note"]  # type: ignore[index, call-overload]
    assert note["default"] == "#/$defs/Cat" and note["examples"] == [{"$ref": "#/$defs/Cat"}]


def test_a_property_named_like_a_keyword_is_walked_as_a_property():
    components = Components()
    schema = {"properties": {"$ref": {"$ref": "#/$defs/X"}, "default": {"$ref": "#/$defs/X"}}, "$defs": {"X": {}}}
    found = components.add(schema, "a_request")  # type: ignore[arg-type]
    assert found == {"properties": {"$ref": {"$ref": f"{THERE}X"}, "default": {"$ref": f"{THERE}X"}}}


def test_equal_definitions_are_shared_and_clashing_ones_told_apart():
    components = Components()
    one = {"$ref": "#/$defs/Row", "$defs": {"Row": {"type": "string"}}}
    other = {"$ref": "#/$defs/Row", "$defs": {"Row": {"type": "number"}}}
    assert components.add(one, "a_request") == {"$ref": f"{THERE}Row"}  # type: ignore[arg-type]
    assert components.add(one, "b_request") == {"$ref": f"{THERE}Row"}  # type: ignore[arg-type]
    assert components.add(other, "c_request") == {"$ref": f"{THERE}Row_c_request"}  # type: ignore[arg-type]
    assert set(components.schemas) == {"Row", "Row_c_request"}


@pytest.mark.parametrize("title", ["Größe", "a b/c", "", "$ref", "#/components"])
def test_a_component_has_a_name_openapi_allows(title):
    components = Components()
    components.add({"type": "object", "title": title}, "a_request")
    (name,) = components.schemas
    assert name.isascii() and all(c.isalnum() or c in "._-" for c in name)
