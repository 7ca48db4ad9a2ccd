"""Comparing answers place by place, and rounding what is recorded."""

import math

import numpy as np
import pytest

from dagc.evaluate.comparison import array_difference, differences, place_kind, rounded_up
from dagc.evaluate.tolerance import EXACT, TOLERANCES, case_tolerance

F32 = TOLERANCES["f32"]


def failures(given: object, wanted: object) -> list[str]:
    return [d.path for d in differences(given, wanted, F32) if d.failure]  # type: ignore[arg-type]


def test_floats_have_a_tolerance_and_everything_else_has_none() -> None:
    assert (
        failures(
            {"p": 0.1000001, "n": 3, "s": "a", "b": True, "z": None},
            {"p": 0.1, "n": 3, "s": "a", "b": True, "z": None},
        )
        == []
    )
    assert failures({"n": 4, "s": "b", "b": 1, "z": 0}, {"n": 3, "s": "a", "b": True, "z": None}) == [
        "$.n", "$.s", "$.b", "$.z",
    ]  # fmt: skip


def test_a_missing_and_a_surplus_member_are_two_differences() -> None:
    assert failures({"a": 1, "c": 1}, {"a": 1, "b": 1}) == ["$.b", "$.c"]


def test_nan_equals_nan_and_an_infinity_only_itself() -> None:
    assert failures([math.nan, math.inf, -math.inf], [math.nan, math.inf, -math.inf]) == []
    assert failures([math.nan, math.inf, 1.0], [1.0, -math.inf, math.inf]) == ["$[0]", "$[1]", "$[2]"]


@pytest.mark.parametrize(
    ("size", "rounded"), [(0.0, 1e-6), (9.9e-7, 1e-6), (1.1e-6, 1e-5), (1e-5, 1e-5), (0.3, 1.0), (12.0, 100.0)]
)
def test_a_size_is_rounded_up_to_a_power_of_ten(size: float, rounded: float) -> None:
    assert rounded_up(size, 1e-6) == rounded


def test_elements_of_a_tensor_are_one_kind_of_place() -> None:
    assert place_kind("$.boxes[3].points[12][0]") == "$.boxes[*].points[*][*]"


def test_arrays_of_labels_are_exact_and_arrays_of_floats_are_not() -> None:
    ones = np.ones(3, np.float32)
    assert array_difference(ones + np.float32(1e-6), ones, F32, "y").failure is None
    assert array_difference(np.array([1, 2]), np.array([1, 3]), EXACT, "y").failure == "is different at [1]"
    assert array_difference(ones, np.ones((3, 1), np.float32), F32, "y").failure == "has shape [3], not [3, 1]"


def test_every_tolerance_states_its_reason() -> None:
    assert all(len(t.reason) > 40 for t in (*TOLERANCES.values(), EXACT))
    assert case_tolerance(0.5).allows(1.4, 1.0) and not case_tolerance(0.5).allows(1.6, 1.0)


def test_arrays_are_compared_as_their_places_are() -> None:
    odd = [0.0, -0.0, 1.0, 1.0 + 3e-6, 1.1, -7e4, 3e38, -3e38, math.inf, -math.inf, math.nan]
    draw = np.random.default_rng(5)
    for _ in range(300):
        given, wanted = draw.choice(np.array(odd, np.float32), (2, 3))
        places = list(differences(given.tolist(), wanted.tolist(), F32, ""))
        found = array_difference(given, wanted, F32, "")
        assert found.failure == next((place.failure for place in places if place.failure), None)
        assert found.failure or found.size == max(place.size or 0.0 for place in places)
