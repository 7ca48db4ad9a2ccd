"""What came back as a value of the type that was asked for."""

from typing import TypeVar, cast

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from .errors import ResourceGarbled

Wanted = TypeVar("Wanted")

_adapters: dict[object, TypeAdapter[object]] = {}


def validated(value: object, wanted: type[Wanted], setting: str) -> Wanted:
    """The value as a `wanted`, read as pydantic reads Python values.

    Raises:
        ResourceGarbled: it is none; which member is wrong is told, its value is not.
    """
    try:
        return cast(Wanted, _adapter(wanted).validate_python(value, from_attributes=False))
    except ValidationError as error:
        raise _garbled(error, wanted, setting) from None


def validated_json(text: bytes, wanted: type[Wanted], setting: str) -> Wanted:
    """As `validated`, of JSON.

    Raises:
        ResourceGarbled: it is no JSON, or no `wanted`.
    """
    try:
        return cast(Wanted, _adapter(wanted).validate_json(text))
    except ValidationError as error:
        raise _garbled(error, wanted, setting) from None


def as_json(value: object) -> bytes:
    """The JSON of a value: of what JSON has, records and arrays of NumPy.

    Raises:
        TypeError: it has none.
    """
    if isinstance(value, BaseModel):
        return value.model_dump_json().encode()
    try:
        return to_json(value, fallback=_listed)
    except PydanticSerializationError as error:
        raise TypeError(str(error)) from None


def _adapter(wanted: type[Wanted]) -> TypeAdapter[object]:
    found = _adapters.get(wanted)
    if found is None:
        found = _adapters[wanted] = cast("TypeAdapter[object]", TypeAdapter(wanted))
    return found


def _listed(value: object) -> object:
    if (tolist := getattr(value, "tolist", None)) is not None:
        return tolist()
    raise TypeError(f"a `{type(value).__name__}` has no JSON form")


def _garbled(error: ValidationError, wanted: object, setting: str) -> ResourceGarbled:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    place = f" at `{where}`" if where else ""
    return ResourceGarbled(
        setting, f"the answer is no `{getattr(wanted, '__name__', wanted)}`{place}: {first['type']}"
    )
