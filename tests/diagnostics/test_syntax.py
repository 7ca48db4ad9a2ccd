"""A file's syntax tree is made once, whoever asks and in whichever form they hold its text."""

import pytest

from dagc.diagnostics.syntax import syntax_tree


def test_the_tree_of_a_text_is_made_once_and_is_that_of_its_bytes() -> None:
    text = "# -*- coding: latin-1 -*-\nname = 'ä'\n"
    assert syntax_tree(text) is syntax_tree(text.encode("latin-1"))


@pytest.mark.parametrize("wrong", ["def", b"\xff = 1", "x = '\0'"])
def test_what_is_no_python_raises_as_python_does(wrong: str | bytes) -> None:
    with pytest.raises((SyntaxError, ValueError)):
        syntax_tree(wrong)
