"""Say which price band a diamond belongs to: a scikit-learn pipeline of two models, served as one."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import f32

Probabilities = Annotated[NDArray[np.float32], f32(3)]


class Diamond(BaseModel):
    """One stone, as a dealer's table has it."""

    carat: float = Field(gt=0, le=10, examples=[0.71])
    depth: float = Field(gt=0, lt=100, description="total depth in percent of the width", examples=[61.8])
    table: float = Field(
        gt=0, lt=100, description="width of the top in percent of the widest point", examples=[57.0]
    )
    x: float = Field(ge=0, lt=100, description="length in mm", examples=[5.72])
    y: float = Field(ge=0, lt=100, description="width in mm", examples=[5.75])
    z: float = Field(ge=0, lt=100, description="depth in mm", examples=[3.54])
    cut: Literal["Fair", "Good", "Very Good", "Premium", "Ideal"]
    color: Literal["D", "E", "F", "G", "H", "I", "J"]
    clarity: Literal["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]


class Quote(BaseModel):
    """The band, and how sure the model is of each."""

    band: Literal["budget", "middle", "premium"]
    probabilities: dict[str, float]


class Banded(NamedTuple):
    """What the classifier returns."""

    label: str
    probabilities: Probabilities


encode = dagc.onnx("models/encode.onnx")
boosted = dagc.onnx("models/boosted.onnx", returns=Banded)


@dagc.step
def quote(label: str, probabilities: Probabilities) -> Quote:
    """Name the probabilities; the classifier's classes are in alphabetical order."""
    chances = dict(zip(("budget", "middle", "premium"), probabilities.tolist(), strict=True))
    return Quote.model_validate({"band": label, "probabilities": chances})


@dagc.graph(version="1.0.0")
def tabular(diamond: Diamond) -> Quote:
    """Classify one diamond by price band."""
    row = encode(diamond)
    banded = boosted(dagc.cast(row, "f32"))  # scikit-learn scales in float64, its trees read float32
    return quote(banded.label, banded.probabilities)
