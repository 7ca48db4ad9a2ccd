"""Any value of a graph as JSON, to be compared with another one of its type; answers have their own encoding."""

import numpy as np
from pydantic import JsonValue
from pydantic_core import to_jsonable_python


def jsonable(value: object) -> JsonValue:
    """The value as JSON: arrays as nested lists, records as objects, an exception as its name."""
    written: JsonValue = to_jsonable_python(value, bytes_mode="base64", fallback=_fallback)
    return written


def _fallback(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Exception):
        return f"raised {type(value).__name__}"
    return f"a `{type(value).__name__}`"
