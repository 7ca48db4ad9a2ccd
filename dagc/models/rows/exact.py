"""Which numbers an element type computes as mathematics does: others wrap around or are rounded in a run.

A model is not trusted: `Cast` to int32 makes one of 2**32 + 1, and 2**24 + 1 is no float. The bounds on numbers
with unknowns take batches of at most 2**11 rows and axes of at most 2**23 elements.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dagc.models.rows.size import Size, number, opaque

FLOAT, INT32, INT64, BOOL, DOUBLE = 1, 6, 7, 9, 11
"""Element types of ONNX that numbers are followed in."""

WHOLE = (INT32, INT64, BOOL)

_MOST_TERMS = 16


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The largest known number; and of numbers with unknowns the largest factor, degree and power."""

    known: int
    factor: int
    degree: int
    power: int


_BOUNDS: Mapping[int, _Bounds] = {
    BOOL: _Bounds(1, 0, 0, 0),
    INT32: _Bounds(2**31 - 1, 2**20, 4, 1),
    INT64: _Bounds(2**63 - 1, 2**40, 5, 2),
    FLOAT: _Bounds(2**24, 2**8, 1, 1),
    DOUBLE: _Bounds(2**53, 2**20, 2, 1),
}


def exact(size: Size, kind: int) -> Size:
    """The number as the element type holds it: itself, or an unknown if it may wrap around or be rounded."""
    return size if _fits(size, kind) else opaque("computed in type", size, number(kind))


def _fits(size: Size, kind: int) -> bool:
    bounds = _BOUNDS.get(kind)
    if bounds is None or len(size.terms) > _MOST_TERMS:
        return False
    if size.value is not None:
        return abs(size.value) <= bounds.known
    if size.unbounded:
        return size.single
    return all(
        abs(coefficient) <= (bounds.factor if monomial else bounds.known)
        and len(monomial) <= bounds.degree
        and all(monomial.count(name) <= bounds.power for name in monomial)
        for monomial, coefficient in size.terms
    )
