"""Must fail with E0204: `carat` is a string where the model's column is a number."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

import dagc
from dagc import f64


class Diamond(BaseModel):
    carat: str
    depth: float
    table: float
    x: float
    y: float
    z: float
    cut: str
    color: str
    clarity: str


encode = dagc.onnx("../models/encode.onnx")


@dagc.graph
def tabular(diamond: Diamond) -> Annotated[NDArray[np.float64], f64(26)]:
    return encode(diamond)
