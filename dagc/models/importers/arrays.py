"""Named arrays in a `.npz` file, strings among them. Object arrays, which only pickle holds, are not written."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


def write_arrays(file: Path, arrays: Mapping[str, Array]) -> None:
    """Put the arrays into a new file; Python strings as text of fixed width."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            stored = array.astype(str) if array.dtype.kind == "O" else array
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, stored, allow_pickle=False)


def read_arrays(file: Path) -> dict[str, Array]:
    """The arrays in a file, text as Python strings."""
    with np.load(file, allow_pickle=False) as stored:
        return {name: _as_objects(stored[name]) for name in stored.files}


def _as_objects(array: Array) -> Array:
    return array.astype(object) if array.dtype.kind == "U" else array
