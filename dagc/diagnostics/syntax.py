"""The syntax tree of a user's file, parsed once however many questions are asked about its text."""

import ast
from functools import lru_cache
from importlib.util import decode_source


def syntax_tree(source: bytes | str) -> ast.Module:
    """The tree of a module's source. It is shared: nobody may change it.

    Raises:
        SyntaxError: the text is no Python.
        ValueError: the bytes are no text.
    """
    return _tree(decode_source(source) if isinstance(source, bytes) else source)


@lru_cache(maxsize=64)
def _tree(text: str) -> ast.Module:
    return ast.parse(text)
