"""How many keys every body of a type has, where that is one number: then counting colons finds keys that repeat.

A validated body has each required key at least once. With as many colons as required keys, none of them repeats,
no other key is there and no text hides one: nothing is left that `flaw` would look for, at a tenth of its cost.
"""

from typing import cast

from pydantic_core import CoreSchema

_PLAIN = frozenset(
    {"bool", "int", "float", "str", "literal", "enum", "date", "datetime", "time", "timedelta", "uuid"}
)


def member_count(schema: CoreSchema) -> int | None:
    """The keys of a record and the records in it, all required; `None` where bodies may differ in their keys."""
    return _count(cast("dict[str, object]", schema))


def _count(schema: object) -> int | None:
    if not isinstance(schema, dict):
        return None
    kind = schema.get("type")
    if kind in _PLAIN:
        return 0
    if kind in ("model", "dataclass"):
        return _count(schema.get("schema"))
    if kind == "model-fields":
        return _sum(list(schema["fields"].values())) if not schema.get("extras_schema") else None
    if kind == "dataclass-args":
        return _sum(schema["fields"])
    if kind in ("model-field", "dataclass-field"):
        return _member(schema)
    if kind == "list":
        return 0 if _count(schema.get("items_schema")) == 0 else None
    return None


def _member(field: dict[str, object]) -> int | None:
    """The field's own key and those behind it; a default is a schema of its own, so that it is `None` here."""
    inner = _count(field["schema"])
    return None if inner is None else inner + 1


def _sum(fields: list[object]) -> int | None:
    counts = [_count(field) for field in fields]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
