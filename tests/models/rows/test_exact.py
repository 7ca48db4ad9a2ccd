"""Numbers a model computes differently from mathematics, by which it chooses what to do with rows: not proven.

Every case mixes rows when it is run, and is proven by a proof that takes arithmetic at its word.
"""

import numpy as np
import pytest

from dagc.models.rows.exact import BOOL, DOUBLE, FLOAT, INT32, INT64, exact
from dagc.models.rows.size import ROWS, number, some_number, some_size
from dagc.models.rowwise import mixing
from dagc.models.runner import Runner
from tests.models.rows.apart import close, mixes
from tests.models.rows.texts import model, one, whole

pytestmark = pytest.mark.ort

T = some_size("t")


def chosen(condition: str, *, mixed_where: bool = False, inputs: str = "float[N,4] x") -> bytes:
    """Rows apart where mathematics says so, and mixed otherwise."""
    yes, no = ("Softmax<axis = 0>(x)", "Abs(x)")[:: 1 if mixed_where else -1]
    branches = f"<then_branch = a () => (float r) {{ r = {yes} }}, else_branch = b () => (float q) {{ q = {no} }}>"
    return model(f"{condition} y = If(c) {branches}", inputs)


def cut_at(end: str) -> bytes:
    """All rows beside the first `end` of them, which broadcasts where that is one."""
    return model(end + " f = Slice(x, z, e, z) y = Add(x, f)")


_FLOATS = "a = Constant<value = float {100000000.0}>() b = Constant<value = float {0.25}>() "

WRAPPED = {
    "cast to int32": cut_at(whole("z0", 0) + whole("b", 2**32 + 1) + "z = Cast<to = 6>(z0) e = Cast<to = 6>(b)"),
    "product in int32": cut_at(
        "p = Constant<value = int32[1] {65536}>() z = Constant<value = int32[1] {0}>() "
        "o = Constant<value = int32[1] {1}>() m = Mul(p, p) e = Add(m, o)"
    ),
    "product in int64": cut_at(whole("p", 2**40) + whole("z", 0) + whole("o", 1) + "m = Mul(p, p) e = Add(m, o)"),
    "power of the rows in int32": chosen(
        one("i", 0) + "s = Shape(x) n = Gather(s, i) a = Cast<to = 6>(n) b = Mul(a, a) d = Mul(b, b) f = Mul(d, d)"
        " z = Cast<to = 6>(i) c = Greater(f, z)"
    ),
    "no number": chosen("z = Constant<value = float {0.0}>() n = Div(z, z) c = Equal(n, n)"),
    "no number by an operator that is not followed": chosen(
        "z = Constant<value = float {-1.0}>() n = Sqrt(z) c = Equal(n, n)"
    ),
    "rounded sum": chosen(_FLOATS + "s = Add(a, b) d = Sub(s, a) c = Equal(d, b)"),
    "rounded whole number": chosen(
        one("a", 2**24 + 1)
        + one("b", 2**24)
        + "f = Cast<to = 1>(a) g = Cast<to = 1>(b) e = Equal(f, g) c = Not(e)"
    ),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_what_wraps_around_or_is_rounded_is_not_taken_at_its_word(name: str) -> None:
    assert mixing(WRAPPED[name]) is not None
    assert mixes(WRAPPED[name], rows=16)


def test_an_empty_axis_of_one_input_does_not_choose_for_the_rows_of_another() -> None:
    count = one("i", 1) + "s = Shape(z) t = Gather(s, i)"
    for condition in (
        one("o", 0) + count + " c = Equal(t, o)",
        one("o", 1) + count + " c = Less(t, o)",
        one("o", 1) + count + " m = Max(t, o) c = Greater(m, t)",
        count + " d = Cast<to = 9>(t) c = Not(d)",
    ):
        content = chosen(condition, mixed_where=True, inputs="float[N,4] x, float[N,T] z")
        assert "`Softmax` giving `r` over axis 0" in (mixing(content) or "")
        rows = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
        runner = Runner(content)
        together = runner.run({"x": rows, "z": np.zeros((3, 0), np.float32)}, ["y"])[0]
        alone = runner.run({"x": rows[:1], "z": np.zeros((1, 0), np.float32)}, ["y"])[0]
        assert not close(together[:1], alone)


def test_a_dropout_of_constants_draws_at_random_too() -> None:
    drawn = model(
        "o = Constant<value = float[4] {1.0, 1.0, 1.0, 1.0}>() r = Constant<value = float {0.5}>() "
        "t = Constant<value = bool {1}>() d = Dropout(o, r, t) y = Add(x, d)"
    )
    assert "`Dropout` giving `d` draws at random" in (mixing(drawn) or "")


@pytest.mark.parametrize(
    ("kind", "largest"), [(BOOL, 1), (INT32, 2**31 - 1), (INT64, 2**63 - 1), (FLOAT, 2**24), (DOUBLE, 2**53)]
)
def test_known_numbers_are_kept_up_to_the_largest_of_their_type(kind: int, largest: int) -> None:
    assert exact(number(largest), kind) == number(largest)
    assert exact(number(largest + 1), kind).value is None
    assert exact(number(largest + 1), kind) != exact(number(largest + 1), INT32 if kind == INT64 else INT64)


def test_sizes_of_tensors_are_kept_in_integers_and_powers_are_not() -> None:
    for kind in (INT32, INT64):
        for size in (ROWS * T * number(768), ROWS * number(224 * 224 * 3), T + number(1), -T):
            assert exact(size, kind) == size
    for size in (ROWS * ROWS * ROWS, ROWS * number(2**41), some_number("x") + some_number("x")):
        assert exact(size, INT64) != size and exact(size, INT64).fixed == size.fixed
    assert exact(ROWS * ROWS, INT32) != ROWS * ROWS
