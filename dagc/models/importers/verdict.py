"""Whether a model answers as its original: every label equal, probabilities within 1e-5, numbers within 1e-5."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]

TOLERANCE = 1e-5
"""Absolute for probabilities; for other numbers also relative: float32 keeps seven digits."""

TIE = 1e-9
"""Chances this close are equal but for the order in which float64 sums were taken in the original itself."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An output that is wrong in `rows`, the first of them in words."""

    output: str
    rows: tuple[int, ...]
    first: str


def differences(original: Mapping[str, Array], found: Mapping[str, Array]) -> tuple[Difference, ...]:
    """What differs, output by output; empty when the model may stand for the original."""
    return tuple(_differences(original, found))


def _differences(original: Mapping[str, Array], found: Mapping[str, Array]) -> Iterator[Difference]:
    for name, wanted in original.items():
        got = found[name]
        if got.shape != wanted.shape:
            text = f"its shape is {_shape(got)}, the original's {_shape(wanted)}"
            yield Difference(name, tuple(range(len(wanted))), text)
            continue
        agrees = _by_row(_exact(wanted, got) if _is_label(name, wanted) else _close(name, wanted, got))
        if name == "label" and "probabilities" in original:
            agrees = agrees | _tied(original["probabilities"])
        rows = np.flatnonzero(np.logical_not(agrees))
        if rows.size:
            row = int(rows[0])
            yield Difference(
                name, tuple(map(int, rows)), f"{_value(got[row])}, the original says {_value(wanted[row])}"
            )


def _is_label(name: str, wanted: Array) -> bool:
    return name == "label" or wanted.dtype.kind not in "fc"


def _exact(wanted: Array, got: Array) -> NDArray[np.bool_]:
    if wanted.dtype.kind in "OUS" or got.dtype.kind in "OUS":
        same: NDArray[np.bool_] = wanted.astype(str) == got.astype(str)
        return same
    equal: NDArray[np.bool_] = wanted.astype(np.float64) == got.astype(np.float64)
    return equal


def _close(name: str, wanted: Array, got: Array) -> NDArray[np.bool_]:
    relative = 0.0 if name == "probabilities" else TOLERANCE
    left, right = got.astype(np.float64), wanted.astype(np.float64)
    near: NDArray[np.bool_] = np.isclose(left, right, rtol=relative, atol=TOLERANCE, equal_nan=True)
    return near


def _by_row(agrees: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows: NDArray[np.bool_] = np.all(agrees.reshape(len(agrees), -1), axis=1, keepdims=False)
    return rows


def _tied(probabilities: Array) -> NDArray[np.bool_]:
    chances = probabilities.astype(np.float64)
    if chances.ndim != 2 or chances.shape[1] < 2:
        return np.zeros(len(chances), np.bool_)
    ordered = np.sort(chances, axis=1)
    tied: NDArray[np.bool_] = ordered[:, -1] - ordered[:, -2] < TIE
    return tied


def _shape(array: Array) -> str:
    return f"[{', '.join(map(str, array.shape))}]"


def _value(value: object) -> str:
    array = np.asarray(value)
    items: Sequence[object] = array.ravel().tolist()
    shown = [f"{item:.7g}" if isinstance(item, float) else str(item) for item in items[:4]]
    return f"`{shown[0]}`" if len(items) == 1 else f"[{', '.join(shown)}{', ...' if len(items) > 4 else ''}]"
