"""Put a new model in the place of an old one: in its shadow, then for a tenth of the dealers, then for all."""

import asyncio
import os
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(26)]
Probabilities = Annotated[NDArray[np.float32], f32(3)]


class Diamond(BaseModel):
    """One stone, as a dealer's table has it."""

    carat: float = Field(gt=0, le=10)
    depth: float = Field(gt=0, lt=100, description="total depth in percent of the width")
    table: float = Field(gt=0, lt=100, description="width of the top in percent of the widest point")
    x: float = Field(ge=0, lt=100, description="length in mm")
    y: float = Field(ge=0, lt=100, description="width in mm")
    z: float = Field(ge=0, lt=100, description="depth in mm")
    cut: Literal["Fair", "Good", "Very Good", "Premium", "Ideal"]
    color: Literal["D", "E", "F", "G", "H", "I", "J"]
    clarity: Literal["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]


class Quote(BaseModel):
    """The band, and how sure the model is of each."""

    band: Literal["budget", "middle", "premium"]
    probabilities: dict[str, float]


class Banded(NamedTuple):
    """What both classifiers return."""

    label: str
    probabilities: Probabilities


encode = dagc.onnx("models/encode.onnx")
champion = dagc.onnx("models/champion.onnx", returns=Banded)
challenger = dagc.onnx("models/challenger.onnx", returns=Banded)


@dagc.step
def quote(label: str, probabilities: Probabilities) -> Quote:
    """Name the probabilities; the classifiers' classes are in alphabetical order."""
    chances = dict(zip(("budget", "middle", "premium"), probabilities.tolist(), strict=True))
    return Quote.model_validate({"band": label, "probabilities": chances})


@dagc.step
async def drilled(row: Row) -> Row:
    """The same row; `DRILL=slow` and `DRILL=broken` try what a challenger must not be able to do."""
    if os.environ.get("DRILL") == "broken":
        raise RuntimeError("a drill")
    await asyncio.sleep(2 if os.environ.get("DRILL") == "slow" else 0)
    return row


def same_band(one: Quote, other: Quote) -> bool:
    """Whether two models sell the stone in the same band."""
    return one.band == other.band


@dagc.graph(version="1.0.0")
def watched(diamond: Diamond) -> Quote:
    """The champion answers; the challenger sees the same stones and is compared with it."""
    row = dagc.cast(encode(diamond), "f32")

    def old() -> Quote:
        banded = champion(row)
        return quote(banded.label, banded.probabilities)

    def new() -> Quote:
        banded = challenger(drilled(row))
        return quote(banded.label, banded.probabilities)

    return dagc.shadow(old, new, compare=same_band)


@dagc.graph(version="1.0.0")
def canary(diamond: Diamond, dealer: Annotated[str, Field(max_length=40)]) -> Quote:
    """The challenger answers a tenth of the dealers, always the same ones."""
    row = dagc.cast(encode(diamond), "f32")

    def old() -> Quote:
        banded = champion(row)
        return quote(banded.label, banded.probabilities)

    def new() -> Quote:
        banded = challenger(row)
        return quote(banded.label, banded.probabilities)

    return dagc.split((0.9, old), (0.1, new), key=dealer)


@dagc.graph(version="2.0.0")
def promoted(diamond: Diamond) -> Quote:
    """The challenger answers."""
    banded = challenger(dagc.cast(encode(diamond), "f32"))
    return quote(banded.label, banded.probabilities)
