"""A step of lists as the batcher runs it: requests whose calls meet share one, each gets its own result."""

import functools
from collections.abc import Callable, Hashable, Sequence

from .batcher import Batcher, Run
from .executor import Executor
from .runnable import WrongLength

Names = tuple[str, ...]


class BatchStep:
    """A function that takes a list for each parameter and returns a list; with `executor`, run in its threads."""

    is_step = True
    max_wait_s = 0.0

    def __init__(self, name: str, lists: Callable[..., object], max_batch: int, executor: Executor | None) -> None:
        self.name = name
        self.max_batch = max_batch
        self.is_heavy = executor is not None
        self.executor = executor
        self._lists = lists

    def lane(self, example: tuple[object, ...]) -> Hashable:
        """The step itself: its examples are all alike but for which values were named."""
        return (self, example[0])

    def size(self, waiting: int) -> int:
        """All that wait."""
        return min(waiting, self.max_batch)

    def run(self, examples: Sequence[tuple[object, ...]]) -> list[object]:
        """The results of each example, in order.

        Raises:
            WrongLength: there are more of them, or fewer, or it is no list.
            Exception: whatever the step raises.
        """
        names: Names = examples[0][0]  # type: ignore[assignment]
        columns = [list(column) for column in zip(*[example[1:] for example in examples], strict=True)]
        bare = len(columns) - len(names)
        try:
            found = self._lists(*columns[:bare], **dict(zip(names, columns[bare:], strict=True)))
        except SystemExit as error:  # the loop would end with it
            raise RuntimeError("a step ended the process") from error
        return results_of(len(examples), found)

    def took(self, seconds: float) -> None:
        """What a run takes says nothing: where it runs was declared."""

    def learn(self, example: tuple[object, ...], count: int, seconds: float) -> None:
        """Nor does this: that it gains by many items was declared too."""


def results_of(items: int, found: object) -> list[object]:
    """The results as a list.

    Raises:
        WrongLength: they are not as many as the items, or no list.
    """
    if not isinstance(found, Sequence) or isinstance(found, str | bytes):
        raise WrongLength(items, f"a `{type(found).__name__}`")
    if len(found) != items:
        raise WrongLength(items, f"{len(found)} results")
    return list(found)


def shared(step: Callable[..., object], batcher: Batcher, runs: BatchStep) -> Callable[..., object]:
    """What the glue awaits with the values of one request."""

    @functools.wraps(step)
    async def call(*given: object, **named: object) -> object:
        return await Run(batcher, runs, (tuple(named), *given, *named.values()))

    return call
