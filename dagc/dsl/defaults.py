"""Defaults of parameters, which neither Python nor pydantic compares with the annotation beside them."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from dagc.diagnostics import Diagnostic
from dagc.dsl.annotations import Contract, Parameter
from dagc.dsl.signatures import Function, parameter_span


def default_mistakes(function: Function, declared: Contract, root: Path) -> Iterator[Diagnostic]:
    """One E0182 for each default of a function that is no value of its parameter's type."""
    if isinstance(function, type):
        return  # a class checks its fields by rules of its own
    for parameter in declared.parameters:
        if parameter.required or (problem := _unfit(parameter)) is None:
            continue
        yield Diagnostic.at(
            "E0182",
            f"the default of parameter `{parameter.name}` of `{declared.name}` is not what it declares: {problem}",
            parameter_span(function, parameter.name, root),
            "declared here",
            help="give a default of the declared type, or declare what the default is",
        )


def _unfit(parameter: Parameter) -> str | None:
    """Why the default is no value of the annotation; nothing when it is one, or when nobody can tell."""
    try:
        adapter: TypeAdapter[object] = TypeAdapter(cast("type[object]", parameter.annotation))
    except (PydanticUserError, TypeError):
        return None  # a class of the user's that pydantic knows nothing of
    try:
        adapter.validate_python(parameter.default, strict=True)
    except ValidationError as error:
        return str(error.errors(include_url=False, include_input=False)[0]["msg"]).lower()
    except Exception:  # a validator of the user's: it is asked again with real values
        return None
    return None
