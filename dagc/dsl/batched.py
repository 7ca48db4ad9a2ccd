"""Steps of many requests at once: the user's function takes and returns lists, a graph gives it single values."""

import typing
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar, overload

from dagc.dsl.annotations import AnnotationError, Contract, Parameter
from dagc.evaluate.batched import only_result
from dagc.ir.types import ListOf, Type

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
R = TypeVar("R")


class BatchDecorator(Protocol):
    """What `step(batch=True)` returns: calls give one item for each list, and get one item of the result."""

    @overload
    def __call__(
        self, function: Callable[[list[A]], Coroutine[object, object, Sequence[R]]], /
    ) -> Callable[[A], R]: ...
    @overload
    def __call__(self, function: Callable[[list[A]], Sequence[R]], /) -> Callable[[A], R]: ...
    @overload
    def __call__(
        self, function: Callable[[list[A], list[B]], Coroutine[object, object, Sequence[R]]], /
    ) -> Callable[[A, B], R]: ...
    @overload
    def __call__(self, function: Callable[[list[A], list[B]], Sequence[R]], /) -> Callable[[A, B], R]: ...
    @overload
    def __call__(
        self, function: Callable[[list[A], list[B], list[C]], Coroutine[object, object, Sequence[R]]], /
    ) -> Callable[[A, B, C], R]: ...
    @overload
    def __call__(
        self, function: Callable[[list[A], list[B], list[C]], Sequence[R]], /
    ) -> Callable[[A, B, C], R]: ...


def one_each(declared: Contract) -> Contract:
    """The contract of one item: what a graph gives to a step of lists, and gets from it.

    Parameters that can only be named and have a default are the function's own.

    Raises:
        AnnotationError: E0168, a parameter or the result is no list.
    """
    own = [each for each in declared.parameters if not (each.keyword_only and not each.required)]
    mistakes = [_no_list(f"parameter `{each.name}` of `{declared.name}`", each.type, each.name) for each in own]
    mistakes.append(_no_list(f"the result of `{declared.name}`", declared.returns, "return"))
    found = [mistake for mistake in mistakes if mistake is not None]
    if not own:
        found.append(AnnotationError("E0168", f"step `{declared.name}` takes no list", _HELP))
    if found:
        raise found[0].along_with(tuple(found[1:]))
    return replace(
        declared,
        parameters=tuple(map(_one, own)),
        returns=_item(declared.returns),
        result=_item_annotation(declared.result),
    )


def one_call(function: Callable[..., object], values: Sequence[object], named: Mapping[str, object]) -> object:
    """What a step of lists gives for one item; a coroutine of it where the step is async."""
    result = function(*([value] for value in values), **{name: [value] for name, value in named.items()})
    if not isinstance(result, Coroutine):
        return only_result(result)
    return _awaited(result)


async def _awaited(result: Coroutine[object, object, object]) -> object:
    return only_result(await result)


_HELP = "a step with `batch=True` is written over lists: `def score(rows: list[Row]) -> list[Score]`"


def _no_list(subject: str, given: Type, place: str) -> AnnotationError | None:
    if isinstance(given, ListOf):
        return None
    message = f"`{given}` is no list: with `batch=True` it holds an item for each request"
    return AnnotationError("E0168", message, _HELP).about(subject, place)


def _one(parameter: Parameter) -> Parameter:
    return replace(parameter, type=_item(parameter.type), annotation=_item_annotation(parameter.annotation))


def _item(given: Type) -> Type:
    return given.item if isinstance(given, ListOf) else given


def _item_annotation(annotation: object) -> object:
    """`Row` of `list[Row]`."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    return next(iter(typing.get_args(annotation)), annotation)
