"""Schemas of several endpoints in one `components/schemas`: definitions moved, clashing names told apart.

Only schema positions are walked; a user's data (`default`, `examples`, `enum`, `const`) stays as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

_HERE = "#/$defs/"
_THERE = "#/components/schemas/"
_NAMED_SCHEMAS = frozenset({"properties", "patternProperties", "dependentSchemas"})
_LISTED_SCHEMAS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SCHEMAS = frozenset({"items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"})


@dataclass(slots=True)
class Components:
    """The named schemas met so far, ready for the document."""

    schemas: dict[str, JsonValue] = field(default_factory=dict)

    def add(self, schema: JsonValue, owner: str) -> JsonValue:
        """`schema` with its definitions moved here; its own object too, when it has a title.

        `owner` (`fraud_request`) goes behind a name that another schema already has.
        """
        if not isinstance(schema, dict):
            return schema
        definitions = schema.get("$defs")
        definitions = definitions if isinstance(definitions, dict) else {}
        names = {name: self._name(name, definitions, owner) for name in definitions}
        for name, definition in definitions.items():
            self.schemas[names[name]] = _moved(definition, names)
        root = _moved({key: value for key, value in schema.items() if key != "$defs"}, names)
        title = schema.get("title")
        if schema.get("type") != "object" or not isinstance(title, str):
            return root
        name = self._free(title, root, owner)
        self.schemas[name] = root
        return {"$ref": _THERE + name}

    def _name(self, name: str, definitions: Mapping[str, JsonValue], owner: str) -> str:
        unchanged = {other: _key(other) for other in definitions}
        return self._free(name, _moved(definitions[name], unchanged), owner)

    def _free(self, name: str, schema: JsonValue, owner: str) -> str:
        """A key nothing else has; an equal schema shares one."""
        candidates = [_key(name), f"{_key(name)}_{_key(owner)}"]
        candidates += [f"{candidates[1]}_{number}" for number in range(2, len(self.schemas) + 3)]
        return next(c for c in candidates if c not in self.schemas or self.schemas[c] == schema)


def _moved(schema: JsonValue, names: Mapping[str, str]) -> JsonValue:
    if not isinstance(schema, dict):
        return schema
    return {key: _member(key, value, names) for key, value in schema.items()}


def _member(key: str, value: JsonValue, names: Mapping[str, str]) -> JsonValue:
    if key == "$ref" and isinstance(value, str):
        return _pointed(value, names)
    if key in _NAMED_SCHEMAS and isinstance(value, dict):
        return {name: _moved(schema, names) for name, schema in value.items()}
    if key in _LISTED_SCHEMAS and isinstance(value, list):
        return [_moved(schema, names) for schema in value]
    if key in _SCHEMAS:
        return _moved(value, names)
    if key == "discriminator" and isinstance(value, dict) and isinstance(mapping := value.get("mapping"), dict):
        pointed = {tag: _pointed(to, names) if isinstance(to, str) else to for tag, to in mapping.items()}
        return {**value, "mapping": pointed}
    return value


def _pointed(reference: str, names: Mapping[str, str]) -> str:
    if not reference.startswith(_HERE):
        return reference
    name = reference.removeprefix(_HERE)
    return _THERE + names.get(name, _key(name))


def _key(name: str) -> str:
    """A component name of the characters OpenAPI 3.1 allows."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name) or "schema"
