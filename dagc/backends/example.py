"""A request for the documentation: one the user stored, one the schema offers, or the smallest that fits it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from dagc.plan.service_plan import Endpoint

_DEEPEST = 12
_MOST_ITEMS = 4096
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "duration": "PT1H",
    "email": "user@example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "time": "12:00:00Z",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uuid4": "00000000-0000-4000-8000-000000000000",
}


def example_request(endpoint: Endpoint) -> JsonValue:
    """A body of `endpoint`; made by the schema alone it may still break a pattern or a rule of the user's own."""
    if endpoint.example is not None:
        return endpoint.example
    schema = endpoint.request_schema
    definitions = schema.get("$defs") if isinstance(schema, dict) else None
    return _Sample(definitions if isinstance(definitions, dict) else {}).value(schema, _DEEPEST)


@dataclass(frozen=True, slots=True)
class _Sample:
    definitions: Mapping[str, JsonValue]

    def value(self, schema: JsonValue, depth: int) -> JsonValue:
        """A small value of `schema`; `depth` ends what a recursive schema would go on with."""
        if not isinstance(schema, dict) or depth == 0:
            return None
        if isinstance(examples := schema.get("examples"), list) and examples:
            return examples[0]
        for key in ("example", "const", "default"):
            if key in schema:
                return schema[key]
        if isinstance(values := schema.get("enum"), list) and values:
            return values[0]
        if isinstance(reference := schema.get("$ref"), str):
            return self.value(self.definitions.get(reference.removeprefix("#/$defs/")), depth - 1)
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(options := schema.get(key), list) and options:
                return self.value(options[0], depth - 1)
        return self._typed(schema, depth)

    def _typed(self, schema: Mapping[str, JsonValue], depth: int) -> JsonValue:
        match schema.get("type"):
            case "string":
                return _text(schema)
            case "number":
                return _number(schema)
            case "integer":
                return math.ceil(_number(schema))
            case "boolean":
                return True
            case "array":
                return self._array(schema, depth)
            case "object":
                members = schema.get("properties")
                members = members if isinstance(members, dict) else {}
                return {name: self.value(member, depth - 1) for name, member in members.items()}
            case _:
                return None

    def _array(self, schema: Mapping[str, JsonValue], depth: int) -> JsonValue:
        if isinstance(prefix := schema.get("prefixItems"), list):
            return [self.value(item, depth - 1) for item in prefix]
        least, most = schema.get("minItems"), schema.get("maxItems")
        count = least if isinstance(least, int) else 0 if most == 0 else 1
        return [self.value(schema.get("items"), depth - 1)] * min(count, _MOST_ITEMS)


def _text(schema: Mapping[str, JsonValue]) -> str:
    least, most = schema.get("minLength"), schema.get("maxLength")
    if schema.get("contentEncoding") == "base64":
        return "Ynl0" * max(1, -(-least // 4) if isinstance(least, int) else 1)
    if (form := _FORMATS.get(str(schema.get("format")))) is not None:
        return form
    text = "text"[: most if isinstance(most, int) else None]
    return text.ljust(min(least, _MOST_ITEMS), "x") if isinstance(least, int) else text


def _number(schema: Mapping[str, JsonValue]) -> float:
    """A number inside the bounds, 1 where they allow it."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    lowest = max((float(n) for n in (low, above) if isinstance(n, int | float)), default=-math.inf)
    highest = min((float(n) for n in (high, below) if isinstance(n, int | float)), default=math.inf)
    if lowest < 1 < highest:
        return 1.0
    if lowest in (low, highest):
        return lowest
    if math.isinf(highest):
        return lowest + 1
    return highest if highest == high else (max(lowest, highest - 2) + highest) / 2
