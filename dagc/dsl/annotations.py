"""What the annotations of a user's function promise: the IR types of its parameters and result, its JSON adapters.

Every annotation is resolved on its own, so that all mistakes of a signature are told together, each with its
parameter. Python types the compiler has no use for become `Opaque`: they flow between steps as they are.
"""

import functools
import inspect
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, is_dataclass
from types import SimpleNamespace

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, with_config
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic.fields import FieldInfo
from typing_extensions import TypedDict

from dagc.dsl.annotation_types import AnnotationError, plain_class, spelled, value_type
from dagc.dsl.json_bytes import BASE64, Setting, WrittenSchema, adapter_of, encoded_twice, undecided
from dagc.dsl.resource_parameters import Asked, asked
from dagc.ir.types import Opaque, Type

__all__ = [
    "AnnotationError",
    "Contract",
    "Parameter",
    "contract",
    "ir_type",
    "request_adapter",
    "response_adapter",
]

Mode = typing.Literal["validation", "serialization"]

_REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `annotation` is resolved and keeps its `Annotated` extras."""

    name: str
    annotation: object
    type: Type
    keyword_only: bool = False
    default: object = _REQUIRED

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return self.default is _REQUIRED


@dataclass(frozen=True, slots=True)
class Contract:
    """What a function takes and gives. `result` is the resolved return annotation `returns` was made of.

    Parameters that ask for a resource are no values, and stand in `asked`.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: Type
    result: object
    is_async: bool
    asked: tuple[Asked, ...] = ()

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name, if there is one."""
        return next((p for p in self.parameters if p.name == name), None)

    @property
    def resources(self) -> tuple[str, ...]:
        """The names of parameters that ask for a resource."""
        return tuple(each.parameter for each in self.asked)


def ir_type(annotation: object) -> Type:
    """The type of values an annotation describes.

    Raises:
        AnnotationError: E0210 to E0214, with what to write instead.
    """
    if annotation is inspect.Parameter.empty:
        raise AnnotationError("E0210", "there is no type annotation", "say which type of value it is")
    return value_type(annotation)


def contract(function: Callable[..., object]) -> Contract:
    """The contract of a function, or of a class whose call makes a record.

    Raises:
        AnnotationError: the first mistake of the signature, E0210 to E0215; `others` holds the rest.
    """
    name = getattr(function, "__qualname__", None) or type(function).__name__
    mistakes: list[AnnotationError] = []
    parameters: list[Parameter] = []
    resources: list[Asked] = []
    for declared in _declared(function, name):
        try:
            found = _parameter(declared, function)
        except AnnotationError as mistake:
            mistakes.append(mistake.about(f"parameter `{declared.name}` of `{name}`", declared.name))
            continue
        if isinstance(found, Asked):
            resources.append(found)
        else:
            parameters.append(found)
    result: object = function
    returns: Type = Opaque(name)
    try:
        result = function if isinstance(function, type) else _resolved("return", function)
        returns = ir_type(result)
    except AnnotationError as mistake:
        mistakes.append(mistake.about(f"the result of `{name}`", "return"))
    if mistakes:
        raise mistakes[0].along_with(tuple(mistakes[1:]))
    is_async = inspect.iscoroutinefunction(function)
    return Contract(name, tuple(parameters), returns, result, is_async, tuple(resources))


def request_adapter(contract: Contract) -> tuple[TypeAdapter[object], str | None]:
    """The adapter of a graph's JSON body, and the parameter that is the whole body, if one is.

    A single parameter that is a pydantic model is the body. Otherwise the body is an object with one member per
    parameter: the adapter makes a dict of arguments with defaults filled in and refuses further members.
    Bytes are base64 (`json_bytes`).

    Raises:
        AnnotationError: E0216, a parameter has no JSON form; E0176, it is not said which; E0177, two at once.
    """
    for parameter in contract.parameters:
        subject = f"parameter `{parameter.name}` of `{contract.name}`"
        _adapter(parameter.annotation, "validation", subject, parameter.name)
    if len(contract.parameters) == 1:
        only = contract.parameters[0]
        record = plain_class(only.annotation)
        if record is not None and issubclass(record, BaseModel):
            return adapter_of(only.annotation), only.name
    members = {parameter.name: _member(parameter) for parameter in contract.parameters}
    make_class = typing.cast("Callable[[str, Mapping[str, object]], type[object]]", TypedDict)
    body = make_class(f"{contract.name}_request", members)
    return TypeAdapter(with_config(ConfigDict(extra="forbid", allow_inf_nan=False, **BASE64))(body)), None


def response_adapter(contract: Contract) -> TypeAdapter[object]:
    """The adapter that writes a graph's result as JSON.

    Raises:
        AnnotationError: E0216, the result has no JSON form; E0176, it is not said which; E0177, two at once.
    """
    return _adapter(contract.result, "serialization", f"the result of `{contract.name}`", "return")


def _declared(function: Callable[..., object], name: str) -> tuple[inspect.Parameter, ...]:
    try:
        declared = tuple(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        help = f"write a function with annotations that calls `{name}`"
        raise AnnotationError("E0215", f"`{name}` has no signature that Python can read", help) from None
    if isinstance(function, type):
        # `extra="allow"` gives a pydantic model a `**` parameter that nobody declared.
        return tuple(p for p in declared if p.kind is not inspect.Parameter.VAR_KEYWORD)
    return declared


def _parameter(declared: inspect.Parameter, function: Callable[..., object]) -> Parameter | Asked:
    kind = declared.kind
    if kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        stars = "*" if kind is inspect.Parameter.VAR_POSITIONAL else "**"
        message = f"`{stars}{declared.name}` takes any number of arguments"
        raise AnnotationError("E0215", message, "declare one named parameter for each value")
    if kind is inspect.Parameter.POSITIONAL_ONLY and declared.annotation is not _REQUIRED:
        message = "it stands before `/` and can not be given by name"
        raise AnnotationError("E0215", message, "remove the `/`: values are given to it by name")
    annotation = _resolved(declared.name, function)
    if (found := asked(declared, annotation)) is not None:
        return found
    keyword_only = kind is inspect.Parameter.KEYWORD_ONLY
    return Parameter(declared.name, annotation, ir_type(annotation), keyword_only, declared.default)


def _resolved(name: str, function: Callable[..., object]) -> object:
    """The annotation of one parameter, or of `return`, with its strings evaluated in the function's module."""
    if isinstance(function, type) and issubclass(function, BaseModel):
        return _field_annotation(function, name)
    owner = _annotated_object(function)
    raw: Mapping[str, object] = getattr(owner, "__annotations__", {})
    if name not in raw:
        return inspect.Parameter.empty
    scope = getattr(owner, "__globals__", None) or vars(inspect.getmodule(owner) or SimpleNamespace())
    one = SimpleNamespace(__annotations__={name: raw[name]})
    try:
        return typing.get_type_hints(one, globalns=scope, localns=_type_parameters(owner), include_extras=True)[
            name
        ]
    except NameError as missing:
        message = f"`{_written(raw[name])}` names `{missing.name}`, which is not defined in the module"
        help = f"import or define `{missing.name}` at the top level of the module, not inside a function"
        help = f"{help} or under `if TYPE_CHECKING:`"
        raise AnnotationError("E0214", message, help) from None
    except Exception as error:  # an annotation may be any expression of the user's
        message = f"`{_written(raw[name])}` cannot be evaluated: {error}"
        raise AnnotationError("E0214", message, "write a type that Python itself can evaluate") from None


def _annotated_object(function: Callable[..., object]) -> object:
    """The object that carries the annotations of what a call of `function` takes."""
    target = inspect.unwrap(function)
    if isinstance(target, functools.partial):
        return _annotated_object(target.func)
    if isinstance(target, type):
        is_record = is_dataclass(target) or hasattr(target, "_fields")
        return target if is_record else inspect.getattr_static(target, "__init__")
    return target if hasattr(target, "__annotations__") else type(target).__call__


def _written(raw: object) -> str:
    return raw if isinstance(raw, str) else spelled(raw)


def _type_parameters(owner: object) -> dict[str, object]:
    return {parameter.__name__: parameter for parameter in getattr(owner, "__type_params__", ())}


def _field_annotation(model: type[BaseModel], name: str) -> object:
    fields: Mapping[str, FieldInfo] = model.model_fields
    field = fields.get(name) or next((f for f in fields.values() if name in (f.alias, f.validation_alias)), None)
    if field is None:
        return inspect.Parameter.empty
    annotation = field.annotation
    for extra in field.metadata:
        annotation = typing.Annotated[annotation, extra]  # type: ignore[assignment]
    return annotation


def _member(parameter: Parameter) -> object:
    if parameter.required:
        return parameter.annotation
    with_default = typing.Annotated[parameter.annotation, Field(default=parameter.default)]  # type: ignore[name-defined]
    return typing.NotRequired[with_default]


def _adapter(annotation: object, mode: Mode, subject: str, parameter: str) -> TypeAdapter[object]:
    try:
        adapter = adapter_of(annotation)
        adapter.json_schema(mode=mode, schema_generator=WrittenSchema)
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        verb = "read from" if mode == "validation" else "written as"
        message = f"`{spelled(annotation)}` cannot be {verb} JSON"
        raise AnnotationError("E0216", message, _json_help(annotation, error)).about(subject, parameter) from None
    if (mistake := _bytes_mistake(adapter.core_schema, mode)) is not None:
        raise mistake.about(subject, parameter)
    return adapter


def _bytes_mistake(schema: object, mode: Mode) -> AnnotationError | None:
    if encoded_twice(schema):
        message = "its bytes would be base64 twice: in a signature `bytes` are base64 in JSON already"
        return AnnotationError("E0177", message, "annotate it with `bytes`")
    setting: Setting = "val_json_bytes" if mode == "validation" else "ser_json_bytes"
    if (field := undecided(schema, setting)) is None:
        return None
    owner = field.partition(".")[0]
    message = f"`{field}` is bytes, and `{owner}` does not say how JSON has them"
    config = '`ConfigDict(val_json_bytes="base64", ser_json_bytes="base64")`'
    return AnnotationError("E0176", message, f'give `{owner}` the config {config}, or `"utf8"` if they are text')


def _json_help(annotation: object, error: Exception) -> str:
    if "typing_extensions.TypedDict" in str(error):
        return "import `TypedDict` from `typing_extensions`: pydantic needs it before Python 3.12"
    origin = typing.get_origin(annotation)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Awaitable):
        return "declare the function `async def` with the awaited type"
    return "use a pydantic model, a tensor, or plain Python types; a step may make other objects of them"
