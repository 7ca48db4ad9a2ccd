"""S1 as peers have it: nine columns of a diamond in, its price band and three probabilities out."""

from collections.abc import Sequence

import numpy as np
from fused import fused
from numpy.typing import NDArray

NUMBERS = ("carat", "depth", "table", "x", "y", "z")
WORDS = ("cut", "color", "clarity")
BANDS = ("budget", "middle", "premium")


class Bands:
    """The one model; its columns are those of dagc's service."""

    def __init__(self) -> None:
        self._session = fused()
        self._types = {port.name: port.type for port in self._session.get_inputs()}
        outputs = self._session.get_outputs()
        self._fetches = sorted((port.name for port in outputs), key=lambda name: "label" not in name)

    def __call__(self, diamonds: Sequence[dict[str, object]]) -> list[dict[str, object]]:
        """The answers to some diamonds, in one run."""
        feeds = {name: self._column(name, [each[name] for each in diamonds]) for name in (*NUMBERS, *WORDS)}
        labels, chances = self._session.run(self._fetches, feeds)
        return [
            {"band": label, "probabilities": dict(zip(BANDS, row, strict=True))}
            for label, row in zip(labels.tolist(), chances.tolist(), strict=True)
        ]

    def _column(self, name: str, values: list[object]) -> NDArray:
        if name in WORDS:
            return np.array(values, dtype=object).reshape(-1, 1)
        dtype = np.float64 if self._types[name] == "tensor(double)" else np.float32
        return np.array(values, dtype=dtype).reshape(-1, 1)
