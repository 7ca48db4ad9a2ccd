"""How values of the user's own classes cross: the fields of records one by one, so that they stay what they are.

Records are made again without their validators, which have run where they were made first: one that changes what
it is given would change it twice.
"""

import enum
import inspect
import types
import typing
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import cached_property
from importlib import import_module
from typing import cast, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import BaseModel, TypeAdapter, ValidationError

from .coders import BytesCoder, Coder, LiteralCoder, ManyCoder, OptionalCoder, ScalarCoder, TensorCoder, TupleCoder
from .frame import Given, Json, WireError, Written

_SCALARS = {int: "int", float: "float", str: "str", bool: "bool"}
_TEXTS = (date, datetime, time, timedelta, UUID)
_LISTS: dict[object, Callable[[list[object]], object]] = {
    list: list, set: set, frozenset: frozenset, Sequence: list, AbstractSet: set,
}  # fmt: skip


class Unwritable(TypeError):
    """A type that no value can be written of; the text says which and why."""


@dataclass(frozen=True, slots=True)
class EnumCoder:
    """A member of an enum by its name."""

    kind: type[enum.Enum]

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        if not isinstance(value, self.kind):
            raise WireError(f"a {type(value).__name__} was given where {self.kind.__name__} was declared")
        return value.name

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        if not isinstance(given, str) or given not in self.kind.__members__:
            raise WireError(f"{self.kind.__name__} has no such member")
        return self.kind[given]


@dataclass(frozen=True, slots=True)
class FlagCoder:
    """Members of a flag together, by their number: what is joined has no name of its own."""

    kind: type[enum.Flag]

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        if not isinstance(value, self.kind):
            raise WireError(f"a {type(value).__name__} was given where {self.kind.__name__} was declared")
        return value.value

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        try:
            return self.kind(given)
        except (ValueError, TypeError):
            raise WireError(f"{self.kind.__name__} has no such members") from None


@dataclass(frozen=True, slots=True)
class DecimalCoder:
    """A decimal as its text, NaN and infinities too, which pydantic would refuse."""

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        if not isinstance(value, Decimal):
            raise WireError(f"a {type(value).__name__} was given where Decimal was declared")
        return str(value)

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        try:
            return Decimal(given if isinstance(given, str) else "")
        except InvalidOperation:
            raise WireError("a Decimal was declared") from None


class TextCoder:
    """A date, time or UUID as the text pydantic has for it."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self._adapter: TypeAdapter[object] = TypeAdapter(kind)

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        if not isinstance(value, self._kind):
            raise WireError(f"a {type(value).__name__} was given where {self._kind.__name__} was declared")
        return cast(Json, self._adapter.dump_python(value, mode="json"))

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        try:
            return self._adapter.validate_python(given)
        except ValidationError:
            raise WireError(f"a {self._kind.__name__} was declared") from None


@dataclass(frozen=True, slots=True)
class UnionCoder:
    """One of several types: the number of the first that takes the value, and the value."""

    arms: tuple[Coder, ...]

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        for number, arm in enumerate(self.arms):
            held = len(out.buffers)
            try:
                return [number, arm.write(value, out)]
            except WireError:
                del out.buffers[held:]
        raise WireError(f"a {type(value).__name__} was given, which is none of the declared types")

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        if not isinstance(given, list) or len(given) != 2 or type(given[0]) is not int:
            raise WireError("one of several types was declared")
        if not 0 <= given[0] < len(self.arms):
            raise WireError("there are not so many types")
        return self.arms[given[0]].read(given[1], buffers)


@dataclass(frozen=True, slots=True)
class MappingCoder:
    """A dict as its pairs, in its order."""

    pair: TupleCoder

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        if not isinstance(value, dict):
            raise WireError(f"a {type(value).__name__} was given where a dict was declared")
        return [self.pair.write(item, out) for item in value.items()]

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        if not isinstance(given, list):
            raise WireError("a dict was declared")
        found = dict(cast("list[tuple[object, object]]", [self.pair.read(item, buffers) for item in given]))
        if len(found) != len(given):
            raise WireError("a key stands twice in a dict")
        return found


class RecordCoder:
    """A record as the list of its fields; of a pydantic model also which of them were set."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self._of_dataclass = is_dataclass(kind)
        self._cached = {name for name, value in inspect.getmembers_static(kind) if type(value) is cached_property}
        self._names: tuple[str, ...] = ()
        self._coders: tuple[Coder, ...] = ()

    def fill(self, hints: typing.Mapping[str, object], known: "Known") -> None:
        """The coders of the fields; later, for a record may hold records of its own type."""
        self._names = tuple(hints)
        self._coders = tuple(coder_of(hint, known) for hint in hints.values())

    def write(self, value: object, out: Written) -> Json:
        """See `Coder`."""
        if type(value) is not self._kind:
            raise WireError(f"a {type(value).__name__} was given where {self._kind.__name__} was declared")
        if self._of_dataclass and len(held := getattr(value, "__dict__", self._names)) > len(self._names):
            lost = sorted(name for name in held if name not in self._names and name not in self._cached)
            if lost:
                raise WireError(f"`{lost[0]}` of a {self._kind.__name__} is no field: it would be lost on the way")
        pairs = zip(self._names, self._coders, strict=True)
        found = [coder.write(getattr(value, name), out) for name, coder in pairs]
        if isinstance(value, BaseModel):
            given = value.model_fields_set
            places = [at for at, name in enumerate(self._names) if name in given]
            found.append(None if len(places) == len(self._names) else places)
        return found

    def read(self, given: Json, buffers: Given) -> object:
        """See `Coder`."""
        model = issubclass(self._kind, BaseModel)
        if not isinstance(given, list) or len(given) != len(self._names) + model:
            raise WireError(f"{self._kind.__name__} has other fields")
        found = [coder.read(one, buffers) for coder, one in zip(self._coders, given, strict=False)]
        values = dict(zip(self._names, found, strict=True))
        if model:
            return self._model(values, given[-1])
        if issubclass(self._kind, tuple):
            return cast("Callable[..., object]", self._kind)(*found)
        made: object = object.__new__(self._kind)
        for name, value in values.items():
            object.__setattr__(made, name, value)
        return made

    def _model(self, values: dict[str, object], given: Json) -> object:
        places = range(len(self._names)) if given is None else given
        if not isinstance(places, range | list) or not all(
            type(at) is int and 0 <= at < len(self._names) for at in places
        ):
            raise WireError(f"{self._kind.__name__} has no such fields")
        made: object = object.__new__(self._kind)
        object.__setattr__(made, "__dict__", values)
        object.__setattr__(made, "__pydantic_fields_set__", {self._names[at] for at in places})
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made


Known = dict[type, RecordCoder]
"""Records whose coders are made or in the making."""


def coder_of_class(module: str, qualname: str, known: Known) -> Coder:
    """The coder of a class by where it is imported from.

    Raises:
        Unwritable: there is no such class, or some field of it cannot be written.
    """
    try:
        found: object = import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise Unwritable(f"`{module}.{qualname}` cannot be imported: {error}") from None
    return coder_of(found, known)


def coder_of(hint: object, known: Known) -> Coder:
    """The coder of an annotation.

    Raises:
        Unwritable: its values have no form between services.
    """
    bare, spec = _bare(hint)
    if spec is not None:
        return TensorCoder(spec[0], spec[1])
    if isinstance(bare, type) and bare in _SCALARS:
        return ScalarCoder(_SCALARS[bare])
    if bare is bytes:
        return BytesCoder()
    if bare is None or bare is types.NoneType:
        return LiteralCoder((None,))
    if isinstance(bare, type) and bare in _TEXTS:
        return TextCoder(bare)
    if bare is Decimal:
        return DecimalCoder()
    origin, given = get_origin(bare), get_args(bare)
    if origin is typing.Literal:
        return _literal(given)
    if origin in (typing.Union, types.UnionType):
        return _union(given, known)
    if origin is tuple and not (len(given) == 2 and given[1] is Ellipsis):
        return TupleCoder(tuple(coder_of(item, known) for item in given))
    if origin is tuple or origin in _LISTS:
        return ManyCoder(coder_of(given[0], known), tuple if origin is tuple else _LISTS[origin])
    if origin in (dict, typing.Mapping, typing.get_origin(typing.Mapping[str, int])):
        return MappingCoder(TupleCoder((coder_of(given[0], known), coder_of(given[1], known))))
    if isinstance(bare, type) and issubclass(bare, enum.Enum):
        return FlagCoder(bare) if issubclass(bare, enum.Flag) else EnumCoder(bare)
    if isinstance(bare, type) and origin is None and (hints := _fields(bare)) is not None:
        if bare not in known:
            known[bare] = RecordCoder(bare)
            known[bare].fill(hints, known)
        return known[bare]
    raise Unwritable(f"a value of type `{bare}` has no form between services")


def _literal(values: tuple[object, ...]) -> Coder:
    members = [value for value in values if isinstance(value, enum.Enum)]
    if not members:
        return LiteralCoder(values)
    return UnionCoder((*(EnumCoder(type(one)) for one in members), LiteralCoder(values)))


def _union(given: tuple[object, ...], known: Known) -> Coder:
    present = [item for item in given if item is not types.NoneType]
    # A member of a `StrEnum` is a text, too: arms that take one thing only come before those that take many.
    arms = tuple(sorted((coder_of(item, known) for item in present), key=_is_wide))
    item = arms[0] if len(arms) == 1 else UnionCoder(arms)
    return item if len(present) == len(given) else OptionalCoder(item)


def _is_wide(coder: Coder) -> bool:
    return isinstance(coder, ScalarCoder | LiteralCoder)


def _bare(hint: object) -> tuple[object, tuple[str, tuple[int | str | None, ...] | None] | None]:
    """The annotation behind aliases and `Annotated`, and the tensor it declares, if it does."""
    spec = None
    while True:
        if get_origin(hint) is typing.Annotated:
            hint, *extras = get_args(hint)
            for extra in extras:
                if type(extra).__name__ == "TensorSpec":
                    spec = (str(extra.dtype), cast("tuple[int | str | None, ...] | None", extra.dims))
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            hint = getattr(hint, "__value__", None)
        else:
            return hint, spec


def _fields(kind: type) -> dict[str, object] | None:
    """Annotations of a record's fields by name; nothing for a class that is no record."""
    if issubclass(kind, BaseModel):
        if kind.__private_attributes__ or kind.model_config.get("extra") == "allow":
            raise Unwritable(f"`{kind.__name__}` has members that its fields do not tell of")
        return {name: _annotated(f.annotation, f.metadata) for name, f in kind.model_fields.items()}
    hints = get_type_hints(kind, include_extras=True)
    if is_dataclass(kind):
        return {field.name: hints[field.name] for field in fields(kind)}
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return {name: hints[name] for name in cast("tuple[str, ...]", kind._fields)}
    return None


def _annotated(annotation: object, extras: Sequence[object]) -> object:
    for extra in extras:
        annotation = typing.Annotated[annotation, extra]
    return annotation
