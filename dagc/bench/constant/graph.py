"""Answer a constant: what a request costs before any model has run, without and with a step that may wait.

The third graph runs a model of one multiplication: what it takes besides that run is what any run takes besides.
"""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(4)]


class Nothing(BaseModel):
    """An empty request."""


class Constant(BaseModel):
    """The one answer there is."""

    label: int
    chance: float


_CONSTANT = Constant(label=1, chance=0.5)


@dagc.step
def at_once(nothing: Nothing) -> Constant:
    """The constant."""
    return _CONSTANT


@dagc.step
async def awaited(nothing: Nothing) -> Constant:
    """The constant, from a step that could wait and does not."""
    return _CONSTANT


@dagc.graph(version="1.0.0")
def turn(nothing: Nothing) -> Constant:
    """Answered within the turn of the event loop in which it arrived."""
    return at_once(nothing)


@dagc.graph(version="1.0.0")
def task(nothing: Nothing) -> Constant:
    """Answered by a task of its own."""
    return awaited(nothing)


@dagc.graph(version="1.0.0")
def run(row: Row) -> Row:
    """Answered by a run of the smallest model."""
    return row * 2.0
