"""Templates loop and choose by one term, miss nothing silently, and hold only printable single lines."""

import re
from pathlib import Path

import jinja2
import pytest

from dagc.artifacts.render import line, render

TEMPLATES = sorted((Path(__file__).parents[2] / "templates").glob("*.j2"))


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        render("main.py.j2", {"service": "fraud"})


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\x1b[31m", "a\u2028b", "\x00", "\u202eabc"])
def test_more_than_one_printable_line_is_refused(text):
    with pytest.raises(ValueError, match="one printable line"):
        line(text)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_computes_nothing(template):
    text = template.read_text()
    for expression in re.findall(r"{{(.*?)}}", text):
        assert re.fullmatch(r" [a-z_.]+( \| line)? ", expression)
    for statement in re.findall(r"{%(.*?)%}", text):
        assert re.fullmatch(r" (for [a-z_]+ in [a-z_.]+|if( not)? [a-z_.]+|endfor|endif|else) \+?", statement)
