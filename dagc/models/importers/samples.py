"""Seeded rows on which an import is checked: at, near and between the values where the original decides.

Half of the numbers are rounded to few digits, because real tables are: thresholds then lie exactly on values.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dagc.models.importers.knots import Feature
from dagc.models.importers.order import SEED, Column, ImportFailure

Array = NDArray[np.generic]
Rows = dict[str, Array]

COUNT = 512
_MISSING_SHARE = 0.1
_FLOATS = {"f16": np.float16, "f32": np.float32, "f64": np.float64}


def sampled(columns: Sequence[Column], features: Sequence[Feature], count: int = COUNT) -> Rows:
    """`count` rows for each column, `[count, *dims]`; a column of several features takes the next ones."""
    random = np.random.default_rng(SEED)
    rows: Rows = {}
    place = 0
    for column in columns:
        own = features[place : place + column.width]
        place += column.width
        drawn = [_drawn(column, feature, count, random) for feature in own]
        table = np.stack(drawn, axis=1) if drawn else np.zeros((count, 0))
        rows[column.name] = table.reshape(count, *_sizes(column))
    return rows


def joined(rows: Rows, example: Mapping[str, Array] | None) -> Rows:
    """The user's own rows first, then the seeded ones.

    Raises:
        ImportFailure: E0427 for rows of other columns.
    """
    if example is None:
        return rows
    if example.keys() != rows.keys():
        wanted, given = (", ".join(f"`{name}`" for name in found) for found in (rows, example))
        message = f"the rows of `example=` have {given}, and the estimator reads {wanted}"
        raise ImportFailure("E0427", message, help="name the columns by `inputs=`")
    return {name: np.concatenate([example[name].astype(array.dtype), array]) for name, array in rows.items()}


def _drawn(column: Column, feature: Feature, count: int, random: np.random.Generator) -> Array:
    if column.choices:
        picked = random.integers(len(column.choices), size=count)
        return np.array([column.choices[place] for place in picked], _numpy(column.dtype))
    if column.dtype == "str":
        words = [str(value) for value in feature.values] or ["a", "b"]
        places = random.permutation(max(count, len(words)))[:count]
        return np.array([words[place % len(words)] for place in places], object)
    if column.dtype == "bool":
        return random.integers(2, size=count).astype(bool)
    knots = [float(value) for value in feature.values if not isinstance(value, str)]
    numbers = random.choice(knots, count) if feature.closed and knots else _numbers(knots, count, random)
    if column.dtype not in _FLOATS:
        limits = np.iinfo(_numpy(column.dtype).name)
        return np.clip(np.rint(numbers), limits.min, limits.max).astype(_numpy(column.dtype))
    if feature.may_be_missing:
        numbers[random.random(count) < _MISSING_SHARE] = np.nan
    return numbers.astype(_FLOATS[column.dtype])


def _numbers(knots: Sequence[float], count: int, random: np.random.Generator) -> NDArray[np.float64]:
    values = np.asarray(knots or (-1.0, 0.0, 1.0), np.float64)
    low, high = float(values.min()), float(values.max())
    spread = (high - low) or max(abs(high), 1.0)
    at = random.choice(values, count)
    near = at + random.normal(0, spread / 100, count)
    between = random.uniform(low - spread / 10, high + spread / 10, count)
    numbers = np.choose(random.integers(3, size=count), [at, near, between])
    digits = max(0, int(np.ceil(-np.log10(spread / 50))))
    rounded = np.where(random.random(count) < 0.5, np.round(numbers, digits), numbers)
    return np.maximum(rounded, 0.0) if low >= 0 else rounded


def _sizes(column: Column) -> tuple[int, ...]:
    return tuple(dim if isinstance(dim, int) else 1 for dim in column.dims)


def _numpy(dtype: str) -> np.dtype[np.generic]:
    names = {"str": "O", "bool": "?"}
    return np.dtype(names.get(dtype) or f"{dtype[0]}{int(dtype[1:]) // 8}")
