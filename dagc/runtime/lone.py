"""A run of one example through buffers bound once: onnxruntime neither checks feeds anew nor allocates.

Alone a small model's run is mostly that overhead: 6 us instead of 11 for 30 floats through two layers. Only for
tensors of numbers whose sizes are all fixed, and only on the event loop's thread: all runs share the buffers.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .feed import Array, Example, Feed
from .settings import Port

if TYPE_CHECKING:
    import onnxruntime


class Lone:
    """A session's inputs and outputs for a batch of one, bound to arrays that stay.

    `results` are those of a run of one example, with their batch axis, in the order of `fetches`.
    """

    def __init__(
        self,
        model: "onnxruntime.InferenceSession",
        feeds: Sequence[Feed],
        fetches: Sequence[Port],
        results: Sequence[Array],
    ) -> None:
        from onnxruntime import OrtValue

        self._run = model.run_with_iobinding
        self._binding = model.io_binding()
        self._given = [(feed, feed.sample()[np.newaxis]) for feed in feeds]
        self._found = [np.zeros_like(result) for result in results]
        for feed, array in self._given:
            self._binding.bind_ortvalue_input(feed.name, OrtValue.ortvalue_from_numpy(array))
        for port, array in zip(fetches, self._found, strict=True):
            self._binding.bind_ortvalue_output(port.name, OrtValue.ortvalue_from_numpy(array))

    def run(self, example: Example) -> object:
        """The results of the example, one value or a tuple, copied out of the buffers that the next run fills.

        Raises:
            FeedError, OutOfRange: a value does not fit.
            Exception: whatever onnxruntime raises.
        """
        for (feed, array), value in zip(self._given, example, strict=True):
            array[0] = feed.row(value)
        self._run(self._binding)
        results = [array[0, ...].copy() for array in self._found]
        return results[0] if len(results) == 1 else tuple(results)


def is_bindable(feeds: Sequence[Feed], fetches: Sequence[Port]) -> bool:
    """Whether all inputs and outputs are tensors of numbers with fixed sizes, so that their buffers can stay."""
    inputs = all(feed.kind != "str" and feed.shape is not None for feed in feeds)
    return inputs and all(port.dtype != "str" and _is_fixed(port) for port in fetches)


def _is_fixed(port: Port) -> bool:
    return port.dims is not None and all(type(dim) is int for dim in port.dims)
