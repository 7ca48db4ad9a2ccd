"""Say how likely a parcel is on time: two steps, a model and some arithmetic, served as one small service."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(3)]  # one example; serving adds the batch axis
Chance = Annotated[NDArray[np.float32], f32()]


class Parcel(BaseModel):
    """A request's body; what does not fit is refused before anything runs."""

    distance_km: float = Field(ge=0, le=20_000, examples=[300.0])
    weight_kg: float = Field(gt=0, le=100, examples=[2.0])
    express: bool = False


class Promise(BaseModel):
    """The answer."""

    on_time: bool
    chance: float


# Any ONNX file will do. This one is a logistic regression that make_model.py writes, in place of a training.
late = dagc.onnx("models/late.onnx")


# A step is ordinary Python; it runs for each request.
@dagc.step
def encode(parcel: Parcel) -> Row:
    """The numbers that the model reads."""
    return np.array([parcel.distance_km, parcel.weight_kg, parcel.express], np.float32)


@dagc.step
def promise(chance: Chance) -> Promise:
    """The rule of the business, which no model should learn."""
    return Promise(on_time=bool(chance > 0.6), chance=float(chance))


# A graph says only what flows where. `1 - ...` becomes part of the model: see `dagc plan graph.py`.
@dagc.graph(version="1.0.0", deadline_s=0.2)
def on_time(parcel: Parcel) -> Promise:
    """Say how likely a parcel is on time."""
    return promise(1 - late(encode(parcel)))
