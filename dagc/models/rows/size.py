"""Sizes that are not known yet: polynomials with whole coefficients over the number of rows and other unknowns.

Unknowns are named by what they stand for, so that equal computations give equal sizes. All but the number of rows
are the same however many rows there are. A size of a tensor counts as at least one: one without elements holds
nothing that could be mixed. What a model decides by a size counts with empty axes too, since the rows of another
input may hang on it. Which numbers are computed exactly is said in `exact.py`.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, reduce

Monomial = tuple[str, ...]
"""The unknowns of a product, sorted; a square names its unknown twice."""

_ROWS = "N"
_AT_LEAST_ONE = "+"
_ANY_NUMBER = "?"
_VARYING = "!"
_CUT = "<"
_DEPENDS = _ROWS + _VARYING
_UNSIGNED = _ANY_NUMBER + _VARYING
_MOST_TERMS = 24
_HIGHEST_DEGREE = 12
_LARGEST = 2**62
"""Real shape arithmetic stays far below these; what goes beyond is an unknown of its own."""


@dataclass(frozen=True, slots=True)
class Size:
    """A polynomial: its terms sorted by monomial, none with coefficient zero."""

    terms: tuple[tuple[Monomial, int], ...]

    @property
    def value(self) -> int | None:
        """The number, where it is one."""
        if not self.terms:
            return 0
        return self.terms[0][1] if len(self.terms) == 1 and self.terms[0][0] == () else None

    @property
    def fixed(self) -> bool:
        """Whether it does not depend on the number of rows."""
        return not any(name[0] in _DEPENDS for monomial, _ in self.terms for name in monomial)

    @property
    def least(self) -> int | None:
        """A number it is never below, where that shows in its signs."""
        total = 0
        for monomial, coefficient in self.terms:
            if monomial and (coefficient < 0 or any(name[0] in _UNSIGNED for name in monomial)):
                return None
            total += coefficient
        return total

    @property
    def least_if_empty(self) -> int | None:
        """The same, where every axis but that of the rows may have no elements."""
        if self.least is None:
            return None
        return sum(coefficient for monomial, coefficient in self.terms if all(name == _ROWS for name in monomial))

    @property
    def positive(self) -> bool:
        """Whether it is certainly at least one."""
        return (self.least or 0) >= 1

    @property
    def unbounded(self) -> bool:
        """Whether it is computed from a number of which nothing is known."""
        return any(name[0] in _UNSIGNED for monomial, _ in self.terms for name in monomial)

    @property
    def single(self) -> bool:
        """Whether it is an unknown itself, and not computed from any."""
        return len(self.terms) == 1 and self.terms[0][1] == 1 and len(self.terms[0][0]) == 1

    def per_row(self) -> "Size | None":
        """The factor next to the number of rows, itself independent of it; `None` for anything else."""
        rest = []
        for monomial, coefficient in self.terms:
            left_over = _without(monomial, (_ROWS,))
            if left_over is None:
                return None
            rest.append((left_over, coefficient))
        factor = Size(tuple(sorted(rest)))
        return factor if rest and factor.fixed else None

    def at_least(self, other: "Size") -> bool:
        """Whether it is certainly not smaller."""
        difference = (self - other).least
        return difference is not None and difference >= 0

    def __add__(self, other: "Size") -> "Size":
        if not (self.reasonable and other.reasonable):
            return opaque("sum", self, other)
        terms = dict(self.terms)
        for monomial, coefficient in other.terms:
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return _size(terms)

    def __neg__(self) -> "Size":
        return Size(tuple((monomial, -coefficient) for monomial, coefficient in self.terms))

    def __sub__(self, other: "Size") -> "Size":
        return self + -other

    def __mul__(self, other: "Size") -> "Size":
        if other == ONE:
            return self
        if not (self.reasonable and other.reasonable):
            return opaque("product", self, other)
        terms: dict[Monomial, int] = {}
        for left, a in self.terms:
            for right, b in other.terms:
                monomial = tuple(sorted(left + right)) if left and right else left or right
                terms[monomial] = terms.get(monomial, 0) + a * b
        return _size(terms)

    def over(self, divisor: "Size") -> "Size | None":
        """The quotient, where the division leaves no remainder (long division by leading terms)."""
        if divisor == ONE:
            return self
        if not divisor.terms:
            return None
        leading, by = max(divisor.terms, key=_order)
        rest, quotient = self, ZERO
        for _ in range(_MOST_TERMS + 1):
            if not rest.terms:
                return quotient
            monomial, coefficient = max(rest.terms, key=_order)
            left_over = _without(monomial, leading)
            if left_over is None or coefficient % by:
                return None
            part = Size(((left_over, coefficient // by),))
            quotient, rest = quotient + part, rest - part * divisor
        return None

    @property
    def reasonable(self) -> bool:
        """Whether it is small enough to go on computing with."""
        return len(self.terms) <= _MOST_TERMS and all(
            len(monomial) <= _HIGHEST_DEGREE and abs(coefficient) <= _LARGEST
            for monomial, coefficient in self.terms
        )


@lru_cache(maxsize=4096)
def number(value: int) -> Size:
    """A known number."""
    return Size((((), value),) if value else ())


def some_size(*key: object) -> Size:
    """The size, at least one and independent of the number of rows, that `key` stands for."""
    return Size((((_AT_LEAST_ONE + _name(key),), 1),))


def cut_off(size: Size, at: Size) -> Size:
    """The smaller of two sizes, of which the second is known: what is left of an axis that is cut off.

    Where it is broadcast to the first it is equal to it, or one, or the model fails.
    """
    return Size((((f"{_AT_LEAST_ONE}{_name((size,))}{_CUT}{_name((at,))}",), 1),))


def is_cut_off(size: Size, whole: Size) -> bool:
    """Whether the first is the second, cut off."""
    return size.single and size.terms[0][0][0].startswith(f"{_AT_LEAST_ONE}{_name((whole,))}{_CUT}")


def some_number(*key: object) -> Size:
    """A number that does not depend on the number of rows, named by `key`; it may be negative or a fraction."""
    return Size((((_ANY_NUMBER + _name(key),), 1),))


def varying(*key: object) -> Size:
    """A number that may be another for every number of rows, named by `key`."""
    return Size((((_VARYING + _name(key),), 1),))


def opaque(operator: str, *operands: Size) -> Size:
    """The result of an operator on sizes, of which no more is known than whether it depends on the rows."""
    key = (operator, *operands)
    return some_number(*key) if all(operand.fixed for operand in operands) else varying(*key)


def product(sizes: Iterable[Size]) -> Size:
    """All sizes multiplied."""
    return reduce(Size.__mul__, sizes, ONE)


def as_dim(size: Size) -> Size:
    """What to note for an axis that has this size: itself, or an unknown for what may not look like a size."""
    known = size.value is not None and size.value >= 0
    return size if known or (size.positive and size.reasonable) else some_size("size", size)


ZERO = number(0)
ONE = number(1)
ROWS = Size((((_ROWS,), 1),))
"""The number of rows in the batch."""


def _name(key: tuple[object, ...]) -> str:
    """Equal for equal keys and, by the length of the digest, different for different ones."""
    return hashlib.blake2b(repr(key).encode(), digest_size=16).hexdigest()


def _size(terms: dict[Monomial, int]) -> Size:
    return Size(tuple(sorted((monomial, coefficient) for monomial, coefficient in terms.items() if coefficient)))


def _order(term: tuple[Monomial, int]) -> tuple[int, Monomial]:
    """A monomial order: products of ordered monomials are ordered alike, which long division needs."""
    return len(term[0]), term[0]


def _without(monomial: Monomial, factor: Monomial) -> Monomial | None:
    left_over = list(monomial)
    for name in factor:
        if name not in left_over:
            return None
        left_over.remove(name)
    return tuple(left_over)
