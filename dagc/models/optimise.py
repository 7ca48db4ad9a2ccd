"""onnxruntime's offline optimiser, made a function of the model alone.

Level EXTENDED gives the same bytes on every run and every machine; level ALL lays tensors out for one processor
and differs between runs.
"""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dagc.models.model_error import ModelError
from dagc.models.proto import all_nodes, canonical_bytes, parse
from dagc.models.runner import register_extensions, runtime_words

if TYPE_CHECKING:
    import onnx

# onnxruntime's wheel carries telemetry that only this, set before its import, keeps off.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

_FATAL_ONLY = 4


def optimise(model: bytes) -> bytes:
    """A model of the same inputs, outputs and meaning with at most as many nodes, or `model` itself.

    It may hold onnxruntime's own operators (`com.microsoft`), so analyses come before and the runtime is pinned.

    Raises:
        ModelError: E0404 when onnxruntime cannot load the model.
    """
    optimised = parse(_optimised(model))
    if _size(optimised) > _size(parse(model)):
        return model
    return canonical_bytes(optimised)


def _optimised(model: bytes) -> bytes:
    import onnxruntime

    with tempfile.TemporaryDirectory(prefix="dagc-") as folder:
        file = Path(folder, "optimised.onnx")
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(file)
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = _FATAL_ONLY
        options.enable_mem_reuse = False  # planned for running, which this session never does: a sixth of its time
        register_extensions(options, model)
        try:
            onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises its own family of pybind exceptions
            raise ModelError("E0404", "onnxruntime cannot load the model", (runtime_words(error),)) from error
        return file.read_bytes()


def _size(proto: "onnx.ModelProto") -> int:
    return sum(1 for _ in all_nodes(proto.graph.node))
