"""How many bytes a request may have, read off its JSON schema: what is not needed is not accepted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

KIB = 1024
SMALLEST = 64 * KIB
UNBOUNDED = 8 * 1024 * KIB
"""The cap where the schema sets none, as for a text without `maxLength` or a tensor with a free size."""
LARGEST = 256 * 1024 * KIB

_NUMBER = 32  # the longest double is 24 characters; the rest is a separator and indentation
_CHARACTER = 12  # one character outside the basic plane as two \uXXXX escapes
_SEPARATOR = 16  # quotes, colon, comma, a line break and indentation of a member


def max_body_bytes(schema: JsonValue) -> int:
    """The largest body `schema` allows in bytes, rounded up to 64 KiB, between 64 KiB and 256 MiB; else 8 MiB."""
    definitions = schema.get("$defs") if isinstance(schema, dict) else None
    bound = _Estimate(definitions if isinstance(definitions, dict) else {}).size(schema, ())
    if bound is None:
        return UNBOUNDED
    return min(LARGEST, -(-(bound + KIB) // SMALLEST) * SMALLEST)


@dataclass(frozen=True, slots=True)
class _Estimate:
    """Upper bounds of schemas; `None` is no bound. `inside` are the definitions being looked at (recursion)."""

    definitions: Mapping[str, JsonValue]

    def size(self, schema: JsonValue, inside: tuple[str, ...]) -> int | None:
        """The most bytes a value of the schema takes, or `None` where nothing bounds it."""
        if not isinstance(schema, dict):
            return None
        if isinstance(reference := schema.get("$ref"), str):
            name = reference.removeprefix("#/$defs/")
            return None if name in inside else self.size(self.definitions.get(name), (*inside, name))
        if "const" in schema:
            return _written(schema["const"])
        if isinstance(values := schema.get("enum"), list):
            return max((_written(value) for value in values), default=0)
        for key in ("anyOf", "oneOf"):
            if isinstance(options := schema.get(key), list):
                return _largest([self.size(option, inside) for option in options])
        if isinstance(parts := schema.get("allOf"), list):
            return _sum([self.size(part, inside) for part in parts])
        return self._typed(schema, inside)

    def _typed(self, schema: Mapping[str, JsonValue], inside: tuple[str, ...]) -> int | None:
        match schema.get("type"):
            case "number" | "integer" | "boolean" | "null":
                return _NUMBER
            case "string":
                length = schema.get("maxLength")
                longest = 1 if "contentEncoding" in schema else _CHARACTER
                return longest * length + _SEPARATOR if isinstance(length, int) else None
            case "array":
                return self._array(schema, inside)
            case "object":
                return self._object(schema, inside)
            case _:
                return None

    def _array(self, schema: Mapping[str, JsonValue], inside: tuple[str, ...]) -> int | None:
        if isinstance(prefix := schema.get("prefixItems"), list):
            return _sum([self.size(item, inside) for item in prefix])
        count, item = schema.get("maxItems"), self.size(schema.get("items"), inside)
        if not isinstance(count, int) or item is None:
            return None
        return count * item + _SEPARATOR

    def _object(self, schema: Mapping[str, JsonValue], inside: tuple[str, ...]) -> int | None:
        members = schema.get("properties")
        if not isinstance(members, dict) or schema.get("additionalProperties"):
            return None
        keys = sum(_CHARACTER * len(key) + _SEPARATOR for key in members)
        values = _sum([self.size(member, inside) for member in members.values()])
        return None if values is None else keys + values


def _sum(sizes: list[int | None]) -> int | None:
    return None if None in sizes else sum(size for size in sizes if size is not None) + _SEPARATOR


def _largest(sizes: list[int | None]) -> int | None:
    return None if None in sizes else max((size for size in sizes if size is not None), default=0)


def _written(value: JsonValue) -> int:
    # ASCII escapes are the longest way to write a text, but for writing every character as an escape.
    return 6 * len(json.dumps(value)) + _SEPARATOR
