"""The quick ways through a codec: whatever they take, the careful way takes with the same result, bit for bit."""

import json
import math
from typing import Annotated

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from dagc.dsl.tensors import f32, f64, i64
from dagc.runtime.codec import BadRequest, Codec
from dagc.runtime.members import member_count
from dagc.runtime.quick import quick_reader
from dagc.runtime.settings import EndpointSettings, Limits

Row = Annotated[NDArray[np.float32], f32(3)]
Any = Annotated[NDArray[np.float64], f64("n")]
Grid = Annotated[NDArray[np.float32], f32(None, 2)]
One = Annotated[NDArray[np.float32], f32()]
Ids = Annotated[NDArray[np.int64], i64(2)]

LIMITS = Limits(deadline_s=1.0, max_body_bytes=10_000, max_json_depth=8, max_queue=4)


def row(features: Row) -> float:
    raise NotImplementedError


def several(row: Row, every: Any, grid: Grid, one: One, count: int, name: str, flag: bool, share: float) -> float:
    raise NotImplementedError


class Part(BaseModel):
    weight: float = Field(gt=0)


class Order(BaseModel):
    name: str = Field(max_length=5)
    amount: float
    count: int
    parts: list[int]
    part: Part


def order(order: Order) -> float:
    raise NotImplementedError


def codec(function, *parameters: str, body: str | None = None) -> Codec:
    return Codec(function, EndpointSettings("e", "1", "/v1/e", body, parameters, False, LIMITS))


QUICK = {
    "row": codec(row, "features"),
    "several": codec(several, "row", "every", "grid", "one", "count", "name", "flag", "share"),
    "order": codec(order, body="order"),
}


def careful(name: str) -> Codec:
    made = {"row": lambda: codec(row, "features"), "order": lambda: codec(order, body="order")}.get(
        name, lambda: codec(several, "row", "every", "grid", "one", "count", "name", "flag", "share")
    )()
    made._quick = None
    made._members = None
    return made


CAREFUL = {name: careful(name) for name in QUICK}


def outcome(codec: Codec, body: bytes) -> object:
    try:
        arguments = codec.decode(body)
    except BadRequest as refused:
        return refused.answer
    return [
        (value.dtype, value.shape, value.tobytes(), value.flags.writeable)
        if isinstance(value, np.ndarray)
        else value
        for value in arguments
    ]


NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(),
    st.sampled_from([1e39, 3.4028235e38, -0.0, 5e-324]),
)
ODD = st.one_of(st.none(), st.booleans(), st.text(max_size=3), NUMBERS)
VALUES = st.one_of(
    ODD,
    st.lists(NUMBERS, max_size=4),
    st.lists(ODD, max_size=4),
    st.lists(st.lists(NUMBERS, max_size=3), max_size=3),
)
TEXTS = (
    "1e400",
    "-0",
    "0x1",
    "01",
    "1.",
    ".5",
    "1e5",
    "[1,2,3,]",
    '"a\nb"',
    '"\\ud800"',
    "12345678901234567890123",
    "{}",
)


def written(draw, members: dict[str, st.SearchStrategy]) -> bytes:
    """A body of these members, now and then without one, with one twice or more, or with text that is no JSON."""
    pairs = [(name, draw(values)) for name, values in members.items()]
    pairs = draw(
        st.one_of(st.just(pairs), st.permutations([*pairs, ("more", 1)]), st.just(pairs[1:]), st.just(pairs * 2))
    )
    texts = [json.dumps(value) for _, value in pairs]
    if draw(st.integers(0, 3)) == 0 and texts:
        texts[draw(st.integers(0, len(texts) - 1))] = draw(st.sampled_from(TEXTS))
    return "{%s}".__mod__(
        ",".join(f"{json.dumps(name)}:{text}" for (name, _), text in zip(pairs, texts, strict=True))
    ).encode()


SOUND = st.lists(st.floats(-1e38, 1e38), min_size=3, max_size=3)
PLAIN = {
    "row": st.one_of(SOUND, VALUES),
    "every": st.one_of(st.lists(NUMBERS, max_size=5), VALUES),
    "grid": st.one_of(st.lists(st.lists(NUMBERS, min_size=2, max_size=2), max_size=3), VALUES),
    "one": st.one_of(NUMBERS, VALUES),
    "count": st.one_of(st.integers(), VALUES),
    "name": st.one_of(st.text(), VALUES),
    "flag": st.one_of(st.booleans(), VALUES),
    "share": st.one_of(NUMBERS, VALUES),
}
FIELDS = {
    "name": st.one_of(st.text(max_size=6), VALUES),
    "amount": st.one_of(NUMBERS, VALUES),
    "count": st.one_of(st.integers(), VALUES),
    "parts": st.one_of(st.lists(st.integers(), max_size=4), VALUES),
    "part": st.one_of(st.fixed_dictionaries({"weight": NUMBERS}), VALUES),
}


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.data())
@pytest.mark.parametrize(
    ("name", "members"), [("row", {"features": PLAIN["row"]}), ("several", PLAIN), ("order", FIELDS)]
)
def test_both_ways_take_and_refuse_alike(name, members, data) -> None:
    body = written(data.draw, members)
    assert outcome(QUICK[name], body) == outcome(CAREFUL[name], body)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"null", b'{"features":[1,2,3]}', b'{"features":[1,2,3]} x', b'{"features":[1,2,NaN]}',
        b'{"features":[1,2]}', b'{"features":[1,2,3],"features":[1,2,4]}', b'{"features":[true,2,3]}',
        b'{"features":["1",2,3]}', b'\xef\xbb\xbf{"features":[1,2,3]}', b'{"features":[1,2,3.5e38]}',
        b'{"features":[3.4028235e38,0,-3.4028235e38]}', b'{"f\\u0065atures":[1,2,3]}', b'{"features":[-0,0,-0.0]}',
        b'{"features":[1,2,3],}', b'{"features":[1 ,2,\t3]}\n', b'{"\xff":[1,2,3]}', b'{"features":[1e-400,1,1]}',
        b'{"features":[1,2,' + b"9" * 400 + b"]}", b'{"features":[1,2,' + b"9" * 30 + b"]}",
    ],
)  # fmt: skip
def test_bodies_at_the_edge_go_either_way_alike(body: bytes) -> None:
    assert outcome(QUICK["row"], body) == outcome(CAREFUL["row"], body)


def test_a_plain_body_takes_the_quick_way() -> None:
    read = quick_reader({"features": Row})
    assert read is not None
    (features,) = read(b'{"features":[1,2.5,-3]}')
    np.testing.assert_array_equal(features, np.array([1, 2.5, -3], np.float32), strict=True)
    assert read(b'{"features":[1,2.5]}') is None


def test_what_reads_slowly_has_no_quick_reader() -> None:
    assert quick_reader({"ids": Ids}) is None
    assert quick_reader({"name": str}) is None
    assert quick_reader({"row": Row, "order": Order}) is None
    assert quick_reader({"share": Annotated[float, Field(gt=0)], "row": Row}) is None


def test_members_are_counted_where_all_are_required() -> None:
    class Loose(BaseModel):
        a: int
        b: int = 1

    class Checked(BaseModel):
        a: int

        @field_validator("a")
        @classmethod
        def even(cls, value: int) -> int:
            return value

    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        a: int

    assert member_count(Order.__pydantic_core_schema__) == 6
    assert member_count(Open.__pydantic_core_schema__) == 1
    assert member_count(Loose.__pydantic_core_schema__) is None
    assert member_count(Checked.__pydantic_core_schema__) is None


def test_arrays_of_the_quick_way_are_finite_and_writable() -> None:
    (features,) = QUICK["row"].decode(b'{"features":[1,2,3]}')
    features += 1
    assert math.isfinite(float(features.sum()))
