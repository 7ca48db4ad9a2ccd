"""An order to a model: from the cache, or from a child whose model is held against the original's answers."""

import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from dagc.diagnostics.progress import doing
from dagc.diagnostics.suggest import did_you_mean
from dagc.models.importers.arrays import Array, write_arrays
from dagc.models.importers.cache import keep, kept, key_of
from dagc.models.importers.order import EXAMPLE_FILE, ImportFailure, Order
from dagc.models.importers.samples import Rows
from dagc.models.importers.sandbox import Outcome, run_child
from dagc.models.importers.verdict import Difference, differences
from dagc.models.prune import prune
from dagc.models.read import read_model
from dagc.models.runner import Runner
from dagc.models.signature import read_signature

_NEEDED = {
    "sklearn": ("sklearn", "skl2onnx"),
    "xgboost": ("xgboost", "sklearn", "skl2onnx", "onnxmltools"),
    "lightgbm": ("lightgbm", "sklearn", "skl2onnx", "onnxmltools"),
    "torch": ("torch", "onnxscript"),
}
_EXTRAS = {"sklearn": "convert", "xgboost": "xgboost", "lightgbm": "lightgbm", "torch": "torch"}
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}
_SHOWN_ROWS = 3
_SHOWN_VALUES = 6


def imported(order: Order, example: Rows | None) -> bytes:
    """The bytes of the model, checked against the original.

    Raises:
        ImportFailure: E0421 to E0427.
        ModelError: the converted model is none that can be served (E0402 to E0407).
    """
    _check_installed(order.framework)
    with tempfile.TemporaryDirectory(prefix="dagc-import-") as folder:
        work = Path(folder)
        key = key_of(order, _written(example, work))
        model = kept(key, order)
        if model is None:
            doing(f"converting `{order.qualname}` from {order.framework}")
            outcome = run_child(order, work)
            doing(f"comparing `{order.qualname}` with its original")
            model = _checked(outcome, order)
            keep(key, model, outcome.files)
        file = work / f"{order.qualname}.onnx"
        file.write_bytes(_with_outputs(model, order))
        return read_model(file)


def _with_outputs(model: bytes, order: Order) -> bytes:
    if order.outputs is None:
        return model
    names = [port.name for port in read_signature(model).outputs]
    for name in order.outputs:
        if name not in names:
            message = f"what `{order.qualname}` returns has no output `{name}`"
            raise ImportFailure("E0427", message, help=did_you_mean(name, names))
    return prune(model, order.outputs)


def _check_installed(framework: str) -> None:
    """Asked before a process is started; the libraries themselves are imported in the child only."""
    missing = [name for name in _NEEDED[framework] if not _installed(name)]
    if missing:
        names = " and ".join(f"`{_DISTRIBUTIONS.get(name, name)}`" for name in missing)
        verb = "is" if len(missing) == 1 else "are"
        raise ImportFailure(
            "E0421",
            f"`dagc.{framework}` needs {names}, which {verb} not installed",
            help=f"`pip install dagc[{_EXTRAS[framework]}]`; the built service does not need it",
        )


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _written(example: Rows | None, work: Path) -> bytes:
    if example is None:
        return b""
    write_arrays(work / EXAMPLE_FILE, example)
    parts = (f"{n} {a.dtype.kind} {a.shape}".encode() + a.astype(str).tobytes() for n, a in example.items())
    return b"".join(parts)


def _checked(outcome: Outcome, order: Order) -> bytes:
    model = outcome.model.read_bytes()
    names = list(outcome.answers)
    runner = Runner(model)
    found = dict(zip(names, runner.run(outcome.rows, names), strict=True))
    different = differences(outcome.answers, found)
    if different:
        raise _differs(different, outcome, order)
    alone = {name: array[:1] for name, array in outcome.rows.items()}
    single = dict(zip(names, runner.run(alone, names), strict=True))
    different = differences({name: array[:1] for name, array in outcome.answers.items()}, single)
    if different:
        raise _differs(different, outcome, order)
    return model


def _differs(different: tuple[Difference, ...], outcome: Outcome, order: Order) -> ImportFailure:
    count = len(next(iter(outcome.answers.values())))
    rows = sorted({row for difference in different for row in difference.rows})
    notes = [f"output `{d.output}`: {d.first} (row {d.rows[0]})" for d in different]
    notes += [f"row {row}: {_row(outcome.rows, row)}" for row in rows[:_SHOWN_ROWS]]
    return ImportFailure(
        "E0425",
        f"what `{order.qualname}` returns answers differently as ONNX, on {len(rows)} of {count} rows",
        tuple(notes),
        "take an estimator of the tested list in examples/importers.md, or export it yourself for `dagc.onnx`",
    )


def _row(rows: Mapping[str, Array], row: int) -> str:
    shown = []
    for name, array in rows.items():
        values = np.asarray(array[row]).ravel().tolist()
        text = ", ".join(
            f"{value:.7g}" if isinstance(value, float) else str(value) for value in values[:_SHOWN_VALUES]
        )
        shown.append(
            f"{name}={text}"
            if len(values) == 1
            else f"{name}=[{text}{', ...' if len(values) > _SHOWN_VALUES else ''}]"
        )
    return ", ".join(shown[:_SHOWN_VALUES]) + (", ..." if len(shown) > _SHOWN_VALUES else "")
