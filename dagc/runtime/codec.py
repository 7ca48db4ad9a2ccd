"""Request bytes to arguments and results to response bytes, by the type hints of the user's own graph function."""

import math
from collections.abc import Callable, Iterator
from dataclasses import Field, field, make_dataclass
from inspect import Parameter, signature
from operator import attrgetter
from typing import cast, get_type_hints

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from .answer import Answer, refusal
from .body import flaw
from .members import member_count
from .named_sizes import NamedSizes
from .quick import quick_reader
from .settings import EndpointSettings, StartError
from .strictness import strict_validator

MAX_DETAILS = 20
# Listing pydantic's errors takes 1.5 us each: a body made of flaws must not take seconds.
_MAX_LISTED = 1000
# Messages of pydantic that repeat a part of the input.
_OWN_MESSAGES = {
    "union_tag_invalid": "Input should have one of the expected tags",
    "uuid_parsing": "Input should be a valid UUID",
}


# Bytes of the graph's own signature; in a record the config of its class holds.
_BASE64 = ConfigDict(val_json_bytes="base64", ser_json_bytes="base64")


class BadRequest(Exception):
    """A body that the endpoint does not take; it carries the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class NonFiniteAnswer(ValueError):
    """A result holds NaN or an infinity, which JSON cannot say."""

    def __init__(self, place: str | None) -> None:
        super().__init__(place)
        self.field = place


class Codec:
    """Both directions for one endpoint.

    Raises:
        StartError: `types`, pydantic cannot make a schema of the function's annotations.
    """

    def __init__(self, function: Callable[..., object], settings: EndpointSettings) -> None:
        self._max_depth = settings.limits.max_json_depth
        try:
            hints = get_type_hints(function, include_extras=True)
            request, self._arguments = _request(function, hints, settings)
            names = settings.parameters if settings.body is None else (settings.body,)
            taken = {name: hints[name] for name in names}
            self._sizes = NamedSizes(taken, body=settings.body)
            if self._sizes:
                self._arguments = self._agreeing(self._arguments)
            self._quick = None if settings.body is not None or self._sizes else quick_reader(taken)
            response = _adapter(hints["return"])
            self._members = member_count(request.core_schema)
            self._validator = strict_validator(request.core_schema)
            self._validate = self._validator.validate_json
            self._to_json, self._to_python = response.serializer.to_json, response.serializer.to_python
        except Exception as error:  # annotations are the user's code: they may raise anything
            text = f"the types of `{settings.name}` cannot be used: {type(error).__name__}: {error}"
            raise StartError("types", text) from error

    def decode(self, body: bytes) -> tuple[object, ...]:
        """The arguments for the glue's coroutine.

        Raises:
            BadRequest: 400 for what is no JSON, 422 for JSON of another type; no value of the request is repeated.
        """
        if self._quick is not None and (arguments := self._quick(body)) is not None:
            return arguments
        if body.count(b":") == self._members:
            try:
                return self._arguments(self._validate(body))
            except ValidationError:
                pass  # what is wrong is told below
        if (refused := flaw(body, self._max_depth)) is not None:
            raise BadRequest(refused)
        try:
            value = self._validate(body)
        except ValidationError as error:
            raise BadRequest(explained(error)) from None
        return self._arguments(value)

    def encode(self, value: object) -> Answer:
        """The 200 answer of a result.

        Raises:
            NonFiniteAnswer: naming the field.
            PydanticSerializationError: the result is not of the annotated type.
        """
        try:
            body: bytes = self._to_json(value, by_alias=True, warnings=False)
        except ValueError:
            self._refuse_non_finite(value)
            raise
        # pydantic writes non-finite floats as `null`, by the user's setting as a word: no such text, none there.
        if b"null" in body or b"NaN" in body or b"Infinity" in body:
            self._refuse_non_finite(value)
        return Answer(200, body)

    def _agreeing(
        self, arguments: Callable[[object], tuple[object, ...]]
    ) -> Callable[[object], tuple[object, ...]]:
        def agreed(value: object) -> tuple[object, ...]:
            found = arguments(value)
            if (unequal := self._sizes.flaw(found)) is not None:
                place, text = unequal
                details = [{"field": place, "message": text}]
                raise BadRequest(refusal(422, "validation", text, place, details=details))
            return found

        return agreed

    def _refuse_non_finite(self, value: object) -> None:
        plain = self._to_python(value, by_alias=True, warnings=False)
        place = next(_non_finite(plain, ()), None)
        if place is not None:
            raise NonFiniteAnswer(".".join(place) or None)


class BytesCodec(Codec):
    """The same for a body that is the bytes of the endpoint's one parameter as they are."""

    def __init__(self, function: Callable[..., object], settings: EndpointSettings) -> None:
        super().__init__(function, settings)
        (self._parameter,) = settings.parameters

    def decode(self, body: bytes) -> tuple[object, ...]:
        """The bytes, if they keep what the user's annotation says of them.

        Raises:
            BadRequest: 400 for none, 422 otherwise.
        """
        if not body:
            raise BadRequest(refusal(400, "empty_body", "the request has no body"))
        try:
            return self._arguments(self._validator.validate_python({self._parameter: body}))
        except ValidationError as error:
            raise BadRequest(explained(error)) from None


def _adapter(hint: object) -> TypeAdapter[object]:
    """The adapter of an annotation: pydantic refuses a config for classes that have their own."""
    try:
        return TypeAdapter(cast("type[object]", hint), config=_BASE64)
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise
    return TypeAdapter(cast("type[object]", hint))


def _request(
    function: Callable[..., object], hints: dict[str, object], settings: EndpointSettings
) -> tuple[TypeAdapter[object], Callable[[object], tuple[object, ...]]]:
    """What validates the body, and what makes the arguments of the validated value."""
    if settings.body is not None:
        return _adapter(hints[settings.body]), lambda value: (value,)
    names = settings.parameters
    parameters = signature(function).parameters
    members = [(name, hints[name], _member(parameters[name])) for name in names]
    record = make_dataclass(
        settings.name,
        members,
        kw_only=True,
        namespace={"__pydantic_config__": ConfigDict(extra="forbid", **_BASE64)},
    )
    return TypeAdapter(record), _members(names)


def _member(parameter: Parameter) -> "Field[object]":
    """A dataclass field that is required unless the parameter has a default."""
    absent = parameter.default is Parameter.empty
    made: Field[object] = field() if absent else field(default_factory=lambda: parameter.default)
    return made


def _members(names: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple([getattr(value, name) for name in names])


def explained(error: ValidationError) -> Answer:
    """The refusal of a body that is not of the endpoint's types (400 when it is not even JSON)."""
    count = error.error_count()
    if count > _MAX_LISTED:
        return refusal(422, "validation", f"the request has {count} mistakes")
    flaws = error.errors(include_url=False, include_context=False, include_input=False)
    if flaws[0]["type"] == "json_invalid":
        text = flaws[0]["msg"].removeprefix("Invalid JSON: ")
        return refusal(400, "bad_json", f"the body is not JSON: {text}")
    details = [
        {"field": _place(found["loc"]), "message": _OWN_MESSAGES.get(found["type"], found["msg"])}
        for found in flaws[:MAX_DETAILS]
    ]
    first = details[0]
    return refusal(422, "validation", first["message"], first["field"] or None, details=details)


def _place(parts: tuple[int | str, ...]) -> str:
    return ".".join(map(str, parts))[:200]


def _non_finite(value: object, place: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            yield place
    elif isinstance(value, np.ndarray):
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            first = np.argwhere(~np.isfinite(value))[0]
            yield (*place, *map(str, first.tolist()))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _non_finite(item, (*place, str(key)))
    elif isinstance(value, list | tuple | set | frozenset):
        for index, item in enumerate(value):
            yield from _non_finite(item, (*place, str(index)))
