"""The user's types made fit for the open network: finite floats, bounded ints, first flaw of a list only.

Done once on pydantic's core schema, so that it costs a request nothing. What the user's annotations say stands.
"""

from typing import cast

from pydantic_core import CoreSchema, SchemaValidator

_LISTS = frozenset({"list", "set", "frozenset", "tuple"})
# These hold values and classes of the user's, not schemas.
_NO_SCHEMAS = frozenset({"metadata", "default", "expected", "cls", "serialization", "config", "function"})
# Members of these are named by the user: a field may be called `type` or `default`.
_BY_NAME = frozenset({"fields", "choices"})


def strict_validator(schema: CoreSchema) -> SchemaValidator:
    """A validator of `schema` that also refuses what no model can take.

    * Floats must be finite. JSON's `NaN`, `1e400` and, since pydantic reads numbers from strings, `"inf"`.
    * Ints lie between -2**63 and 2**64 - 1, so that they fit a tensor or become a finite float.
    * A list is read up to its first bad item: a million bad items would take seconds to report.
    """
    # A prebuilt validator is the class's own, without these changes.
    return SchemaValidator(cast("CoreSchema", _strict(schema)), _use_prebuilt=False)


def _strict(schema: object) -> object:
    if isinstance(schema, dict):
        return _extras(schema.get("type")) | {key: _member(key, value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if isinstance(schema, tuple):
        return tuple(_strict(item) for item in schema)
    return schema


def _member(key: object, value: object) -> object:
    if key in _NO_SCHEMAS:
        return value
    if key in _BY_NAME and isinstance(value, dict):
        return {name: _strict(item) for name, item in value.items()}
    return _strict(value)


def _extras(kind: object) -> dict[str, object]:
    if not isinstance(kind, str):
        return {}
    if kind == "float":
        return {"allow_inf_nan": False}
    if kind == "int":
        return {"ge": -(2**63), "le": 2**64 - 1}
    return {"fail_fast": True} if kind in _LISTS else {}
