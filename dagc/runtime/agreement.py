"""Whether two answers are equal: of numbers within a relative 1e-5, of records member by member."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

RELATIVE = 1e-5
"""Two float32 models of the same arithmetic in another order stay below it."""
ABSOLUTE = 1e-6
"""For numbers near 0."""


def agree(one: object, other: object) -> bool:
    """Whether the answers agree; NaN agrees with NaN."""
    if isinstance(one, BaseModel) and isinstance(other, BaseModel):
        return type(one) is type(other) and agree(dict(one), dict(other))
    if isinstance(one, np.ndarray | np.generic | float) or isinstance(other, np.ndarray | np.generic | float):
        return _close(np.asarray(one), np.asarray(other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(agree(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(agree, one, other))
    return bool(one == other)


def _close(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    if one.shape != other.shape:
        return False
    kinds = one.dtype.kind + other.dtype.kind
    if "f" in kinds and not kinds.strip("fiu"):
        return bool(np.allclose(one, other, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True))
    return bool((one == other).all())
