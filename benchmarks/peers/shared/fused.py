"""The model that dagc fused of a reference graph, for peers: they get it ready made, and only serving differs."""

import os
from pathlib import Path

import onnxruntime as ort


def fused() -> ort.InferenceSession:
    """A session with the settings that are fastest for models this small."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    (path,) = Path(os.environ["BENCH_FUSED"]).glob("*.onnx")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
