"""Choices in every form of picture, as reviewed."""

from collections.abc import Callable

import pytest

from dagc.pictures.mermaid import mermaid
from dagc.pictures.svg import svg
from dagc.pictures.text import text
from tests.branching_graphs import BRANCHING, by_country, by_rule
from tests.pictures.diagrams import picture_of
from tests.sample_graphs import Sample

Golden = Callable[[str, str], None]


@pytest.mark.parametrize("make", BRANCHING)
def test_the_text_is_as_reviewed(make: Callable[[], Sample], golden: Golden) -> None:
    golden(f"{make.__name__}.txt", text([picture_of(make())]))


def test_the_other_forms_are_as_reviewed(golden: Golden) -> None:
    golden("by_country.mmd", mermaid([picture_of(by_country())]))
    golden("by_rule.svg", svg([picture_of(by_rule())]))
