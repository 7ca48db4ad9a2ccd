"""Both directions of one part: what it takes and gives, as service.json lists it, on the wire.

No pydantic and no JSON text of numbers, as in the codec of clients' bodies: a value that crosses is what it was,
bit by bit and without its validators run again, and a part of another build is found out by its first word.
"""

from collections.abc import Sequence

from ..answer import Answer, refusal
from ..codec import BadRequest
from ..settings import StartError
from .classes import Known, Unwritable, coder_of_class
from .coders import BytesCoder, Coder, LiteralCoder, ManyCoder, OptionalCoder, ScalarCoder, TensorCoder, TupleCoder
from .frame import BAD_MESSAGE, CONTENT_TYPE, Content, Given, Json, WireError, Written, framed, unframed
from .layouts import Layouts
from .types import WireType


class Values:
    """A row of values of known types.

    Raises:
        StartError: `types`, a class cannot be imported or written.
    """

    def __init__(self, interface: str, types: Sequence[WireType], known: Known) -> None:
        self._interface = interface
        try:
            self._coders = [_coder(type, known) for type in types]
        except Unwritable as error:
            raise StartError("types", str(error)) from None
        self._layouts = Layouts(interface, self._coders)

    def write(self, values: Sequence[object]) -> bytes:
        """The message. Raises `WireError`."""
        layouts = self._layouts
        if layouts.are_possible and (known := layouts.written(values)) is not None:
            return known
        out = Written()
        found = [coder.write(value, out) for coder, value in zip(self._coders, values, strict=True)]
        if layouts.are_possible:
            layouts.learn(values)
        return framed(self._interface, found, out)

    def read(self, body: Content) -> tuple[object, ...]:
        """The values of a message. Raises `WireError`."""
        layouts = self._layouts
        if layouts.are_possible and (known := layouts.read(body)) is not None:
            return known
        values, buffers = unframed(self._interface, body)
        if len(values) != len(self._coders):
            raise WireError(f"{len(values)} values were sent, {len(self._coders)} are taken")
        found = tuple([self._read(at, given, buffers) for at, given in enumerate(values)])
        buffers.done()
        if layouts.are_possible:
            layouts.learn(found)
        return found

    def _read(self, at: int, given: Json, buffers: Given) -> object:
        try:
            return self._coders[at].read(given, buffers)
        except RecursionError:
            raise WireError("values are nested too deep") from None


class PartCodec:
    """A part's codec, as the drivers use it."""

    def __init__(self, interface: str, takes: Sequence[WireType], gives: Sequence[WireType], known: Known) -> None:
        self._takes = Values(interface, takes, known)
        self._gives = Values(interface, gives, known)
        self._several = len(gives) > 1

    def decode(self, body: bytes) -> tuple[object, ...]:
        """The arguments for the glue's coroutine.

        Raises:
            BadRequest: 400, it is no message of these types.
        """
        try:
            return self._takes.read(body)
        except WireError as error:
            raise BadRequest(refusal(400, BAD_MESSAGE, str(error))) from None

    def encode(self, value: object) -> Answer:
        """The 200 answer of a result. Raises `WireError`."""
        values = value if self._several and isinstance(value, tuple) else (value,)
        return Answer(200, self._gives.write(values), content_type=CONTENT_TYPE)


def _coder(type: WireType, known: Known) -> Coder:
    items = tuple(_coder(item, known) for item in type.items)
    match type.kind:
        case "tensor":
            return TensorCoder(type.dtype or "", type.dims)
        case "scalar":
            return ScalarCoder(type.scalar or "")
        case "bytes":
            return BytesCoder()
        case "literal":
            return LiteralCoder(type.values)
        case "class":
            return coder_of_class(*(type.home or ("", "")), known)
        case "list":
            return ManyCoder(items[0])
        case "tuple":
            return TupleCoder(items)
        case "optional":
            return OptionalCoder(items[0])
