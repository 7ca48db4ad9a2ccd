"""Runs of one model at chosen sizes: each once, within a budget of processor time. A refusal is an answer."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from dagc.ir.types import Tensor
from dagc.models.example_feeds import Fill, Word, examples
from dagc.models.model_error import ModelError
from dagc.models.runner import Runner

Shape = tuple[int, ...]
Shapes = tuple[Shape, ...]

BUDGET_S = 10.0
_MOST_ELEMENTS = 4_000_000
_MOST_RUNS = 300


@dataclass(slots=True)
class Trials:
    """`shapes` tells what comes out at given input shapes, or `None` when the model refuses them."""

    runner: Runner
    ports: Mapping[str, Tensor]
    fetches: tuple[str, ...]
    words: Mapping[str, tuple[Word, ...]]
    budget_s: float = BUDGET_S
    refusal: str = ""
    starved: bool = False
    _known: dict[tuple[Fill, Shapes], Shapes | None] = field(default_factory=dict)
    _spent_s: float = 0.0
    _seconds_per_element: float = 0.0

    def shapes(self, inputs: Shapes, fill: Fill) -> Shapes | None:
        """The shapes of all outputs, from memory if these inputs have been tried."""
        if (fill, inputs) not in self._known:
            if not self._affordable(inputs):
                return None
            self._known[fill, inputs] = self._tried(inputs, fill)
        return self._known[fill, inputs]

    @property
    def exhausted(self) -> bool:
        """Whether no further run is to be begun."""
        return self._spent_s >= self.budget_s or len(self._known) >= _MOST_RUNS

    def _affordable(self, inputs: Shapes) -> bool:
        elements = _elements(inputs)
        if self._known and elements > _MOST_ELEMENTS:
            return False
        left = self.budget_s - self._spent_s
        return not self.exhausted and self._seconds_per_element * elements <= left

    def _tried(self, inputs: Shapes, fill: Fill) -> Shapes | None:
        started = time.process_time()
        try:
            results = self.runner.run(examples(self.ports, inputs, fill, self.words), self.fetches)
        except MemoryError:
            self.starved = True
            return None
        except ModelError as error:
            self._refused(error)
            return None
        finally:
            spent = time.process_time() - started
            self._spent_s += spent
            self._seconds_per_element = max(self._seconds_per_element, spent / _elements(inputs))
        return tuple(tuple(result.shape) for result in results)

    def _refused(self, error: ModelError) -> None:
        words = " ".join(error.notes)
        self.refusal = self.refusal or words
        self.starved |= out_of_memory(words)


def out_of_memory(words: str) -> bool:
    """Whether the runtime's words mean that an allocation failed."""
    lowered = words.lower()
    return any(sign in lowered for sign in ("bad allocation", "bad_alloc", "failed to allocate", "out of memory"))


def _elements(shapes: Sequence[Shape]) -> int:
    return max(1, sum(prod(shape) for shape in shapes))
