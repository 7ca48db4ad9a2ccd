"""What an endpoint is in the Open Inference Protocol: tensors, read off the JSON schemas of body and answer.

The schemas and not the IR, because they have the names that clients see: aliases, and members of records in
records, whose tensors are named by the path to them (`diamond.carat`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from dagc.plan.body_limit import max_body_bytes
from dagc.plan.service_plan import InferenceTensor, OpenInference

MAX_ROWS = 256
"""Examples of one request; Triton's models are usually configured for 8 to 128."""
LARGEST = 16 * 1024 * 1024
"""Bytes of a request of many rows, unless one row alone may have more."""
LIBRARIES = frozenset({"grpclib", "protobuf"})

Place = tuple[str | int, ...]
_OF_SCALARS = {"number": "f64", "integer": "i64", "boolean": "bool", "string": "str"}


class NoTensor(Exception):
    """A part of a body or an answer that is no tensor; its text says what it is."""


def open_inference(request: JsonValue, response: JsonValue) -> OpenInference | str:
    """The protocol's form of an endpoint with these schemas, or why it has none: words to follow `because`."""
    try:
        inputs = tuple(_Side(request).members(request, ()))
        answer = _Side(response, is_answer=True)
        outputs = tuple(answer.members(response, ()))
    except NoTensor as found:
        return str(found)
    if not inputs:
        return "it has no input"
    if any(len({tensor.name for tensor in side}) < len(side) for side in (inputs, outputs)):
        return "two of its tensors would have one name"
    of_one = max_body_bytes(request)
    limit = max(of_one, min(LARGEST, MAX_ROWS * of_one))
    return OpenInference(inputs=inputs, outputs=outputs, max_rows=MAX_ROWS, max_body_bytes=limit)


def inference_libraries(forms: Iterable[OpenInference | str]) -> frozenset[str]:
    """Distributions that a service with endpoints of these forms needs, to answer over gRPC."""
    return LIBRARIES if any(isinstance(form, OpenInference) for form in forms) else frozenset()


@dataclass(frozen=True, slots=True)
class _Side:
    """One schema being read, with its definitions."""

    root: JsonValue
    is_answer: bool = False

    def members(self, given: JsonValue, place: Place, inside: tuple[str, ...] = ()) -> Iterator[InferenceTensor]:
        """The tensors of a schema, those of records in the order of their fields."""
        schema, inside = self._followed(given, place, inside)
        properties, items = schema.get("properties"), schema.get("prefixItems")
        if isinstance(properties, dict) and not schema.get("additionalProperties"):
            wanted = schema.get("required")
            needed = wanted if isinstance(wanted, list) else []
            for name, member in properties.items():
                yield from self._member(member, (*place, name), inside, may_be_left_out=name not in needed)
        elif self.is_answer and not place and isinstance(items, list):
            for number, item in enumerate(items):
                yield self._tensor(item, (number,), inside)
        else:
            yield self._tensor(dict(schema), place, inside)

    def _member(
        self, given: JsonValue, place: Place, inside: tuple[str, ...], *, may_be_left_out: bool
    ) -> Iterator[InferenceTensor]:
        if self.is_answer or not may_be_left_out:
            yield from self.members(given, place, inside)
            return
        found = tuple(self.members(_without_null(given), place, inside))
        if len(found) != 1 or found[0].path != place:
            raise NoTensor(f"{self._named(place)} is a record that may be left out")
        yield found[0].model_copy(update={"optional": True})

    def _tensor(self, given: JsonValue, place: Place, inside: tuple[str, ...]) -> InferenceTensor:
        schema, _ = self._followed(given, place, inside)
        name = _name(place)
        dtype = schema.get("x-dagc-dtype")
        if isinstance(dtype, str):
            return InferenceTensor(name=name, path=place, dtype=dtype, dims=_dims(schema))
        kind = schema.get("type")
        if isinstance(kind, str) and kind in _OF_SCALARS:
            is_bytes = kind == "string" and ("contentEncoding" in schema or schema.get("format") == "binary")
            if is_bytes or not (self.is_answer and "format" in schema):
                dtype = "bytes" if is_bytes else _OF_SCALARS[kind]
                return InferenceTensor(name=name, path=place, dtype=dtype, dims=(1,), scalar=True)
        raise NoTensor(f"{self._named(place)} is {_described(schema)}")

    def _followed(
        self, given: JsonValue, place: Place, inside: tuple[str, ...]
    ) -> tuple[Mapping[str, JsonValue], tuple[str, ...]]:
        """The schema behind references, and the names of those followed so far."""
        schema = given if isinstance(given, dict) else {}
        definitions = self.root.get("$defs") if isinstance(self.root, dict) else None
        while isinstance(reference := schema.get("$ref"), str):
            if reference in inside:
                raise NoTensor(f"{self._named(place)} is a record that holds itself")
            inside = (*inside, reference)
            found = definitions.get(reference.removeprefix("#/$defs/")) if isinstance(definitions, dict) else None
            schema = found if isinstance(found, dict) else {}
        return schema, inside

    def _named(self, place: Place) -> str:
        side = "result" if self.is_answer else "input"
        return f"its {side} `{_name(place)}`" if place else f"its {side}"


def _name(place: Place) -> str:
    """What a tensor is called: the only one of an answer `output`, those of a tuple `output_0`, `output_1`, ..."""
    if not place:
        return "output"
    return f"output_{place[0]}" if isinstance(place[0], int) else ".".join(map(str, place))


def _without_null(given: JsonValue) -> JsonValue:
    """The schema of a value where that or `null` is expected."""
    options = given.get("anyOf") if isinstance(given, dict) else None
    if not isinstance(options, list):
        return given
    left = [option for option in options if not (isinstance(option, dict) and option.get("type") == "null")]
    return left[0] if len(left) == 1 else given


def _dims(schema: Mapping[str, JsonValue]) -> tuple[int | str | None, ...]:
    """The dims of a tensor's schema, as `TensorSpec` wrote it."""
    free = schema.get("x-dagc-dims")
    if isinstance(free, list):
        return tuple(dim if isinstance(dim, int | str) else None for dim in free)
    sizes: list[int] = []
    inner: JsonValue = dict(schema)
    while isinstance(inner, dict) and inner.get("type") == "array":
        size = inner.get("minItems")
        sizes.append(size if isinstance(size, int) else 1)
        inner = inner.get("items")
    return tuple(sizes)


def _described(schema: Mapping[str, JsonValue]) -> str:
    match schema.get("type"):
        case "array":
            return "a list"
        case "object":
            return "a dict"
        case "null":
            return "nothing"
        case "string":
            return f"a text of the format `{schema.get('format')}`"
        case _:
            options = schema.get("anyOf")
            if isinstance(options, list) and {"type": "null"} in options:
                return "one that may be null"
            return "of several types" if "anyOf" in schema or "oneOf" in schema else "of no type of a tensor"
