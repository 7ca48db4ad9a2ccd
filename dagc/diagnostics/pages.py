"""The registry of codes: one page in `explain/` for each, so that no code can exist without its explanation."""

from functools import cache
from importlib.resources import files


@cache
def codes() -> tuple[str, ...]:
    """Every code there is, sorted."""
    pages = files("dagc.diagnostics").joinpath("explain").iterdir()
    return tuple(sorted(page.name.removesuffix(".md") for page in pages if page.name.endswith(".md")))


@cache
def page(code: str) -> str:
    """The page of a code, as Markdown.

    Raises:
        KeyError: there is no such code.
    """
    if code not in codes():
        raise KeyError(code)
    return files("dagc.diagnostics").joinpath("explain", f"{code}.md").read_text(encoding="utf-8")


def title(code: str) -> str:
    """The first line of a page without its code: `shapes do not agree`."""
    return page(code).splitlines()[0].partition(":")[2].strip()
