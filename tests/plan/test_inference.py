"""Endpoints in the Open Inference Protocol, read off real JSON schemas; and why some have no form in it."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import BaseModel, Field, TypeAdapter

from dagc.dsl.tensors import f32, i64, string
from dagc.plan.inference import inference_libraries, open_inference
from dagc.plan.service_plan import OpenInference

Row = Annotated[NDArray[np.float32], f32(3)]
Free = Annotated[NDArray[np.int64], i64("n", 2, None)]
Word = Annotated[NDArray[np.object_], string()]


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Stone(BaseModel):
    carat: float
    colour: Colour = Colour.RED
    cut: Literal["a", "b"] | None = None
    image: bytes = b""
    row: Row = Field(alias="the row")


class Nested(BaseModel):
    stone: Stone
    free: Free


class Pair(NamedTuple):
    word: Word
    count: int


@dataclass
class Loop:
    again: "Loop"


class Holder(BaseModel):
    maybe: Stone | None = None


def form(request: object, response: object = Row) -> OpenInference | str:
    return open_inference(
        TypeAdapter(request).json_schema(), TypeAdapter(response).json_schema(mode="serialization")
    )


def told(tensors: tuple) -> list[str]:
    return [f"{each.name} {each.dtype}{list(each.dims)}{'?' if each.optional else ''}" for each in tensors]


def test_records_in_records_are_named_by_the_path_to_them() -> None:
    found = form(Nested)
    assert isinstance(found, OpenInference)
    assert told(found.inputs) == [
        "stone.carat f64[1]",
        "stone.colour str[1]?",
        "stone.cut str[1]?",
        "stone.image bytes[1]?",
        "stone.the row f32[3]",
        "free i64['n', 2, None]",
    ]
    assert found.inputs[4].path == ("stone", "the row")
    assert [each.scalar for each in found.inputs] == [True, True, True, True, False, False]


@pytest.mark.parametrize(
    ("response", "outputs"),
    [
        (Row, ["output f32[3]"]),
        (float, ["output f64[1]"]),
        (tuple[Row, bool], ["output_0 f32[3]", "output_1 bool[1]"]),
        (Pair, ["output_0 str[]", "output_1 i64[1]"]),
        (Stone, ["carat f64[1]", "colour str[1]"]),
    ],
)
def test_results_are_outputs(response: object, outputs: list[str]) -> None:
    found = form(Stone, response)
    if response is Stone:
        assert found == "its result `cut` is one that may be null"
    else:
        assert isinstance(found, OpenInference) and told(found.outputs) == outputs


@pytest.mark.parametrize(
    ("request_", "response", "why"),
    [
        (dict[str, float], Row, "its input is a dict"),
        (Stone, dict[str, float], "its result is a dict"),
        (Stone, list[float], "its result is a list"),
        (Stone, tuple[list[Row], int], "its result `output_0` is a list"),
        (Stone, None, "its result is nothing"),
        (Stone, int | str, "its result is of several types"),
        (Loop, Row, "its input `again` is a record that holds itself"),
        (Holder, Row, "its input `maybe` is a record that may be left out"),
    ],
)
def test_why_there_is_no_form_is_said_in_words(request_: object, response: object, why: str) -> None:
    assert form(request_, response) == why


def test_a_request_of_many_rows_may_be_longer_than_one_of_one() -> None:
    found = form(Nested)
    assert isinstance(found, OpenInference)
    assert found.max_rows == 256
    assert found.max_body_bytes == 16 * 1024 * 1024


def test_grpc_needs_its_packages_only_where_a_graph_has_a_form() -> None:
    assert inference_libraries(["no"]) == frozenset()
    assert inference_libraries(["no", form(Stone)]) == {"grpclib", "protobuf"}
