"""What of a value is not of its annotated type, as pydantic's serializer sees it.

pydantic writes such a value all the same and warns; the answer then is not what the service's OpenAPI says.
"""

import re
from collections.abc import Sequence

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

_FOUND = re.compile(
    r" *PydanticSerializationUnexpectedValue\(Expected `(?P<wanted>.+?)` - .*?"
    r"\[(?:field_name='(?P<field>\w+)', )?input_value=.*, input_type=(?P<given>[^\]]+)\]\)"
)


def misfit(adapter: TypeAdapter[object], value: object) -> str | None:
    """``field `score` is `str` where `float` is annotated``, of the first such place, or nothing."""
    try:
        adapter.dump_json(value, warnings="error")
    except PydanticSerializationError as error:
        return _told([found for line in str(error).splitlines() if (found := _FOUND.match(line))])
    return None


def _told(places: Sequence[re.Match[str]]) -> str | None:
    """Of a union pydantic says what each member expected: these belong together."""
    if not places:
        return None
    first = places[0]
    where = f"field `{first['field']}`" if first["field"] else "the answer, or an item in it,"
    alike = [
        each["wanted"] for each in places if (each["field"], each["given"]) == (first["field"], first["given"])
    ]
    wanted = " or ".join(f"`{each}`" for each in dict.fromkeys(alike))
    return f"{where} is `{first['given']}` where {wanted} is annotated"
