"""Python annotations as IR types. A form the compiler has no use for is `Opaque`, known by its spelling."""

import collections.abc
import enum
import inspect
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass, replace
from typing import TypeGuard

import numpy as np
import typing_extensions
from pydantic import BaseModel

from dagc.dsl.bounds import bounds
from dagc.dsl.tensors import TensorSpec
from dagc.ir.types import (
    Bytes,
    Choice,
    DType,
    Home,
    ListOf,
    Opaque,
    Optional,
    Record,
    RecordField,
    Scalar,
    Tensor,
    TupleOf,
    Type,
)

_SCALARS: dict[object, Type] = {
    int: Scalar("int"),
    float: Scalar("float"),
    str: Scalar("str"),
    bool: Scalar("bool"),
    bytes: Bytes(),
}
_LISTS = (list, collections.abc.Sequence, collections.abc.Collection, collections.abc.Iterable)
_STREAMS = (
    collections.abc.Generator,
    collections.abc.Iterator,
    collections.abc.AsyncGenerator,
    collections.abc.AsyncIterator,
    collections.abc.AsyncIterable,
)
_AWAITED = (collections.abc.Awaitable, collections.abc.Coroutine)
_ALIASES = tuple(
    {typing_extensions.TypeAliasType, getattr(typing, "TypeAliasType", typing_extensions.TypeAliasType)}
)


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """A field of a record whose annotation is mistaken, and how."""

    owner: type
    name: str
    message: str


class AnnotationError(Exception):
    """An annotation that does not say what the compiler must know; becomes a diagnostic at the user's line.

    `parameter` names the parameter it is about (`return` for the result), `field` the field of a record, with what
    is to be said there; `others` are the further mistakes of the same signature.
    """

    def __init__(self, code: str, message: str, help: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.parameter: str | None = None
        self.field: RecordPlace | None = None
        self.others: tuple[AnnotationError, ...] = ()

    def about(self, subject: str, parameter: str | None) -> "AnnotationError":
        """The same mistake, said of `subject`."""
        told = AnnotationError(self.code, f"{subject}: {self.message}", self.help)
        told.parameter = parameter
        told.field = self.field
        return told

    def along_with(self, others: "tuple[AnnotationError, ...]") -> "AnnotationError":
        """The same mistake with the further ones of its signature."""
        self.others = others
        return self


def value_type(annotation: object) -> Type:
    """The type of the values of a parameter or a result.

    Raises:
        AnnotationError: E0211 to E0214.
    """
    _refuse_empty_words(annotation)
    return type_of(annotation)


def type_of(annotation: object, inside: tuple[type, ...] = ()) -> Type:
    """The type of an annotation; `inside` are the records whose fields are being looked at.

    Raises:
        AnnotationError: E0212 to E0214.
    """
    if isinstance(annotation, str | typing.ForwardRef):
        name = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        raise AnnotationError("E0214", f"`{name}` is not resolved", "define it at the top level of the module")
    if isinstance(annotation, TensorSpec):
        wanted = f"Annotated[NDArray[np.{_written(annotation)}], {annotation}]"
        message = f"`{annotation}` is the shape of an array, not a type"
        raise AnnotationError("E0213", message, f"write `{wanted}`")
    specs = [extra for extra in _extras(annotation) if isinstance(extra, TensorSpec)]
    bare = _bare(annotation)
    if specs:
        return _tensor(bare, specs)
    if isinstance(bare, type) and bare in _SCALARS:
        return _scalar(_SCALARS[bare], list(_extras(annotation)))
    origin = typing.get_origin(bare)
    if bare is np.ndarray or origin is np.ndarray or _is_numpy_scalar(bare):
        raise _without_size(bare)
    if origin is typing.Literal:
        return _literal(typing.get_args(bare))
    if origin in (typing.Union, types.UnionType):
        return _union(bare, inside)
    if origin is not None:
        return _generic(bare, origin, inside)
    if isinstance(bare, type):
        return _class(bare, inside)
    return Opaque(spelled(bare))


def _scalar(scalar: Type, extras: list[object]) -> Type:
    """The scalar with the bounds its annotation gives, if it is a number."""
    is_number = isinstance(scalar, Scalar) and scalar.kind in ("int", "float")
    return replace(scalar, bounds=bounds(extras)) if isinstance(scalar, Scalar) and is_number else scalar


def plain_class(annotation: object) -> type | None:
    """The class an annotation names, behind aliases and `Annotated`, if it names one."""
    bare = _bare(annotation)
    return bare if isinstance(bare, type) and typing.get_origin(bare) is None else None


def spelled(annotation: object) -> str:
    """An annotation as a user would write it."""
    scalar = _array_scalar(annotation)
    if typing.get_origin(annotation) is np.ndarray:
        return f"NDArray[np.{scalar.__name__}]" if scalar else "NDArray[...]"
    if _is_numpy_scalar(annotation):
        return f"np.{annotation.__name__}"
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return annotation.__qualname__.rpartition("<locals>.")[2].replace("NoneType", "None")
    return str(annotation).replace("typing_extensions.", "").replace("typing.", "").replace("NoneType", "None")


def _refuse_empty_words(annotation: object) -> None:
    bare = _bare(annotation)
    origin = typing.get_origin(bare) or bare
    if bare is typing.Any:
        help = "name the type of the value; `object` if the step really takes everything"
        raise AnnotationError("E0211", "`Any` says nothing about the value", help)
    if isinstance(bare, typing.TypeVar):
        raise AnnotationError("E0211", f"`{bare}` is a type variable, not a type", "name the type itself")
    if origin in _STREAMS:
        message = f"`{spelled(bare)}` is a stream, and only whole values cross edges"
        raise AnnotationError("E0211", message, "return a list")
    if origin in _AWAITED:
        message = f"`{spelled(bare)}` is not the value but the waiting for it"
        raise AnnotationError("E0211", message, "declare the function `async def` with the awaited type")


def _extras(annotation: object) -> Iterator[object]:
    """Everything `Annotated` attaches to an annotation, through aliases."""
    for layer in _layers(annotation):
        if typing.get_origin(layer) is typing.Annotated:
            yield from typing.get_args(layer)[1:]


def _bare(annotation: object) -> object:
    """The annotation behind aliases, `NewType` and `Annotated`."""
    *_, last = _layers(annotation)
    return last


def _layers(annotation: object) -> Iterator[object]:
    layer = annotation
    while True:
        yield layer
        origin = typing.get_origin(layer)
        if origin is typing.Annotated:
            layer = typing.get_args(layer)[0]
        elif isinstance(layer, typing.NewType):
            layer = layer.__supertype__
        elif isinstance(layer, _ALIASES):
            layer = layer.__value__
        elif isinstance(origin, _ALIASES):
            layer = origin.__value__[typing.get_args(layer)]
        elif origin in (typing.Required, typing.NotRequired, typing.Final, typing.ClassVar):
            layer = typing.get_args(layer)[0]
        else:
            return


def _tensor(bare: object, specs: list[TensorSpec]) -> Tensor:
    spec = specs[0]
    if len(specs) > 1:
        both = " and ".join(f"`{s}`" for s in specs)
        raise AnnotationError("E0213", f"{both} describe one array", "keep one of them")
    if bare is not np.ndarray and typing.get_origin(bare) is not np.ndarray:
        message = f"`{spec}` describes a NumPy array, and `{spelled(bare)}` is none"
        wanted = f"Annotated[NDArray[np.{_written(spec)}], {spec}]"
        raise AnnotationError("E0213", message, f"write `{wanted}`")
    scalar = _array_scalar(bare)
    if scalar is not None and not _agrees(scalar, spec):
        message = f"`{spelled(bare)}` and `{spec}` are of different element types"
        help = f"write `NDArray[np.{_written(spec)}]`"
        if (dtype := _spec_dtype(scalar)) is not None:
            called = spec.__class__(dtype, spec.dims)
            help = f"{help}, or `{called}`"
        raise AnnotationError("E0213", message, help)
    return Tensor(DType(spec.dtype), spec.dims)


def _without_size(bare: object) -> AnnotationError:
    scalar = _array_scalar(bare) or (bare if _is_numpy_scalar(bare) else None)
    dtype = _spec_dtype(scalar) if isinstance(scalar, type) else None
    spec = TensorSpec(dtype or "f32", () if _is_numpy_scalar(bare) else (30,))
    message = f"`{spelled(bare)}` does not say the shape of the array"
    help = f"write `Annotated[NDArray[np.{_written(spec)}], {spec}]` with the sizes of one example"
    return AnnotationError("E0212", message, f"{help}; `None` or a name like `'n'` for a free size")


def _array_scalar(annotation: object) -> type | None:
    """The element class of `NDArray[...]`, if it names one."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is not np.ndarray or len(arguments) < 2:
        return None
    element = next(iter(typing.get_args(arguments[1])), None)
    return element if _is_numpy_scalar(element) else None


def _is_numpy_scalar(annotation: object) -> TypeGuard[type[np.generic]]:
    return isinstance(annotation, type) and issubclass(annotation, np.generic)


def _written(spec: TensorSpec) -> str:
    return "str_" if spec.dtype == "str" else spec.numpy_dtype.type.__name__


def _spec_dtype(scalar: type) -> str | None:
    """The dtype name of a concrete NumPy element class."""
    if issubclass(scalar, np.str_ | np.object_):
        return "str"
    return next((d.value for d in DType if TensorSpec(d.value, ()).numpy_dtype.type is scalar), None)


def _agrees(scalar: type, spec: TensorSpec) -> bool:
    if spec.dtype == "str":
        return issubclass(scalar, np.str_ | np.object_) or scalar is np.generic
    return issubclass(spec.numpy_dtype.type, scalar)


def _literal(values: tuple[object, ...]) -> Type:
    plain = tuple(value.value if isinstance(value, enum.Enum) else value for value in values)
    kept = tuple(value for value in plain if isinstance(value, str | int | bool))
    if len(kept) + plain.count(None) != len(plain) or not kept:
        return Opaque(f"Literal[{', '.join(repr(value) for value in plain)}]")
    choice = Choice(kept)
    return Optional(choice) if None in plain else choice


def _union(bare: object, inside: tuple[type, ...]) -> Type:
    members = typing.get_args(bare)
    present = [member for member in members if member not in (None, types.NoneType)]
    if len(present) == 1:
        item = type_of(present[0], inside)
    elif all(member in (int, float) for member in present):
        item = Scalar("float")
    else:
        item = Opaque(" | ".join(sorted(spelled(member) for member in present)))
    if len(present) == len(members) or isinstance(item, Optional):
        return item
    return Optional(item)


def _generic(bare: object, origin: object, inside: tuple[type, ...]) -> Type:
    arguments = typing.get_args(bare)
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        return TupleOf(tuple(type_of(item, inside) for item in arguments))
    if origin in (*_LISTS, tuple):
        return ListOf(type_of(arguments[0], inside))
    if isinstance(origin, type) and (is_dataclass(origin) or issubclass(origin, BaseModel)):
        return _class(origin, inside)
    return Opaque(spelled(bare))


def _class(bare: type, inside: tuple[type, ...]) -> Type:
    if bare in inside:
        return Opaque(spelled(bare), _home(bare))
    if issubclass(bare, enum.Enum):
        values = tuple(member.value for member in bare)
        known = bool(values) and all(isinstance(value, str | int | bool) for value in values)
        return Choice(values, bare.__qualname__, _home(bare)) if known else Opaque(spelled(bare), _home(bare))
    fields = _record_fields(bare)
    if fields is None:
        return Opaque(spelled(bare), _home(bare))
    found = []
    for name, annotation in fields:
        try:
            found.append(RecordField(name, type_of(annotation, (*inside, bare))))
        except AnnotationError as mistake:
            told = mistake.about(f"field `{name}` of `{bare.__name__}`", None)
            told.field = mistake.field or RecordPlace(bare, name, told.message)
            raise told from None
    return Record(spelled(bare), tuple(found), _home(bare))


def _home(bare: type) -> Home | None:
    """Where the class can be imported from; nothing for one inside a function, or made of a generic one."""
    return (bare.__module__, bare.__qualname__) if bare.__qualname__.replace(".", "").isidentifier() else None


def _record_fields(bare: type) -> list[tuple[str, object]] | None:
    """Names and annotations of a record's fields; nothing for a class that is no record."""
    if issubclass(bare, BaseModel):
        bare.model_rebuild(raise_errors=False)
        return [(name, _with_extras(f.annotation, f.metadata)) for name, f in bare.model_fields.items()]
    if is_dataclass(bare):
        names = list(bare.__dataclass_fields__)
    elif issubclass(bare, tuple) and hasattr(bare, "_fields"):
        names = list(bare._fields)
    else:
        return None
    try:
        hints = typing.get_type_hints(bare, include_extras=True)
    except NameError as missing:
        message = f"`{bare.__name__}` names `{missing.name}`, which is not defined in its module"
        help = f"import or define `{missing.name}` at the top level of the module"
        raise AnnotationError("E0214", message, help) from None
    return [(name, hints.get(name, inspect.Parameter.empty)) for name in names]


def _with_extras(annotation: object, extras: list[object]) -> object:
    for extra in extras:
        annotation = typing.Annotated[annotation, extra]
    return annotation
