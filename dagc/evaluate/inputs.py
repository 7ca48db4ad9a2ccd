"""Requests drawn from a JSON schema as pydantic writes it: the same ones on every machine for one seed.

Every request has its own generator, so asking for more never changes the earlier ones. The first request takes
every lower bound, the second every upper bound, where numbers, strings and lists have them. Requests may be drawn
beside given values: half of the numbers and texts in them are on one, or next to it.
"""

import random
import re
import string
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from dagc.evaluate.numbers import beside, integer, number
from dagc.evaluate.patterns import UnsupportedPatternError, matching
from dagc.evaluate.thresholds import Threshold

Edge = Literal["lowest", "highest"] | None

_FORMATS: Mapping[str, str] = {
    "date": "20{:02d}-0{:d}-1{:d}",
    "date-time": "20{:02d}-0{:d}-1{:d}T12:00:00Z",
    "time": "1{1:d}:{0:02d}:00Z",
    "duration": "P{:d}DT{:d}H{:d}M",
    "uuid": "{:08d}-000{:d}-4000-8000-00000000000{:d}",
    "email": "user{}.{}{}@example.org",
    "uri": "https://example.org/{}/{}/{}",
    "ipv4": "192.0.2.{0}",
    "ipv6": "2001:db8::{0}",
}
_DEEPEST = 8
_MOST_ITEMS = 4
_LONGEST = 64


def seeded_requests(schema: JsonValue, count: int, seed: int) -> Iterator[JsonValue]:
    """`count` values that fit the schema, as far as a schema says what fits."""
    for index in range(count):
        edge: Edge = "lowest" if index == 0 else "highest" if index == 1 else None
        yield _Drawing(schema, random.Random(f"dagc {seed} {index}"), edge).value(schema, "$", 0)


def requests_beside(values: Sequence[Threshold], schema: JsonValue, count: int, seed: int) -> Iterator[JsonValue]:
    """`count` values of the schema's types, many of them beside `values`, which may lie outside of its bounds."""
    for index in range(count):
        yield _Drawing(schema, random.Random(f"dagc beside {seed} {index}"), None, values).value(schema, "$", 0)


@dataclass(slots=True)
class _Drawing:
    """One request in the making.

    `beside` are values to stay close to. `lengths` keeps one length per place, so that nested lists (tensors) come
    out rectangular.
    """

    root: JsonValue
    rng: random.Random
    edge: Edge
    beside: Sequence[Threshold] = ()
    lengths: dict[str, int] = field(default_factory=dict)

    def value(self, schema: JsonValue, place: str, depth: int) -> JsonValue:
        """A value of any schema."""
        if not isinstance(schema, dict):
            return None
        if "$ref" in schema:
            return self.value(self.definition(str(schema["$ref"])), place, depth + 1)
        if "const" in schema:
            return schema["const"]
        if isinstance(options := schema.get("enum"), list):
            return self.rng.choice(options)
        for union in ("anyOf", "oneOf"):
            if isinstance(options := schema.get(union), list):
                return self.option(options, place, depth)
        if isinstance(parts := schema.get("allOf"), list):
            return self.value(_merged(schema, parts), place, depth)
        return self.typed(schema, place, depth)

    def typed(self, schema: dict[str, JsonValue], place: str, depth: int) -> JsonValue:
        """A value of a schema that names its type."""
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = self.rng.choice(kind)
        match kind:
            case "object":
                return self.object(schema, place, depth)
            case "array":
                return self.array(schema, place, depth)
            case "string" | "integer" | "number" if (near := self.near(kind)) is not None:
                return near
            case "string":
                return self.string(schema)
            case "integer":
                return integer(schema, self.rng, self.edge)
            case "number":
                return number(schema, self.rng, self.edge)
            case "boolean":
                return self.rng.random() < 0.5
            case _:
                return None

    def near(self, kind: str) -> JsonValue:
        """A value to stay close to, or one beside it; `None` half of the time, or if there is none."""
        texts = kind == "string"
        fitting = [value for value in self.beside if isinstance(value, str) == texts]
        if not fitting or self.rng.random() < 0.5:
            return None
        value = self.rng.choice(fitting)
        return value if isinstance(value, str) else beside(value, self.rng, whole=kind == "integer")

    def option(self, options: list[JsonValue], place: str, depth: int) -> JsonValue:
        """A member of a union; deep inside a recursive type the one that ends it, if there is one."""
        if (text := self.decimal(options)) is not None:
            return text if self.rng.random() < 0.5 else float(text)
        ends = [option for option in options if isinstance(option, dict) and option.get("type") == "null"]
        return self.value(self.rng.choice(ends if ends and depth > _DEEPEST else options), place, depth + 1)

    def decimal(self, options: list[JsonValue]) -> str | None:
        """For a `Decimal`, a number or a text of digits, as many as it may have; nothing for other unions."""
        bounds, text = options if len(options) == 2 else (None, None)
        if not isinstance(bounds, dict) or not isinstance(text, dict) or "pattern" not in text:
            return None
        if (bounds.get("type"), text.get("type")) != ("number", "string"):
            return None
        drawn = number(bounds, self.rng, self.edge)
        written = (f"{drawn:.{places}f}" for places in (6, 4, 3, 2, 1, 0))
        return next((digits for digits in written if re.search(str(text["pattern"]), digits)), None)

    def object(self, schema: dict[str, JsonValue], place: str, depth: int) -> JsonValue:
        """Required members, most of the others, and now and then further ones."""
        properties = schema.get("properties")
        required = schema.get("required")
        made: dict[str, JsonValue] = {}
        for name, inner in (properties if isinstance(properties, dict) else {}).items():
            needed = isinstance(required, list) and name in required
            if needed or (depth <= _DEEPEST and self.rng.random() < 0.75):
                made[name] = self.value(inner, f"{place}.{name}", depth + 1)
        others = schema.get("additionalProperties")
        if isinstance(others, dict) and depth <= _DEEPEST:
            for index in range(self.rng.randint(0, 2)):
                made[f"key{index}"] = self.value(others, f"{place}.*", depth + 1)
        return made

    def array(self, schema: dict[str, JsonValue], place: str, depth: int) -> JsonValue:
        """A tensor of its dims, a tuple of its items, or a list of a drawn length."""
        if isinstance(dims := schema.get("x-dagc-dims"), list):
            return self.tensor(schema, [self.size(dim, f"{place}#{axis}") for axis, dim in enumerate(dims)])
        first = schema.get("prefixItems")
        made = [
            self.value(inner, f"{place}[{index}]", depth + 1)
            for index, inner in enumerate(first if isinstance(first, list) else [])
        ]
        items = schema.get("items")
        if not isinstance(items, dict):
            return made
        for _ in range(self.length(schema, place, depth) - len(made)):
            item = self.value(items, f"{place}[]", depth + 1)
            if schema.get("uniqueItems") is not True or item not in made:
                made.append(item)
        return made

    def tensor(self, schema: JsonValue, sizes: list[int]) -> JsonValue:
        """Nested lists of the sizes."""
        if not sizes:
            return self.value(schema, "$", 0)
        items = schema.get("items") if isinstance(schema, dict) else None
        return [self.tensor(items, sizes[1:]) for _ in range(sizes[0])]

    def size(self, dim: JsonValue, place: str) -> int:
        """A dim of a tensor: fixed, one size per name in the whole request, or free."""
        if isinstance(dim, int):
            return dim
        drawn = {"lowest": 1, "highest": _MOST_ITEMS}.get(self.edge or "", self.rng.randint(1, _MOST_ITEMS))
        return self.lengths.setdefault(dim if isinstance(dim, str) else place, drawn)

    def length(self, schema: dict[str, JsonValue], place: str, depth: int) -> int:
        """How long a list is: within its bounds, the same wherever its place is drawn again."""
        least = _whole(schema.get("minItems"), 0)
        most = min(_whole(schema.get("maxItems"), max(least, 1) + _MOST_ITEMS - 1), max(least, _LONGEST))
        if depth > _DEEPEST:
            return least
        free = {"lowest": least, "highest": most}.get(
            self.edge or "", self.rng.randint(max(least, min(1, most)), most)
        )
        return self.lengths.setdefault(place, free)

    def string(self, schema: dict[str, JsonValue]) -> JsonValue:
        """A text of its format, pattern or lengths."""
        if "base64" in (schema.get("contentEncoding"), schema.get("format")):
            return self.base64(schema)
        form = _FORMATS.get(str(schema.get("format")))
        if form is not None:
            return form.format(*(self.rng.randint(1, 9) for _ in range(3)))
        least = _whole(schema.get("minLength"), 0)
        most = _whole(schema.get("maxLength"), least + 12)
        if "pattern" in schema:
            return self.patterned(str(schema["pattern"]), least, most)
        drawn = self.rng.randint(max(least, min(1, most)), min(most, least + 12))
        length = {"lowest": least, "highest": min(most, 1000)}.get(self.edge or "", drawn)
        return "".join(self.rng.choice(string.ascii_lowercase) for _ in range(length))

    def base64(self, schema: dict[str, JsonValue]) -> JsonValue:
        """Random bytes as long as the characters they are written with allow."""
        least, most = (
            _whole(schema.get(key), bound) // 4 * 3 for key, bound in (("minLength", 0), ("maxLength", 64))
        )
        length = {"lowest": least, "highest": min(most, 1000)}.get(
            self.edge or "", self.rng.randint(least, max(least, min(most, least + 48)))
        )
        return b64encode(self.rng.randbytes(length)).decode()

    def patterned(self, pattern: str, least: int, most: int) -> str:
        """A string for the pattern: a few tries, then whatever fits the lengths (the request is then refused)."""
        try:
            tries = (matching(pattern, self.rng) for _ in range(20))
            fitting = (text for text in tries if least <= len(text) <= most and re.search(pattern, text))
            return next(fitting, "a" * least)
        except (UnsupportedPatternError, re.error):
            return "a" * least

    def definition(self, reference: str) -> JsonValue:
        """What `#/$defs/Name` stands for."""
        found: JsonValue = self.root
        for part in reference.removeprefix("#/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        return found


def _merged(schema: dict[str, JsonValue], parts: list[JsonValue]) -> dict[str, JsonValue]:
    """`allOf` as one schema: right for the single `$ref` with a default beside it that pydantic writes."""
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    for part in parts:
        merged |= part if isinstance(part, dict) else {}
    return merged


def _whole(value: JsonValue, default: int) -> int:
    return int(value) if isinstance(value, int | float) else default
