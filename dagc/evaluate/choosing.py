"""Which arm is taken, on Python values: one meaning for the plain call and for the graph node by node."""

import math
from collections.abc import Sequence
from enum import Enum
from hashlib import sha256
from itertools import accumulate

import numpy as np

from dagc.ir.graph import Case


class NoCase(LookupError):
    """A value that no case holds, where there is no default."""


def chosen_case(value: object, cases: Sequence[Case]) -> int | None:
    """The number of the case that holds the value; `None` when no case does. `True` is not `1`."""
    wanted = plain(value)
    for number, case in enumerate(cases):
        if any(wanted == held and isinstance(wanted, bool) == isinstance(held, bool) for held in case):
            return number
    return None


def chosen_rule(conditions: Sequence[object]) -> int:
    """The number of the first condition that holds, or how many there are."""
    return next((number for number, condition in enumerate(conditions) if plain(condition)), len(conditions))


def chosen_share(key: object, shares: Sequence[float], seed: str) -> int:
    """The number of the share a key falls in, the same on every machine and in every release.

    The first 8 bytes of SHA-256 of `<seed>/<key>` in UTF-8, as a big-endian fraction of 2**64, are looked up among
    the sums of the shares. Databases have SHA-256, so an analysis can repeat who saw what.
    """
    digest = sha256(f"{seed}/{plain(key)}".encode()).digest()
    fraction = int.from_bytes(digest[:8], "big") / 2**64
    sums = accumulate(shares)
    return next((number for number, reached in enumerate(sums) if fraction < reached), _last(shares))


def plain(value: object) -> object:
    """An enum member as its value, a one-element array as the Python value it holds."""
    if isinstance(value, Enum):
        return value.value
    return value.item() if isinstance(value, np.ndarray | np.generic) and value.size == 1 else value


def sum_to_one(shares: Sequence[float]) -> bool:
    """Whether shares or weights are a whole, up to what writing them as decimals loses."""
    return math.isclose(math.fsum(shares), 1.0, abs_tol=1e-6)


def _last(shares: Sequence[float]) -> int:
    """Where the sum of decimals falls short of 1 by a rounding, the last share that is any."""
    return max(number for number, share in enumerate(shares) if share > 0)
