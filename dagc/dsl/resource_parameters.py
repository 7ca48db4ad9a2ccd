"""Parameters of steps that are asked for by a default: a resource is no value of the graph."""

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

from dagc.dsl.annotation_types import AnnotationError, spelled
from dagc.resources import Http, KeyValue, Resource, Sql

AnyResource = Sql | KeyValue | Http

_TYPES = {"sql": "dagc.Sql", "keyvalue": "dagc.KeyValue", "http": "dagc.Http"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A parameter, and the resource that a call of the step finds there."""

    parameter: str
    resource: AnyResource


def asked(declared: inspect.Parameter, annotation: object) -> Asked | None:
    """The resource that a parameter asks for; nothing where it asks for none.

    Raises:
        AnnotationError: it asks for one by position, or without a default (E0365), or for another kind (E0366).
    """
    default = declared.default
    if not isinstance(default, Sql | KeyValue | Http):
        if _is_resource_type(annotation):
            message = f"it is annotated `{spelled(annotation)}`, and its default is no such resource"
            raise AnnotationError(
                "E0365", message, "declare one and give it as the default: `db: dagc.Sql = profiles`"
            )
        return None
    if declared.kind is not inspect.Parameter.KEYWORD_ONLY:
        message = "it asks for a resource, and can be given by position"
        raise AnnotationError(
            "E0365", message, f"put a `*` before it: `*, {declared.name}: {_TYPES[default.kind]}`"
        )
    wanted = _TYPES[default.kind]
    if annotation is inspect.Parameter.empty:
        raise AnnotationError(
            "E0366", "it asks for a resource, and has no annotation", f"annotate it as `{wanted}`"
        )
    is_told = _is_resource_type(annotation) or annotation in (str, int, float, bool, bytes)
    if is_told and not (isinstance(annotation, type) and isinstance(default, annotation)):
        message = f"it is annotated `{spelled(annotation)}`, and its default is a `{wanted}`"
        raise AnnotationError("E0366", message, f"annotate it as `{wanted}`, or give another resource")
    return Asked(declared.name, default)


def home(resource: AnyResource, function: Callable[..., object]) -> tuple[str, str] | None:
    """Module and name under which main.py finds the resource; nothing where no module has a name for it."""
    module = getattr(function, "__module__", "")
    return next(iter(_homes(resource, sys.modules.get(module))), None)


def _homes(resource: AnyResource, module: ModuleType | None) -> Iterator[tuple[str, str]]:
    """Names in the step's own module come first; then those in modules that it names."""
    if module is None:
        return
    names = vars(module)
    yield from ((module.__name__, name) for name, value in names.items() if value is resource)
    for other in (value for value in names.values() if isinstance(value, ModuleType)):
        yield from ((other.__name__, name) for name, value in vars(other).items() if value is resource)


def _is_resource_type(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Resource)
