"""Text from templates, the one use of jinja2. A template loops and chooses by one term; it computes nothing."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import jinja2


def render(template: str, values: Mapping[str, object]) -> str:
    """The text of `templates/<template>` with `values`; a value that is missing is an error, never an empty text.

    Raises:
        ValueError: a value marked `| line` has a line break or a control character, which is a fault of dagc.
    """
    return _environment().get_template(template).render(values)


def template_folder() -> Traversable:
    """Templates inside the wheel, or at the top of the repository."""
    shipped = files("dagc").joinpath("_templates")
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "templates"


def line(text: str) -> str:
    """`text` itself, if it is one line of printable characters.

    Raises:
        ValueError: it is not.
    """
    if not text.isprintable():
        raise ValueError(f"not one printable line: {text!r}")
    return text


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # Python and Markdown, not HTML; what may enter is decided where values are made
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["line"] = line
    return environment


def _source(name: str) -> str:
    return template_folder().joinpath(name).read_text(encoding="utf-8")
