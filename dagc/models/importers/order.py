"""What the parent asks of the child, and what it gets back when something is wrong. Both cross as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dagc.models.model_error import ModelError

Dim = int | str | None
Plain = str | int | float | bool
Frame = tuple[str, int, int, int, int]
"""File, line, column in UTF-8 bytes, last line, last column of an expression an exception passed through."""

ORDER_FILE = "order.json"
EXAMPLE_FILE = "example.npz"
MODEL_FILE = "model.onnx"
ANSWERS_FILE = "answers.npz"
RESULT_FILE = "result.json"

TEXT = "text"
"""The name of the only input where none is declared and texts are read."""

SEED = 20_261_101
"""Seeds the rows every import is checked on."""


@dataclass(frozen=True, slots=True)
class Column:
    """One input of the model to make: name, dtype as in the IR (`f32`), dims of one example, the only values."""

    name: str
    dtype: str
    dims: tuple[Dim, ...]
    choices: tuple[Plain, ...] = ()

    @property
    def width(self) -> int:
        """The number of features it holds: 1 for a column of a table, 30 for `f32(30)`."""
        sizes = [dim for dim in self.dims if isinstance(dim, int)]
        return sizes[0] if sizes else 1


@dataclass(frozen=True, slots=True)
class Order:
    """A `load` function by module and name, and the model wanted from what it returns.

    Attributes:
        framework: `sklearn`, `xgboost`, `lightgbm` or `torch`.
        path: `sys.path` of the child, the folder `module` is imported from first.
        folder: working directory of `load`: where its file is.
        source: the file of `module`.
        columns: the inputs; `None` is one matrix of all features.
        outputs: the outputs to keep, `None` for all.
        depends: further files the result depends on.
    """

    framework: str
    module: str
    qualname: str
    path: tuple[str, ...]
    folder: str
    source: str
    columns: tuple[Column, ...] | None = None
    outputs: tuple[str, ...] | None = None
    depends: tuple[str, ...] = ()
    memory_mib: int = 8192
    timeout_s: float = 600.0

    @property
    def root(self) -> Path:
        """The folder `module` is imported from."""
        return Path(self.path[0])

    def write(self, work: Path) -> None:
        """Put the order where the child looks for it."""
        (work / ORDER_FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, work: Path) -> "Order":
        """The order in the child's folder."""
        stored = json.loads((work / ORDER_FILE).read_text(encoding="utf-8"))
        for name in ("path", "outputs", "depends"):
            stored[name] = None if stored[name] is None else tuple(stored[name])
        if stored["columns"] is not None:
            stored["columns"] = tuple(_column(column) for column in stored["columns"])
        return cls(**stored)


class ImportFailure(ModelError):
    """An import ended without a model, E0420 to E0427; `frames` lead to the user's line, outermost first."""

    def __init__(
        self,
        code: str,
        message: str,
        notes: tuple[str, ...] = (),
        help: str | None = None,
        frames: tuple[Frame, ...] = (),
    ) -> None:
        super().__init__(code, message, notes, help)
        self.frames = frames


def _column(stored: dict[str, object]) -> Column:
    name, dtype, dims, choices = (stored[key] for key in ("name", "dtype", "dims", "choices"))
    if not (
        isinstance(name, str) and isinstance(dtype, str) and isinstance(dims, list) and isinstance(choices, list)
    ):
        raise TypeError("an order's column has other fields")
    return Column(name, dtype, tuple(dims), tuple(choices))
