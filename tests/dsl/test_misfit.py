"""What pydantic would only warn of while it writes an answer, said in words."""

from dataclasses import dataclass

import pytest
from pydantic import TypeAdapter

from dagc.dsl.misfit import misfit


@dataclass(frozen=True)
class Offer:
    price: float
    label: str = ""


@pytest.mark.parametrize(
    ("annotation", "value", "told"),
    [
        (Offer, Offer("1.50"), "field `price` is `str` where `float` is annotated"),  # type: ignore[arg-type]
        (Offer, {"price": 1.0}, "the answer, or an item in it, is `dict` where `Offer` is annotated"),
        (list[Offer], [Offer(1.0), Offer(1.0, 2)], "field `label` is `int` where `str` is annotated"),  # type: ignore[arg-type]
        (int | str, 1.5, "the answer, or an item in it, is `float` where `int` or `str` is annotated"),
    ],
)
def test_a_value_of_another_type_is_told_with_its_place(annotation: object, value: object, told: str) -> None:
    assert misfit(TypeAdapter(annotation), value) == told


def test_a_value_as_annotated_and_whole_numbers_for_floats_are_nothing() -> None:
    assert misfit(TypeAdapter(Offer), Offer(1)) is None
    assert misfit(TypeAdapter(list[Offer]), [Offer(1.5)]) is None
