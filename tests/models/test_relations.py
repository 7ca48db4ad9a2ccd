"""Sizes as functions of sizes: the right one is found from few points, and told from its rivals by another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagc.models.dim_names import computed
from dagc.models.relations import Form, dividing_sizes, forms, relations


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Form(), "W"),
        (Form(2, offset=1), "2*W+1"),
        (Form(offset=-2), "W-2"),
        (Form(step=8), "W//8"),
        (Form(shift=7, step=8), "(W+7)//8"),
        (Form(4, 3, 4), "4*((W+3)//4)"),
        (Form(2, step=3), "2*(W//3)"),
    ],
)
def test_a_form_is_written_as_it_is_computed(form: Form, text: str) -> None:
    assert form.text("W") == text
    for size in (1, 2, 7, 8, 9, 320):
        assert computed(text, {"W": size}) == form.at(size)


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(2, 32), st.integers(0, 31), st.sets(st.integers(48, 200), min_size=2))
def test_the_function_that_made_the_points_is_among_the_candidates(
    scale: int, step: int, shift: int, sizes: set[int]
) -> None:
    made = Form(scale, shift % step, step)
    points = [(size, made.at(size)) for size in sorted(sizes | {48, 96, 143})]
    candidates = forms(points)
    while further := dividing_sizes(candidates, range(24, 200)):
        candidates = [form for form in candidates if form.at(further[0]) == made.at(further[0])]
    assert candidates
    assert all(candidates[0].at(size) == made.at(size) for size in range(24, 200))


def test_points_on_no_known_function_have_no_form() -> None:
    assert forms([(1, 1), (2, 4), (3, 9), (4, 16)]) == []


def test_products_and_sums_of_several_sizes() -> None:
    base = {"H": 48, "W": 64}
    strides = {"H": Form(8, 0, 8), "W": Form(6, 0, 8)}
    (product,) = relations(strides, base, 6 * 8)
    assert (product.text(), product.at({"H": 16, "W": 32})) == ("(H//8)*(W//8)", 8)
    assert [relation.text() for relation in relations({"H": Form(), "W": Form()}, base, 113)] == ["H+W+1"]
    found = [relation.text() for relation in relations({"H": Form(128), "W": Form(96)}, base, 2 * 48 * 64)]
    assert found[0] == "2*H*W"


def test_sizes_are_computed_from_numbers_names_and_the_unknown() -> None:
    assert computed("W//8", {"W": 320}) == 40
    assert computed("W//8", {"W": "width"}) == "width//8"
    assert computed("(W+7)//8", {"W": "2*V"}) == "((2*V)+7)//8"
    assert computed("W//8", {"W": None}) is None
    assert computed("H*W", {"W": 4}) == "H*4"
    assert computed(7, {}) == 7
    assert computed(None, {}) is None
    for odd in ("?", "unk__215", "p2o.DynamicDimension.3", "__import__('os').getpid()", "W//0", "("):
        assert computed(odd, {"W": 3}) in (odd, None)
