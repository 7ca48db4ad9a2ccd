"""Text measured and cut: for pixels by a table that guesses high, for terminals by columns."""

from hypothesis import given
from hypothesis import strategies as st

from dagc.pictures.lettering import columns, fitted, is_measured, listed, plain, width


def test_control_and_direction_characters_become_visible_marks() -> None:
    assert plain("a\x1b[31m\u202eb\x00 \ud800") == "a\ufffd[31m\ufffdb\ufffd \ufffd"
    assert plain(" two\n\twords ") == "two words"


def test_an_accent_takes_no_room() -> None:
    assert width("e\u0301", 10) == width("é", 10) == width("e", 10)
    assert columns("e\u0301") == 1


def test_east_asian_letters_take_two_columns() -> None:
    assert columns("日本") == 4
    assert is_measured("日本 naïve Ελλάδα")
    assert not is_measured("🧪")


def test_what_is_too_long_ends_with_an_ellipsis() -> None:
    assert fitted("encoder", 7, columns) == "encoder"
    assert fitted("encoder", 6, columns) == "encod…"
    assert fitted("日本語", 4, columns) == "日…"


def test_a_list_says_how_many_did_not_fit() -> None:
    assert listed(["a", "b"], 10, len) == "a, b"
    assert listed(["alpha", "beta", "gamma"], 14, len) == "alpha, 2 more"


@given(st.text(), st.integers(1, 30))
def test_a_cut_text_fits(text: str, room: int) -> None:
    assert columns(fitted(plain(text), room, columns)) <= room
