"""Runs a model on the CPU: one onnxruntime session, one thread, nothing written to the terminal."""

import os
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dagc.models.extensions import MODULE, installed, named_in
from dagc.models.model_error import ModelError

if TYPE_CHECKING:
    import onnxruntime

# onnxruntime's wheel carries telemetry that only this, set before its import, keeps off.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

Array = NDArray[np.generic]

_NOISE = re.compile(r"/|0x|\[\w*Error\]|\[[A-Z]:")
"""Paths, addresses and the kinds of errors; a bracket may also begin a shape."""

_FATAL_ONLY = 4
"""onnxruntime's severity of messages: its errors reach us as exceptions, so it need not print them as well."""


class Runner:
    """A loaded model. Not for several threads at a time: the compiler has one."""

    def __init__(self, model: bytes, *, optimised: bool = True) -> None:
        self._session = _session(model, optimised=optimised)
        self._outputs = tuple(output.name for output in self._session.get_outputs())

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the model's outputs, in its order."""
        return self._outputs

    def run(self, feeds: Mapping[str, Array], fetches: Sequence[str]) -> list[Array]:
        """The fetched outputs of one batch, arrays as the model has them (axis 0 is the batch).

        Raises:
            ModelError: E0409 when onnxruntime refuses the feeds or fails while running.
        """
        unique = list(dict.fromkeys(fetches))
        try:
            results = self._session.run(unique, {name: _as_fed(array) for name, array in feeds.items()})
        except Exception as error:  # onnxruntime raises its own family of pybind exceptions
            raise ModelError("E0409", "the model failed while running", (runtime_words(error),)) from error
        found = dict(zip(unique, results, strict=True))
        return [found[name] for name in fetches]

    def run_example(self, feeds: Mapping[str, Array], fetches: Sequence[str]) -> list[Array]:
        """The fetched outputs of one example: arrays without the batch axis, of rank 0 where nothing is left.

        Raises:
            ModelError: E0409 as `run`; E0405 for an output that does not have exactly one row.
        """
        batch = self.run({name: np.asarray(array)[np.newaxis] for name, array in feeds.items()}, fetches)
        return [_only_row(name, array) for name, array in zip(fetches, batch, strict=True)]


def runtime_words(error: Exception) -> str:
    """The runtime's own words without its error numbers and source locations."""
    words = [part.strip() for part in str(error).split(" : ")]
    text = " ".join(part for part in words if not part.isdigit() and "[ONNXRuntimeError]" not in part)
    return " ".join(word for word in text.split() if not _NOISE.match(word))[:600]


def _session(model: bytes, *, optimised: bool) -> "onnxruntime.InferenceSession":
    import onnxruntime

    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    register_extensions(options, model)
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own family of pybind exceptions
        raise ModelError(
            "E0404",
            f"onnxruntime {onnxruntime.__version__} cannot load the model",
            (runtime_words(error),),
            "export the model again with standard operators and an opset this runtime knows",
        ) from error


def register_extensions(options: "onnxruntime.SessionOptions", model: bytes) -> None:
    """Load the operators of onnxruntime-extensions for a model that names their domain, where it is installed.

    It is the only library that is ever loaded for a model, and never one that comes with it.
    """
    if not named_in(model) or not installed():
        return
    library: str = import_module(MODULE).get_library_path()
    options.register_custom_ops_library(library)


def _as_fed(array: Array) -> Array:
    """The array with strings as Python objects, the only form onnxruntime takes."""
    return array.astype(object) if array.dtype.kind in "UST" else array


def _only_row(name: str, array: Array) -> Array:
    if array.ndim == 0 or array.shape[0] != 1:
        shape = ", ".join(str(size) for size in array.shape)
        raise ModelError(
            "E0405",
            f"output `{name}` has no batch axis: one example gave a tensor of shape [{shape}]",
            help="export the model so that axis 0 of every output counts the examples",
        )
    return np.asarray(array[0], dtype=array.dtype)
