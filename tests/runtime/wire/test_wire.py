"""The form of messages between services: known bytes, every type there and back, and bytes of an enemy."""

import enum
import json
import math
import random
import struct
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import BaseModel, field_validator

from dagc import f32, u8
from dagc.runtime.settings import StartError
from dagc.runtime.wire.classes import coder_of
from dagc.runtime.wire.codec import Values
from dagc.runtime.wire.frame import WireError, Written, framed, read_json, unframed, written_json
from dagc.runtime.wire.types import WireType

ROW = WireType("tensor", dtype="f32", dims=(2,))
FLOAT = WireType("scalar", scalar="float")
TEXTS = WireType("tensor", dtype="str", dims=(None,))


class Colour(enum.Enum):
    RED = "r"


class Inner(NamedTuple):
    label: str
    row: Annotated[NDArray[np.float32], f32(2)]


@dataclass(frozen=True)
class Crop:
    pixels: Annotated[NDArray[np.uint8], u8("h", "w")]
    at: tuple[int, float]


class Outer(BaseModel):
    name: str | None = None
    when: date = date(2026, 1, 1)
    took: timedelta = timedelta(0)
    price: Decimal = Decimal(0)
    colour: Colour = Colour.RED
    kind: Literal["a", 1] = 1
    inner: Inner | None = None
    crops: list[Crop] = []
    known: dict[str, int | str] = {}
    raw: bytes = b""
    again: list["Outer"] = []

    @field_validator("name")
    @classmethod
    def longer(cls, name: str | None) -> str | None:
        return f"{name}!"


class Size(enum.StrEnum):
    LARGE = "large"


class Level(enum.IntEnum):
    HIGH = 1


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass
class Computed:
    side: float

    def __post_init__(self) -> None:
        self.area = self.side**2


class Private(BaseModel):
    _held: int = 1


def of_class(kind: type) -> WireType:
    return WireType("class", home=(kind.__module__, kind.__qualname__))


def there_and_back(type: WireType, value: object) -> object:
    values = Values("word", (type,), {})
    return values.read(values.write((value,)))[0]


def test_a_message_is_these_bytes() -> None:
    row = np.array([1.0, -2.0], np.float32)
    header = b'["word",[[[2],0],0.5],[8]]'
    padded = header + b" " * (-(len(header) + 8) % 8)
    wanted = b"DGC1" + struct.pack("<I", len(padded)) + padded + struct.pack("<2f", 1.0, -2.0)
    assert Values("word", (ROW, FLOAT), {}).write((row, 0.5)) == wanted


def test_tensors_are_views_of_one_copy_that_may_be_written_to() -> None:
    values = Values("word", (ROW, ROW), {})
    body = values.write((np.zeros(2, np.float32), np.ones(2, np.float32)))
    first, second = values.read(body)
    assert isinstance(first, np.ndarray)
    assert isinstance(second, np.ndarray)
    first[0] = 7
    assert (first[0], second[0], first.base is None) == (7.0, 1.0, False)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1, True, 2**70, 0.1])
def test_numbers_cross_as_they_are(value: float) -> None:
    found = there_and_back(FLOAT, value)
    assert type(found) is type(value)
    assert found == value or (found != found and value != value)


def test_texts_with_half_a_surrogate_and_empty_tensors_cross() -> None:
    assert there_and_back(WireType("scalar", scalar="str"), "a\ud800") == "a\ud800"
    found = there_and_back(TEXTS, np.array(["a", "ü"], object))
    assert isinstance(found, np.ndarray)
    assert found.tolist() == ["a", "ü"]
    empty = there_and_back(WireType("tensor", dtype="f32", dims=(None, 3)), np.zeros((0, 3), np.float32))
    assert isinstance(empty, np.ndarray)
    assert empty.shape == (0, 3)


@pytest.mark.parametrize(
    ("dtype", "array"),
    [
        ("bool", np.array([True, False])),
        ("i64", np.array([2**60 + 1, -(2**63)])),
        ("u64", np.array([2**64 - 1], np.uint64)),
        ("f32", np.array(1.5, np.float32)),
        ("f32", np.zeros((3, 0), np.float32)),
        ("f32", np.array([0x7FC12345, 0xFF800000], np.uint32).view(np.float32)),
        ("f64", np.arange(12.0).reshape(3, 4).T),
        ("f64", np.array([1.0, 2.0]).astype(">f8")),
        ("u8", np.frombuffer(b"abc", np.uint8)),
        ("str", np.array([["a\0", "\ud800"]], object)),
    ],
    ids=lambda value: str(getattr(value, "shape", value)),
)
def test_tensors_of_every_kind_cross_bit_by_bit_the_first_time_and_when_their_layout_is_known(
    dtype: str, array: NDArray[np.generic]
) -> None:
    values = Values("word", (WireType("tensor", dtype=dtype),), {})
    for _ in range(2):
        (found,) = values.read(values.write((array,)))
        assert isinstance(found, np.ndarray)
        assert found.flags.writeable
        assert found.shape == array.shape
        if dtype == "str":
            assert found.tolist() == array.tolist()
        else:
            assert found.tobytes() == array.astype(found.dtype).tobytes()


def test_a_known_layout_with_other_bytes_behind_it_is_refused() -> None:
    values = Values("word", (ROW,), {})
    body = values.write((np.zeros(2, np.float32),))
    values.read(body)
    for wrong in (body[:-1], body[:-8], body + b"\0", body + b"\0" * 8):
        with pytest.raises(WireError):
            values.read(wrong)


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (str | Size, Size.LARGE),
        (int | Level, Level.HIGH),
        (Rights, Rights.READ | Rights.WRITE),
        (Decimal, Decimal("-Infinity")),
        (Decimal, Decimal("1.10")),
        (datetime, datetime(2020, 1, 1, 1, 2, 3, 4, timezone(timedelta(hours=5, minutes=30)))),
        (datetime, datetime.max),
        (timedelta, timedelta.min),
        (dict[tuple[int, str], float | None], {(1, "a"): None}),
        (int | None | str, "1"),
        (Literal[True, 1, "1"], 1),
        (bytes, b""),
    ],
    ids=str,
)
def test_values_keep_their_types(hint: object, value: object) -> None:
    coder, out = coder_of(hint, {}), Written()
    values, buffers = unframed("word", framed("word", [coder.write(value, out)], out))
    found = coder.read(values[0], buffers)
    assert (type(found), found) == (type(value), value)


def test_what_a_dataclass_holds_besides_its_fields_is_not_lost_in_silence() -> None:
    with pytest.raises(WireError, match="`area` of a Computed is no field"):
        there_and_back(of_class(Computed), Computed(2.0))


def test_records_stay_what_they_are_and_no_validator_runs_again() -> None:
    crop = Crop(np.arange(6, dtype=np.uint8).reshape(2, 3), (1, 0.5))
    inner = Inner("x", np.ones(2, np.float32))
    given = Outer(name="n", inner=inner, crops=[crop], known={"a": 1, "b": "c"}, raw=b"\0\xff", again=[Outer()])
    found = there_and_back(of_class(Outer), given)
    assert isinstance(found, Outer)
    assert found.model_fields_set == given.model_fields_set
    assert found.name == "n!"
    assert found.inner
    assert type(found.inner) is Inner
    assert found.inner.row.tolist() == [1.0, 1.0]
    assert (type(found.crops[0]), found.crops[0].at) == (Crop, (1, 0.5))
    assert found.crops[0].pixels.tolist() == crop.pixels.tolist()
    assert found.model_dump(exclude={"inner", "crops"}) == given.model_dump(exclude={"inner", "crops"})


def test_what_its_fields_do_not_tell_is_refused_at_the_start() -> None:
    with pytest.raises(StartError, match="members that its fields do not tell of"):
        Values("word", (of_class(Private),), {})


@pytest.mark.parametrize(
    ("type", "value"),
    [
        (ROW, np.zeros(3, np.float32)),
        (ROW, np.zeros(2, np.float64)),
        (FLOAT, "1"),
        (WireType("literal", values=(1,)), True),
        (of_class(Outer), Private()),
        (WireType("bytes"), "text"),
    ],
    ids=str,
)
def test_a_value_of_another_type_is_not_sent(type: WireType, value: object) -> None:
    with pytest.raises(WireError):
        Values("word", (type,), {}).write((value,))


def message(header: object, *buffers: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-(len(text) + 8) % 8)
    padded = b"".join(buffer + b"\0" * (-len(buffer) % 8) for buffer in buffers)
    return b"DGC1" + struct.pack("<I", len(text)) + text + padded


HOSTILE = {
    "empty": b"",
    "another magic": b"DGC2" + message(["word", [], []])[4:],
    "a header longer than the message": b"DGC1" + struct.pack("<I", 2**32 - 1) + b"[]",
    "no JSON": message(b"{"),
    "deep": message(b"[" * 100_000),
    "another build": message(["other", [[[2], 0]], [8]], bytes(8)),
    "a buffer that is not there": message(["word", [[[2], 0]], [8]]),
    "a length below zero": message(["word", [[[2], 0]], [-8]]),
    "a length that lies": message(["word", [[[2], 0]], [2**62]], bytes(8)),
    "sizes that lie": message(["word", [[[2**62, 2], 0]], [8]], bytes(8)),
    "sizes below zero": message(["word", [[[-2], 0]], [8]], bytes(8)),
    "a number for a truth": message(["word", [[[2], True]], [8]], bytes(8)),
    "an unused buffer": message(["word", [[[2], 0]], [8, 8]], bytes(8), bytes(8)),
    "bytes behind the end": message(["word", [[[2], 0]], [8]], bytes(8)) + b"\0",
    "too many values": message(["word", [[[2], 0], 1], [8]], bytes(8)),
    "an object": message(["word", [{"dims": [2]}], []]),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_bytes_of_an_enemy_are_refused(body: bytes) -> None:
    with pytest.raises(WireError):
        Values("word", (ROW,), {}).read(body)


def test_one_buffer_for_two_tensors_is_refused() -> None:
    with pytest.raises(WireError, match="names no buffer of its own"):
        Values("word", (ROW, ROW), {}).read(message(["word", [[[2], 0], [[2], 0]], [8]], bytes(8)))


def test_a_key_that_stands_twice_is_refused() -> None:
    values = Values("word", (of_class(Outer),), {})
    body = values.write((Outer(known={"a": 1, "b": 2}),))
    with pytest.raises(WireError, match="twice"):
        values.read(body.replace(b'"b"', b'"a"'))


def test_flipped_bits_give_a_value_or_a_refusal_and_nothing_else() -> None:
    values = Values("word", (ROW, of_class(Outer)), {})
    body = values.write((np.ones(2, np.float32), Outer(raw=b"abc", known={"a": 1})))
    draw = random.Random(7)
    for _ in range(2000):
        flipped = bytearray(body)
        for _ in range(draw.randint(1, 4)):
            flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
        try:
            values.read(bytes(flipped))
        except WireError:
            continue


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), -0.0, 1e-320, 2**70, None, "null", "\ud800", "\u2028é\x00", {"a": [1.0, True]}],
    ids=repr,
)
def test_a_header_is_read_as_it_was_written_by_whichever_library_does(value: object) -> None:
    (found,) = read_json(written_json([value]))  # type: ignore[misc, attr-defined]
    assert repr(found) == repr(value)
    assert repr(json.loads(written_json([value]))) == repr([value]), "a service of an older build reads it so"
