"""A graph of one row through one model, for tests of how runs come about."""

GRAPH = """
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(4)]


@dagc.graph
def pick(row: Row) -> Row: ...
"""
ROUTE = "/v1/pick"
PORTS = ({"x": ("f32", (4,))}, {"y": ("f32", (4,))})
