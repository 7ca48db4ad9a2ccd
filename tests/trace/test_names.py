"""Names are readable, unique and identifiers."""

import pytest

from dagc.trace.names import Names


def test_the_first_takes_its_stem_and_the_next_are_numbered() -> None:
    names = Names()
    assert [names.unique("row") for _ in range(3)] == ["row", "row_2", "row_3"]


def test_a_number_that_is_taken_is_skipped() -> None:
    names = Names()
    assert [names.unique(stem) for stem in ("row_2", "row", "row")] == ["row_2", "row", "row_3"]


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("and", "and_"),
        ("my-model", "my_model"),
        ("1st", "value_1st"),
        ("", "value"),
        ("größe", "größe"),
        ("_x", "_x"),
    ],
)
def test_every_name_is_an_identifier(stem: str, name: str) -> None:
    assert Names().unique(stem) == name
