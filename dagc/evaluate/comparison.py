"""Two JSON answers, or two arrays, compared place by place: exact for all but floats, these within a tolerance."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from dagc.evaluate.jsonable import jsonable
from dagc.evaluate.kernels import Array
from dagc.evaluate.tolerance import Tolerance


@dataclass(frozen=True, slots=True)
class Difference:
    """One compared place.

    `path` names it (`$.probabilities[1]`), `size` is `|a - b| / max(1, |b|)` of two floats (`None` for what must
    be exact), and `failure` says in words what is wrong, or is `None`.
    """

    path: str
    size: float | None = None
    failure: str | None = None


def differences(
    given: JsonValue, wanted: JsonValue, tolerance: Tolerance, path: str = "$", *, alike: bool = False
) -> Iterator[Difference]:
    """Every place of two answers, in the order of the wanted one; where they have to be `alike`, 1 is not 1.0."""
    match given, wanted:
        case dict(), dict():
            yield from _objects(given, wanted, tolerance, path, alike=alike)
        case list(), list():
            if len(given) != len(wanted):
                yield Difference(path, failure=f"has {len(given)} items, not {len(wanted)}")
                return
            for index, (one, other) in enumerate(zip(given, wanted, strict=True)):
                yield from differences(one, other, tolerance, f"{path}[{index}]", alike=alike)
        case _:
            yield _leaf(given, wanted, tolerance, path, alike=alike)


def value_differences(given: object, wanted: object, tolerance: Tolerance, path: str) -> Iterator[Difference]:
    """Every place of two values that are no answers yet; arrays are one place each, of one dtype."""
    match given, wanted:
        case np.ndarray(), np.ndarray():
            yield array_difference(given, wanted, tolerance, path)
        case tuple(), tuple() if len(given) == len(wanted):
            for index, (one, other) in enumerate(zip(given, wanted, strict=True)):
                yield from value_differences(one, other, tolerance, f"{path}[{index}]")
        case _:
            yield from differences(jsonable(given), jsonable(wanted), tolerance, path, alike=True)


def array_difference(given: Array, wanted: Array, tolerance: Tolerance, path: str) -> Difference:
    """The worst place of two arrays."""
    if given.dtype != wanted.dtype:
        return Difference(path, failure=f"is of {given.dtype.name}, not {wanted.dtype.name}")
    if given.shape != wanted.shape:
        return Difference(path, failure=f"has shape {list(given.shape)}, not {list(wanted.shape)}")
    if wanted.dtype.kind != "f":
        wrong = np.argwhere(np.not_equal(given, wanted))
        failure = f"is different at {wrong[0].tolist()}" if len(wrong) else None
        return Difference(path, failure=failure)
    return _float_arrays(given, wanted, tolerance, path)


def place_kind(path: str) -> str:
    """The path with every index as `[*]`, so that a tensor's elements are one line of a report."""
    before, *parts = path.split("[")
    return before + "".join(f"[*]{part.partition(']')[2]}" for part in parts)


def rounded_up(size: float, floor: float) -> float:
    """The power of ten at or above a size, at least `floor`: coarse enough not to depend on a CPU's last bits."""
    if size <= floor:
        return floor
    if not math.isfinite(size):
        return math.inf
    exponent = math.ceil(math.log10(size))
    return float(f"1e{exponent if size <= float(f'1e{exponent}') else exponent + 1}")


def noise_floor(tolerance: Tolerance) -> float:
    """A tenth of the tolerance: differences below it are not told apart, since they vary between CPUs."""
    return float(f"{tolerance.absolute / 10:.0e}")


def _objects(
    given: dict[str, JsonValue], wanted: dict[str, JsonValue], tolerance: Tolerance, path: str, *, alike: bool
) -> Iterator[Difference]:
    for name, value in wanted.items():
        if name in given:
            yield from differences(given[name], value, tolerance, f"{path}.{name}", alike=alike)
        else:
            yield Difference(f"{path}.{name}", failure="is missing")
    for name in given:
        if name not in wanted:
            yield Difference(f"{path}.{name}", failure="should not be there")


def _leaf(given: JsonValue, wanted: JsonValue, tolerance: Tolerance, path: str, *, alike: bool) -> Difference:
    if type(given) is type(wanted) or (not alike and _is_number(given) and _is_number(wanted)):
        if isinstance(given, float) or isinstance(wanted, float):
            return _floats(_as_float(given), _as_float(wanted), tolerance, path)
        same = given == wanted
    else:
        same = False
    return Difference(path, failure=None if same else f"is {given!r}, not {wanted!r}")


def _floats(given: float, wanted: float, tolerance: Tolerance, path: str) -> Difference:
    if tolerance.allows(given, wanted):
        finite = math.isfinite(given) and math.isfinite(wanted)
        return Difference(path, abs(given - wanted) / max(1.0, abs(wanted)) if finite else 0.0)
    allowed = tolerance.absolute + tolerance.relative * abs(wanted)
    off = abs(given - wanted)
    return Difference(path, off, f"is {given!r}, not {wanted!r}: {off:.1e} apart, {allowed:.1e} allowed")


def _float_arrays(given: Array, wanted: Array, tolerance: Tolerance, path: str) -> Difference:
    """What `_floats` says of the first place that fails, or of the worst: the images of a batch have millions."""
    a, b = (side.ravel().astype(np.float64) for side in (given, wanted))
    finite = np.isfinite(a) & np.isfinite(b)
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf, where only equality counts
        off = np.abs(a - b)
        near = off <= tolerance.absolute + tolerance.relative * np.abs(b)
        sizes = np.where(finite, off / np.maximum(1.0, np.abs(b)), 0.0)
    allowed = np.where(finite, near, (a == b) | (np.isnan(a) & np.isnan(b)))
    if not allowed.all():
        first = int(np.argmin(allowed))
        return _floats(float(a[first]), float(b[first]), tolerance, path)
    return Difference(path, float(sizes.max(initial=0.0)))


def _as_float(number: JsonValue) -> float:
    """The number; one that no float holds is an infinity."""
    assert isinstance(number, int | float)
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number)


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
