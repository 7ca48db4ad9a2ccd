"""Bytes in JSON: base64 where the graph's own signature names them, as its class's config says inside a record.

pydantic reads and writes bytes as UTF-8 text unless told otherwise, which no image is; in a class of the user's it
means the same here as everywhere else, so a class that says nothing is asked to.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, cast

from pydantic import ConfigDict, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

BASE64 = ConfigDict(val_json_bytes="base64", ser_json_bytes="base64")
"""RFC 4648 with its padding; both alphabets are read, the URL-safe one is written."""

Setting = Literal["val_json_bytes", "ser_json_bytes"]

_RECORDS = frozenset({"model", "dataclass", "typed-dict"})
_FIELDS = frozenset({"model-field", "dataclass-field", "typed-dict-field"})
_OWN_FORM = "pydantic_js_annotation_functions"


class WrittenSchema(GenerateJsonSchema):
    """JSON Schema that says of base64 what 2020-12 has words for, counts characters, and says decimals' digits."""

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:
        """The schema of bytes; pydantic's own for those that are text."""
        written = super().bytes_schema(schema)
        if written.get("format") != "base64url":
            return written
        made: JsonSchemaValue = {"type": "string", "contentEncoding": "base64"}
        for name in ("minLength", "maxLength"):
            if name in written:
                made[name] = -(-written[name] // 3) * 4
        return made

    def get_decimal_pattern(self, schema: core_schema.DecimalSchema) -> str | None:
        """Which digits a decimal that is written as text may have; pydantic asks since 2.14, and knew before."""
        return self.build_decimal_pattern(schema)


def adapter_of(annotation: object) -> TypeAdapter[object]:
    """Pydantic's adapter of an annotation whose bytes are base64; a record keeps its class's config.

    Raises:
        PydanticUserError: pydantic knows nothing of the type.
    """
    type_ = cast("type[object]", annotation)
    try:
        return TypeAdapter(type_, config=BASE64)
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise
    return TypeAdapter(type_)


def undecided(schema: object, setting: Setting) -> str | None:
    """The first field (`Page.image`) of bytes in a record whose class does not say how JSON has them."""
    return next(_undecided(schema, setting, "", decided=True), None)


def encoded_twice(schema: object) -> bool:
    """Whether these are bytes with an encoding of their own, as pydantic's `Base64Bytes`."""
    outer, inner = _kind(schema), _kind(schema.get("schema")) if isinstance(schema, Mapping) else ""
    return outer.startswith("function-") and inner == "bytes" and _has_own_form(schema)


def _undecided(schema: object, setting: Setting, place: str, *, decided: bool) -> Iterator[str]:
    kind = _kind(schema)
    if isinstance(schema, Mapping):
        if kind == "bytes" and not decided:
            yield place
        if kind in _RECORDS:
            config = schema.get("config")
            decided = isinstance(config, Mapping) and setting in config
            place = getattr(schema.get("cls"), "__name__", place)
        if kind.startswith("function-") and _has_own_form(schema):
            return
        for name, member in _members(schema):
            inner = f"{place}.{name}" if _kind(member) in _FIELDS else place
            yield from _undecided(member, setting, inner, decided=decided)
    elif isinstance(schema, Sequence) and not isinstance(schema, str | bytes):
        for item in schema:
            yield from _undecided(item, setting, place, decided=decided)


def _members(schema: Mapping[object, object]) -> Iterator[tuple[object, object]]:
    """What may hold schemas, with the name of a field."""
    for key, value in schema.items():
        if key == "fields" and isinstance(value, Mapping):
            yield from value.items()
        elif key == "fields" and isinstance(value, Sequence):
            yield from ((field.get("name"), field) for field in value if isinstance(field, Mapping))
        elif key not in ("config", "metadata", "cls", "default", "expected", "serialization", "function"):
            yield key, value


def _kind(schema: object) -> str:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    return kind if isinstance(kind, str) else ""


def _has_own_form(schema: object) -> bool:
    metadata = schema.get("metadata") if isinstance(schema, Mapping) else None
    return isinstance(metadata, Mapping) and _OWN_FORM in metadata
