"""Whether what a step takes and returns can go to another process: as JSON and buffers, for nothing is pickled."""

from collections.abc import Iterator

from pydantic.errors import PydanticUserError

from dagc.dsl.annotations import Contract
from dagc.dsl.json_bytes import WrittenSchema, adapter_of


def crossing_mistakes(step: str, declared: Contract) -> Iterator[tuple[str, str, str]]:
    """E0169 for each parameter, and for the result, that cannot be written down and read again by its type."""
    carried = [(f"parameter `{each.name}`", each.annotation, each.type) for each in declared.parameters]
    for what, annotation, type_ in (*carried, ("the result", declared.result, declared.returns)):
        if not _can_be_written(annotation):
            message = f"{what} of step `{step}` cannot go to another process: a `{type_}` has no JSON form"
            help = "use a pydantic model, a dataclass, a tensor or plain Python types, or let it run in a thread"
            yield "E0169", message, help


def _can_be_written(annotation: object) -> bool:
    try:
        adapter = adapter_of(annotation)
        adapter.json_schema(mode="validation", schema_generator=WrittenSchema)
        adapter.json_schema(mode="serialization", schema_generator=WrittenSchema)
    except PydanticUserError:
        return False
    return True
