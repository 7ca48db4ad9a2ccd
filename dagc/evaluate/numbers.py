"""Numbers drawn within the bounds of a JSON schema, with IEEE arithmetic only, so every machine draws the same."""

import math
import random
from typing import Literal

from pydantic import JsonValue

Edge = Literal["lowest", "highest"] | None

_SCALES = (1.0, 1.0, 1.0, 10.0, 1000.0)
"""Most features of models are near 1 or standardised; some are money or counts."""

_TYPE_LIMIT = 2.0**31 - 1
"""Bounds this far out are those of a dtype, not of a meaning: they count as free."""


def integer(schema: dict[str, JsonValue], rng: random.Random, edge: Edge) -> int:
    """A whole number within the bounds; a free side reaches 100 from the other, or from zero."""
    step = _number(schema.get("multipleOf")) or 1
    low, high = _bounds(schema, reach=100.0)
    least = math.ceil(low / step) + (low == _number(schema.get("exclusiveMinimum")) and low % step == 0)
    most = math.floor(high / step) - (high == _number(schema.get("exclusiveMaximum")) and high % step == 0)
    drawn = rng.randint(least, max(least, most))
    return int(step * {"lowest": least, "highest": max(least, most)}.get(edge or "", drawn))


def number(schema: dict[str, JsonValue], rng: random.Random, edge: Edge) -> float:
    """A float within the bounds, of six decimals; bounds that are excluded are kept at a distance."""
    low, high = _bounds(schema, reach=rng.choice(_SCALES))
    margin = (high - low) * 1e-3
    least = low + margin if "exclusiveMinimum" in schema else low
    most = high - margin if "exclusiveMaximum" in schema else high
    drawn = min(max(round(least + (most - least) * rng.random(), 6), least), most)
    step = _number(schema.get("multipleOf"))
    if step:
        return math.ceil(least / step) * step if edge == "lowest" else math.floor(max(drawn, least) / step) * step
    return {"lowest": least, "highest": most}.get(edge or "", drawn)


def beside(value: float, rng: random.Random, *, whole: bool) -> float:
    """The value, its neighbours, or what lies half of it above or below."""
    towards = rng.choice((-math.inf, math.inf))
    far = value + math.copysign(1 + abs(value) / 2, towards)
    if whole:
        return rng.choice((round(value), round(value) + (1 if towards > 0 else -1), round(far)))
    return rng.choice((float(value), math.nextafter(value, towards), float(far)))


def _bounds(schema: dict[str, JsonValue], *, reach: float) -> tuple[float, float]:
    lows = [_number(schema.get(key)) for key in ("minimum", "exclusiveMinimum")]
    highs = [_number(schema.get(key)) for key in ("maximum", "exclusiveMaximum")]
    low = max((value for value in lows if value is not None and value > -_TYPE_LIMIT), default=None)
    high = min((value for value in highs if value is not None and value < _TYPE_LIMIT), default=None)
    if low is None:
        low = -reach if high is None else min(-reach, high - reach)
    if high is None:
        high = max(reach, low + reach)
    return low, high


def _number(value: JsonValue) -> float | None:
    return value if isinstance(value, int | float) else None
