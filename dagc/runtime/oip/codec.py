"""One row of a request to the glue's arguments, and the glue's result to the row's outputs; no JSON either way."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import cast

import numpy as np
from pydantic import ValidationError

from ..answer import Answer
from ..codec import BadRequest, Codec, NonFiniteAnswer, explained
from ..feed import DTYPES, Array
from ..settings import EndpointSettings, InferenceTensor, StartError
from ..value_body import ValueBody, value_of

Outputs = tuple[Array, ...]
"""One row's outputs in the order of the settings, without the batch axis."""

_OF_SCALARS: dict[str, tuple[type, ...]] = {
    "f64": (float, int, np.floating),
    "i64": (int, np.integer),
    "bool": (bool, np.bool_),
    "str": (str,),
    "bytes": (bytes,),
}


class RowCodec(Codec):
    """The endpoint's types, for rows: what its own annotations say of values holds for them too.

    Raises:
        StartError: as `Codec`.
    """

    def __init__(self, function: Callable[..., object], settings: EndpointSettings) -> None:
        super().__init__(function, settings)
        if settings.inference is None:
            raise StartError("settings_broken", f"service.json has no `inference` for `{settings.name}`")
        self._outputs = settings.inference.outputs

    def decode(self, body: bytes) -> tuple[object, ...]:
        """The arguments of a row that the body holds.

        Raises:
            BadRequest: 422.
        """
        try:
            return self._arguments(self._validator.validate_python(value_of(body)))
        except ValidationError as error:
            raise BadRequest(explained(error)) from None

    def encode(self, value: object) -> Answer:
        """An answer that holds the row's outputs.

        Raises:
            NonFiniteAnswer: naming the output.
            TypeError, ValueError: the result is not of the annotated type.
        """
        plain = self._to_python(value, by_alias=True, warnings=False)
        return Answer(200, ValueBody.of(tuple([_array(port, _found(plain, port.path)) for port in self._outputs])))


def _found(value: object, path: Sequence[str | int]) -> object:
    for part in path:
        if isinstance(part, int):
            value = cast("Sequence[object]", value)[part]
        else:
            value = cast("Mapping[str, object]", value)[part]
    return value


def _array(port: InferenceTensor, value: object) -> Array:
    """The value as the output's array; the same is refused as in JSON."""
    if port.scalar:
        array = _single(port, value.value if isinstance(value, Enum) else value)
    else:
        array = _fitting(port, value)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise NonFiniteAnswer(port.name)
    return array


def _single(port: InferenceTensor, value: object) -> Array:
    if not isinstance(value, _OF_SCALARS[port.dtype]):
        raise TypeError(f"output `{port.name}` is a {type(value).__name__}, which its type does not say")
    array: Array = np.empty(1, DTYPES.get(port.dtype, np.object_))
    array[0] = cast("str", value)  # one of the types above
    return array


def _fitting(port: InferenceTensor, value: object) -> Array:
    wanted = DTYPES[port.dtype]
    array: Array = np.asarray(value, np.object_) if port.dtype == "str" else np.asarray(value)
    sizes = zip(array.shape, port.dims, strict=False)
    if array.ndim != len(port.dims) or any(isinstance(dim, int) and size != dim for size, dim in sizes):
        raise ValueError(f"output `{port.name}` has another shape than its type says")
    if not np.can_cast(array.dtype, wanted, "same_kind"):
        raise TypeError(f"output `{port.name}` has another dtype than its type says")
    with np.errstate(over="ignore"):
        cast_: Array = array.astype(wanted, copy=False)
    if wanted.kind in "iu" and not np.array_equal(cast_, array):
        raise ValueError(f"output `{port.name}` holds a number that is too large")
    return cast_
