"""Must fail with E0206: the model's column `clarity` is called `purity` in the record."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

import dagc
from dagc import f64


class Diamond(BaseModel):
    carat: float
    depth: float
    table: float
    x: float
    y: float
    z: float
    cut: str
    color: str
    purity: str


encode = dagc.onnx("../models/encode.onnx")


@dagc.graph
def tabular(diamond: Diamond) -> Annotated[NDArray[np.float64], f64(26)]:
    return encode(diamond)
