"""Who answers is chosen: by what a value is, by how sure a small model is, and by what kind of file has come."""

import csv
import io
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import cv2
import numpy as np
from labels import LABELS
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

import dagc
from dagc import boolean, f32, i32, i64

Sizes = Annotated[NDArray[np.float32], f32(6)]
Price = Annotated[NDArray[np.float32], f32()]
Pixels = Annotated[NDArray[np.float32], f32(64)]
Ends = Annotated[NDArray[np.int32], i32(2048)]
Chances = Annotated[NDArray[np.float32], f32(10)]
Bands = Annotated[NDArray[np.float32], f32(3)]
Digit = Annotated[NDArray[np.int64], i64()]
Label = Annotated[NDArray[np.int64], i64()]
Likely = Annotated[NDArray[np.bool_], boolean()]

SURE = 0.9
"""Above this probability the small model answers alone."""
LIKELY = 0.5
"""Below this magika itself says of no file what it is."""
SHORTEST = 8
"""Bytes; magika asks its model about no shorter file."""
IMAGES = frozenset({"bmp", "jpeg", "png", "tiff", "webp"})


class Stone(BaseModel):
    """A diamond's sizes, and where it is sold."""

    carat: float = Field(gt=0, le=10, examples=[0.71])
    depth: float = Field(gt=0, lt=100, examples=[61.8])
    table: float = Field(gt=0, lt=100, examples=[57.0])
    x: float = Field(ge=0, lt=100, examples=[5.72])
    y: float = Field(ge=0, lt=100, examples=[5.75])
    z: float = Field(ge=0, lt=100, examples=[3.54])
    market: Literal["DE", "FR", "US"]


class Diamond(BaseModel):
    """A row of a dealer's table, as `../tabular` reads it."""

    carat: float = Field(gt=0, le=10)
    depth: float = Field(gt=0, lt=100)
    table: float = Field(gt=0, lt=100)
    x: float = Field(ge=0, lt=100)
    y: float = Field(ge=0, lt=100)
    z: float = Field(ge=0, lt=100)
    cut: Literal["Fair", "Good", "Very Good", "Premium", "Ideal"]
    color: Literal["D", "E", "F", "G", "H", "I", "J"]
    clarity: Literal["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]


class Found(BaseModel):
    """What was in a file: the digit an image shows, or the price band of a stone in a row."""

    kind: Literal["image", "row"]
    digit: int | None = None
    band: str | None = None


class Guess(NamedTuple):
    """What a classifier of digits returns."""

    label: Digit
    probabilities: Chances


class Banded(NamedTuple):
    """What the classifier of `../tabular` returns."""

    label: str
    probabilities: Bands


def wheel(model: str) -> str:
    """The path of the model in the installed magika; a built service has a copy of its own, and no magika."""
    spec = find_spec("magika")
    package = Path(spec.origin).parent if spec and spec.origin else Path("magika")
    return str(package / "models" / model)


germany = dagc.onnx("models/price_de.onnx")
france = dagc.onnx("models/price_fr.onnx")
america = dagc.onnx("models/price_us.onnx")
small = dagc.onnx("models/small.onnx", returns=Guess)
big = dagc.onnx("models/big.onnx", returns=Guess)
kinds = dagc.onnx(wheel("standard_v3_3/model.onnx"))
encode = dagc.onnx("models/encode.onnx")
boosted = dagc.onnx("models/boosted.onnx", returns=Banded)


@dagc.step
def sizes(stone: Stone) -> Sizes:
    """The numbers the price models take."""
    return np.array([stone.carat, stone.depth, stone.table, stone.x, stone.y, stone.z], np.float32)


@dagc.step
def ends(file: bytes) -> Ends:
    """The first and the last 1,024 bytes without the blanks around them, as magika has it; 256 is no byte."""
    first, last = file[:4096].lstrip()[:1024], file[-4096:].rstrip()[-1024:]
    found = np.full(2048, 256, np.int32)
    found[: len(first)] = np.frombuffer(first, np.uint8)
    found[2048 - len(last) :] = np.frombuffer(last, np.uint8)
    return found


@dagc.step
def kind(file: bytes, label: Label, likely: Likely) -> Literal["image", "row", "other"]:
    """What to do with a file that magika says this of; it says nothing of files of a few bytes."""
    if len(file) < SHORTEST or not likely:
        return "other"
    named = LABELS[int(label)]
    if named in IMAGES:
        return "image"
    return "row" if named == "csv" else "other"


@dagc.step
def pixels_of(file: bytes) -> Pixels:
    """An image in the size of the digits, 16 being white."""
    image = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise dagc.Refuse("this image cannot be read", field="file")
    return (cv2.resize(image, (8, 8), interpolation=cv2.INTER_AREA).reshape(64) * (16 / 255)).astype(np.float32)


@dagc.step
def diamond_of(file: bytes) -> Diamond:
    """The stone in the first row of a table with a header."""
    row = next(csv.DictReader(io.StringIO(file.decode("utf-8", "replace"))), None)
    try:
        return Diamond.model_validate(row)
    except ValidationError:
        raise dagc.Refuse("the table has no row with the columns of a stone", field="file") from None


@dagc.step
def shown(digit: Digit) -> Found:
    """What an image is answered with."""
    return Found(kind="image", digit=int(digit))


@dagc.step
def quoted(band: str) -> Found:
    """What a row is answered with."""
    return Found(kind="row", band=band)


@dagc.step
def refused(file: bytes) -> Found:
    """What everything else is answered with."""
    raise dagc.Refuse("neither an image nor a table", field="file", status=415)


@dagc.graph(version="1.0.0")
def price(stone: Stone) -> Price:
    """What a stone costs, by the model of its market."""
    row = sizes(stone)
    return dagc.switch(
        stone.market,
        {
            "DE": lambda: germany(row)[0],
            "FR": lambda: france(row)[0],
            "US": lambda: america(row)[0],
        },
    )


def told(pixels: Pixels) -> Digit:
    """The small model's digit where it is sure, else the big model's."""

    def quick() -> tuple[Digit, Chances]:
        guess = small(pixels)
        return guess.label, guess.probabilities

    def thorough() -> tuple[Digit, Chances]:
        guess = big(pixels)
        return guess.label, guess.probabilities

    digit, _ = dagc.cascade(quick, thorough, accept=lambda guess: dagc.highest(guess[1]) > SURE)
    return digit


@dagc.graph(version="1.0.0")
def digit(pixels: Pixels) -> Digit:
    """Which digit 8x8 pixels show."""
    return told(pixels)


@dagc.graph(version="1.0.0", deadline_s=2)
def sort(file: bytes) -> Found:
    """An image to the models of digits, a table's row to those of `../tabular`, anything else back."""
    scores = kinds(ends(file))

    def stone() -> Found:
        row = encode(diamond_of(file))
        return quoted(boosted(dagc.cast(row, "f32")).label)

    return dagc.switch(
        kind(file, dagc.argmax(scores), dagc.highest(scores) >= LIKELY),
        {
            "image": lambda: shown(told(pixels_of(file))),
            "row": stone,
            "other": lambda: refused(file),
        },
    )
