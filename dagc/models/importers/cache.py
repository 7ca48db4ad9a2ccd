"""Imported models kept by content: what was asked, with which library versions and converters, from which files.

The files a `load` function read are known only after it ran, so an entry lists them with their digests, and counts
as long as they have not changed.
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dagc.models.cache import load_entry, store_entry
from dagc.models.importers.order import Order

_LIBRARIES = (
    "dagc", "lightgbm", "numpy", "onnx", "onnxmltools", "onnxruntime", "onnxscript", "pandas", "scikit-learn",
    "skl2onnx", "torch", "xgboost",
)  # fmt: skip


def key_of(order: Order, example: bytes) -> str:
    """The name of an import: everything that is known before it runs; `example` are the rows given with it."""
    asked = asdict(order)
    for elsewhere in ("path", "folder", "source"):  # the same files in another place give the same model
        del asked[elsewhere]
    known = {
        "order": asked,
        "example": hashlib.sha256(example).hexdigest(),
        "source": _digest(Path(order.source)),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": {name: found for name in _LIBRARIES if (found := _version(name))},
        "converters": _converters(),
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def kept(key: str, order: Order) -> bytes | None:
    """The model of an earlier import, if every file it was made from is still the same."""
    entry = load_entry(key)
    if entry is None or not isinstance(entry[0], dict):
        return None
    files, model = entry[0], entry[1]
    same = all(_digest(order.root / name) == digest for name, digest in files.items())
    return model if same and model else None


def keep(key: str, model: bytes, files: Mapping[str, str]) -> None:
    """Store a model with the digests of the files it was made from; a cache that cannot be written is none."""
    store_entry(key, dict(files), model)


@cache
def _converters() -> str:
    """This room's own text: whoever changes how models are converted gets no older ones."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _digest(file: Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
