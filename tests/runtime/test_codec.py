"""Bytes from strangers: what is taken, what is refused, with which code and field; nothing is repeated."""

import json
import random
import time
from enum import Enum
from typing import Annotated, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from dagc.dsl.tensors import f32, i64
from dagc.runtime.body import _flaw_found_by_parsing, flaw
from dagc.runtime.codec import BadRequest, Codec, NonFiniteAnswer
from dagc.runtime.settings import EndpointSettings, Limits, StartError

Row = Annotated[NDArray[np.float32], f32(3)]
Free = Annotated[NDArray[np.int64], i64("n")]


class Colour(Enum):
    RED = "red"


class Inner(BaseModel):
    weight: float
    count: int = 0


class Order(BaseModel):
    name: str = Field(default="", max_length=8)
    amount: float = 0.0
    inner: Inner | None = None
    inners: list[Inner] = []
    kind: Literal["a", "b"] = "a"
    colour: Colour = Colour.RED
    anything: object = None


class Reply(BaseModel):
    score: float
    scores: list[float] = []
    note: str | None = None


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Tricky(BaseModel):
    type: float
    default: float
    metadata: dict[str, float]
    function: tuple[float, ...] = ()


def tricky(it: Tricky) -> Reply: ...


def whole(order: Order) -> Reply: ...


def apart(amount: float, row: Row, ids: Free, limit: int = 7) -> tuple[Row, float]: ...


def row_only(features: Row) -> Row: ...


class Series(BaseModel):
    days: Free
    more: Free | None = None
    sold: Annotated[NDArray[np.float32], f32("n", "m")]


class Told(TypedDict):
    ids: Free


def series(it: Series) -> Reply: ...


def several(ids: Free, sold: Annotated[NDArray[np.float32], f32("n")], told: Told) -> Reply: ...


def animal(pet: Annotated[Cat | Dog, Field(discriminator="kind")]) -> None: ...


def codec(function, body=None, depth=32):
    names = tuple(name for name in function.__annotations__ if name != "return")
    settings = EndpointSettings("e", "1", "/v1/e", body, names, False, Limits(1.0, 1000, depth, 10))
    return Codec(function, settings)


ORDER = codec(whole, "order")
APART = codec(apart)


def refused(which, body):
    with pytest.raises(BadRequest) as caught:
        which.decode(body if isinstance(body, bytes) else json.dumps(body).encode())
    answer = caught.value.answer
    error = json.loads(answer.body)["error"]
    return answer.status, error["code"], error.get("field")


def test_a_record_is_the_whole_body_and_parameters_are_members_of_an_object():
    (order,) = ORDER.decode(b'{"name":"x","amount":2,"inner":{"weight":1}}')
    assert order == Order(name="x", amount=2.0, inner=Inner(weight=1))
    amount, row, ids, limit = APART.decode(b'{"amount":1.5,"row":[1,2,3],"ids":[4,5]}')
    assert (amount, row.tolist(), ids.tolist(), limit) == (1.5, [1.0, 2.0, 3.0], [4, 5], 7)
    assert row.dtype == np.float32
    (row,) = codec(row_only).decode(b'{"features":[1,2,3]}')
    assert row.tolist() == [1, 2, 3]


def test_a_name_is_one_size_in_all_tensors_of_a_request():
    one, apart = codec(series, "it"), codec(several)
    assert one.decode(b'{"days":[1,2],"sold":[[1],[2]]}')[0].sold.shape == (2, 1)
    assert refused(one, {"days": [1, 2], "sold": [[1, 2]]}) == (422, "validation", "sold")
    assert len(apart.decode(b'{"ids":[1],"sold":[1],"told":{"ids":[2]}}')) == 3
    assert refused(apart, {"ids": [1], "sold": [1, 2], "told": {"ids": [1]}}) == (422, "validation", "sold")
    assert refused(apart, {"ids": [1], "sold": [1], "told": {"ids": []}}) == (422, "validation", "told.ids")


HOSTILE = [
    (b"", 400, "empty_body", None),
    (b" ", 400, "bad_json", None),
    (b"{", 400, "bad_json", None),
    (b"\xef\xbb\xbf{}", 400, "bad_json", None),
    (b'{"name":"\xff"}', 400, "not_utf8", None),
    (b'{"name":"\xed\xa0\x80"}', 400, "not_utf8", None),
    (b'{"name":"\\ud800"}', 400, "bad_json", None),
    (b"{} {}", 400, "bad_json", None),
    (b"[" * 100_000, 400, "bad_json", None),
    (b"[" * 40 + b"]" * 40, 400, "too_deep", None),
    (b'{"anything":' * 33 + b"1" + b"}" * 33, 400, "too_deep", None),
    (b'{"name":"' + b"]" * 40 + b'","anything":' + b"[" * 40 + b"]" * 40 + b"}", 400, "too_deep", None),
    (b"[]", 422, "validation", None),
    (b"null", 422, "validation", None),
    (b'{"amount":1,"amount":2}', 422, "duplicate_key", "amount"),
    (b'{"amount":1,"\\u0061mount":2}', 422, "duplicate_key", "amount"),
    (b'{"inner":{"weight":1,"weight":2}}', 422, "duplicate_key", "weight"),
    (b'{"unknown":{"a":1,"b":[{"c":1, "c" :2}]}}', 422, "duplicate_key", "c"),
    (b'{"amount":NaN}', 422, "validation", "amount"),
    (b'{"amount":-Infinity}', 422, "validation", "amount"),
    (b'{"amount":1e400}', 422, "validation", "amount"),
    (b'{"amount":"inf"}', 422, "validation", "amount"),
    (b'{"amount":"NaN"}', 422, "validation", "amount"),
    (b'{"amount":1' + b"0" * 400 + b"}", 422, "validation", "amount"),
    (b'{"amount":1' + b"0" * 5000 + b"}", 400, "bad_json", None),
    (b'{"inner":{"weight":NaN}}', 422, "validation", "inner.weight"),
    (b'{"inner":{"weight":1,"count":1' + b"0" * 30 + b"}}", 422, "validation", "inner.count"),
    (b'{"inners":[{"weight":1},{"weight":1e999}]}', 422, "validation", "inners.1.weight"),
    (b'{"anything":[1,{"x":NaN}]}', 422, "validation", "anything.1.x"),
    (b'{"ignored":Infinity}', 422, "validation", "ignored"),
    (b'{"name":"123456789"}', 422, "validation", "name"),
]


@pytest.mark.parametrize(("body", "status", "code", "field"), HOSTILE)
def test_a_hostile_record_is_refused_with_its_code_and_field(body, status, code, field):
    assert refused(ORDER, body) == (status, code, field)


PARAMETERS = {"amount": 1, "row": [1, 2, 3], "ids": [1]}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"extra": 1}, "extra"),
        ({"row": [1, 2]}, "row"),
        ({"row": [1, 2, "x"]}, "row"),
        ({"row": [1, 2, 1e39]}, "row"),
        ({"row": [1, 2, True]}, "row"),
        ({"ids": [2**63]}, "ids"),
        ({"ids": [1.5]}, "ids"),
        ({"amount": None}, "amount"),
        ({"limit": 2**70}, "limit"),
    ],
)
def test_hostile_parameters_are_refused_with_their_field(change, field):
    status, code, named = refused(APART, PARAMETERS | change)
    assert (status, code) == (422, "validation")
    assert named.startswith(field)


@pytest.mark.parametrize("field", ["type", "default", "metadata.x", "function.0"])
def test_fields_named_like_words_of_a_schema_are_as_strict_as_others(field):
    name, _, inside = field.partition(".")
    bad = {"x": "inf"} if inside == "x" else ["inf"] if inside else "inf"
    body = {"type": 1, "default": 2, "metadata": {}, name: bad}
    assert refused(codec(tricky, "it"), body) == (422, "validation", field)


def test_a_missing_parameter_is_named():
    assert refused(APART, {"amount": 1, "ids": []}) == (422, "validation", "row")


def test_the_quick_look_for_repeated_keys_misses_none():
    draw = random.Random(11)
    words = ["a", "b", '"', 'a"', '"a', "\\", ":", 'a":', "é", "a b", "", "\n"]
    found = 0
    for _ in range(20_000):
        body = _object(draw, words, 0)
        exact = _flaw_found_by_parsing(body.encode()) is not None
        found += exact
        assert not exact or flaw(body.encode(), 32) is not None, body
    assert found > 1000


def _object(draw, words, depth):
    members = []
    for _ in range(draw.randrange(4)):
        key = json.dumps(draw.choice(words), ensure_ascii=draw.random() < 0.5)
        if draw.random() < 0.2:
            key = key.replace("a", "\\u0061").replace('\\"', "\\u0022")
        value = (
            json.dumps(draw.choice(words)) if depth > 2 or draw.random() < 0.6 else _object(draw, words, depth + 1)
        )
        members.append(f"{key}{draw.choice(['', ' '])}:{value}")
    return "{" + ",".join(members) + "}"


def test_strings_full_of_brackets_colons_and_nan_are_only_strings():
    body = {"name": "a:b", "anything": ["[[[[{{{{" * 20, ':"x":', "NaN", "Infinity", '"', "\\", "\\\\:"]}
    (order,) = ORDER.decode(json.dumps(body).encode())
    assert order.anything == body["anything"]


def test_depth_up_to_the_limit_is_taken():
    (order,) = ORDER.decode(b'{"anything":' + b"[" * 31 + b"]" * 31 + b"}")
    assert order.anything is not None
    assert refused(ORDER, b'{"anything":' + b"[" * 32 + b"]" * 32 + b"}")[1] == "too_deep"
    wide = json.dumps({"anything": [[i, [i]] for i in range(2000)]}).encode()
    assert len(ORDER.decode(wide)[0].anything) == 2000


def test_equal_keys_in_different_objects_are_no_duplicates():
    (order,) = ORDER.decode(b'{"inners":[{"weight":1,"count":1},{"weight":2,"count":2}]}')
    assert [inner.weight for inner in order.inners] == [1, 2]


def test_errors_name_up_to_20_fields_and_repeat_no_value():
    secret = "s3cr3t-canary"
    body = {"name": secret, "amount": secret, "kind": secret, "colour": secret, "inner": {"weight": secret}}
    with pytest.raises(BadRequest) as caught:
        ORDER.decode(json.dumps(body).encode())
    answer = caught.value.answer
    error = json.loads(answer.body)["error"]
    assert secret.encode() not in answer.body
    assert [found["field"] for found in error["details"]] == ["name", "amount", "inner.weight", "kind", "colour"]
    with pytest.raises(BadRequest) as caught:
        codec(animal, "pet").decode(json.dumps({"kind": secret}).encode())
    assert secret.encode() not in caught.value.answer.body


def test_a_body_made_of_mistakes_is_refused_quickly():
    many = {f"k{i}": 1 for i in range(20_000)} | PARAMETERS
    started = time.process_time()
    status, code, _ = refused(APART, many)
    assert (status, code) == (422, "validation")
    assert refused(ORDER, {"inners": ["x"] * 200_000})[2] == "inners.0"
    assert time.process_time() - started < 8


@pytest.mark.parametrize(
    "body", [b'"' * 200_000, b'{"a":"' + b'\\"' * 200_000, b'":' * 100_000, b"[]" * 100_000, b'"\\' * 100_000]
)
def test_the_scans_are_linear_on_hostile_text(body):
    started = time.process_time()
    flaw(body, 32)
    assert time.process_time() - started < 5  # a few ms; quadratic scans take minutes


def test_the_scans_cost_next_to_nothing():
    body = json.dumps({"features": [i * 1.2345678 - 20 for i in range(30)]}).encode()
    record = json.dumps({f"field{i}": "x" * 20 for i in range(12)}).encode()
    for text in (body, record):
        best = min(_seconds(text) for _ in range(20))
        assert best < 100e-6  # 2 to 4 us when written


def _seconds(text):
    started = time.process_time()
    for _ in range(200):
        flaw(text, 32)
    return (time.process_time() - started) / 200


def test_results_are_written_by_the_annotated_type():
    assert ORDER.encode(Reply(score=0.5, note="n")).body == b'{"score":0.5,"scores":[],"note":"n"}'
    assert APART.encode((np.array([1, 2, 3], np.float32), 0.25)).body == b"[[1.0,2.0,3.0],0.25]"
    assert ORDER.encode(Reply(score=1, note=None)).body == b'{"score":1.0,"scores":[],"note":null}'
    assert ORDER.encode(Reply(score=1, note="NaN or null")).status == 200


@pytest.mark.parametrize(
    ("which", "value", "field"),
    [
        (ORDER, Reply(score=float("nan")), "score"),
        (ORDER, Reply(score=1, scores=[1, float("inf")]), "scores.1"),
        (APART, (np.array([1, np.nan, 3], np.float32), 1.0), "0.1"),
        (APART, (np.array([1, 2, 3], np.float32), float("-inf")), "1"),
    ],
)
def test_a_result_that_is_not_finite_is_no_answer(which, value, field):
    with pytest.raises(NonFiniteAnswer) as caught:
        which.encode(value)
    assert caught.value.field == field


def test_annotations_that_make_no_schema_stop_the_start():
    class Opaque: ...

    def bad(x: Opaque) -> Opaque: ...

    with pytest.raises(StartError) as caught:
        codec(bad)
    assert caught.value.code == "types"
