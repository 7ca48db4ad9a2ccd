"""What a conversion gives: the model, the rows it was tried on, and the original's answers to them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dagc.models.importers.order import Column
from dagc.models.importers.samples import Rows


@dataclass(frozen=True, slots=True)
class Made:
    """A converted model with what it must answer."""

    model: bytes
    columns: tuple[Column, ...]
    rows: Rows
    answers: dict[str, NDArray[np.generic]]
