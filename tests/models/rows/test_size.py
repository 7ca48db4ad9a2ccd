"""Sizes with unknowns: arithmetic that agrees with numbers, and answers that hold for every number of rows."""

import numpy as np
import pytest

from dagc.models.rows.size import (
    ONE,
    ROWS,
    ZERO,
    Size,
    as_dim,
    cut_off,
    is_cut_off,
    number,
    opaque,
    product,
    some_number,
    some_size,
    varying,
)
from dagc.models.rows.value import broadcast_size

T, U = some_size("t"), some_size("u")
X = some_number("x")


def evaluated(size: Size, values: dict[str, int]) -> int:
    return sum(c * int(np.prod([values[name] for name in monomial], dtype=np.int64)) for monomial, c in size.terms)


def random_size(random: np.random.Generator) -> Size:
    total = ZERO
    for _ in range(random.integers(1, 4)):
        parts = [(ROWS, T, U, X)[i] for i in random.integers(0, 4, random.integers(0, 3))]
        total = total + product(parts) * number(int(random.integers(-3, 4)))
    return total


@pytest.mark.parametrize("seed", range(200))
def test_arithmetic_agrees_with_numbers(seed: int) -> None:
    random = np.random.default_rng(seed)
    a, b = random_size(random), random_size(random)
    names = {monomial[0]: int(random.integers(1, 9)) for size in (ROWS, T, U, X) for monomial, _ in size.terms}
    left, right = evaluated(a, names), evaluated(b, names)
    assert evaluated(a + b, names) == left + right
    assert evaluated(a - b, names) == left - right
    assert evaluated(a * b, names) == left * right
    if b.terms:
        assert (a * b).over(b) == a
    quotient = a.over(b)
    assert quotient is None or quotient * b == a
    assert a.least is None or left >= a.least
    assert not a.at_least(b) or left >= right


def test_a_division_with_a_remainder_has_no_answer() -> None:
    assert (ROWS * number(3)).over(number(2)) is None
    assert (ROWS * T).over(U) is None
    assert (ROWS + ONE).over(ROWS) is None
    assert (ROWS * (T + ONE)).over(T + ONE) == ROWS
    assert ROWS.over(ZERO) is None


def test_the_factor_beside_the_rows_is_found_where_there_is_one() -> None:
    assert (ROWS * T * number(3)).per_row() == T * number(3)
    assert (ROWS * T + ROWS).per_row() == T + ONE
    for other in (T, ROWS + ONE, ROWS * ROWS, ROWS * varying("v"), ZERO):
        assert other.per_row() is None


def test_signs_are_known_of_sizes_only() -> None:
    assert T.positive and (T * ROWS).positive and not (T - ONE).positive and not X.positive
    assert (T - ONE).least == 0
    assert ROWS.at_least(ONE) and not ROWS.at_least(number(2))
    assert as_dim(T) == T and as_dim(T - number(2)) != T - number(2)


def test_what_depends_on_the_rows_stays_so() -> None:
    assert opaque("f", T).fixed and not opaque("f", T, ROWS).fixed
    assert opaque("f", T) == opaque("f", T) != opaque("g", T)
    assert not (varying("v") * T).fixed


def test_numbers_that_grow_beyond_reason_are_given_up() -> None:
    grown = ROWS
    for i in range(40):
        grown = grown * (some_size(i) + ONE)
    assert not grown.fixed and len(grown.terms) < 1000
    assert grown.per_row() is None


def test_what_is_cut_off_at_a_size_is_broadcast_to_it_and_to_nothing_else() -> None:
    kept = cut_off(T, number(8))
    assert kept.positive and kept.fixed and kept != T
    assert is_cut_off(kept, T) and not is_cut_off(kept, U) and not is_cut_off(kept + kept, T)
    assert broadcast_size([T, kept]) == broadcast_size([kept, ONE, T]) == T
    assert broadcast_size([U, kept]) not in (U, kept, T)
    assert broadcast_size([kept, cut_off(T, number(9))]) not in (kept, T)
