"""The limit below every server: rows a second of `session.run` on one core. Prints one JSON object.

`python -m benchmarks.bare WORKLOAD FUSED_MODEL`, in a process of its own so that nothing else is in its caches.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

MODELS = Path(__file__).parent / "workloads" / "models"
SECONDS = 0.5
ROUNDS = 5


def main(workload: str, fused: Path) -> dict[str, float]:
    """Rows a second: models apart, merged by hand, and dagc's fused model alone and in batches of 32."""
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    rows = np.abs(np.random.default_rng(0).standard_normal((32, 30))).astype(np.float32)
    one = rows[:1]
    merged = session(MODELS / ("w1_merged.onnx" if workload == "w1" else "w2_merged.onnx"))
    whole = session(fused)
    apart = chain() if workload == "w1" else vote()
    return {
        "apart_1": rate(lambda: apart(one)),
        "merged_1": rate(lambda: run(merged, one)),
        "fused_1": rate(lambda: run(whole, one)),
        "fused_32": 32 * rate(lambda: run(whole, rows)),
    }


def session(path: Path) -> ort.InferenceSession:
    """A session as servers have it: one thread, CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(model: ort.InferenceSession, rows: NDArray[np.float32]) -> list[NDArray[np.generic]]:
    """All outputs."""
    found: list[NDArray[np.generic]] = model.run(None, {model.get_inputs()[0].name: rows})
    return found


def chain() -> Callable[[NDArray[np.float32]], object]:
    """W1's two models."""
    scaler, classifier = session(MODELS / "scaler.onnx"), session(MODELS / "classifier.onnx")
    return lambda rows: classifier.run(None, {"X": scaler.run(None, {"X": rows})[0]})


def vote() -> Callable[[NDArray[np.float32]], object]:
    """W2's three models and their mean."""
    voters = [session(MODELS / f"{name}.onnx") for name in ("logistic", "neural", "forest")]

    def mean(rows: NDArray[np.float32]) -> object:
        chances = [voter.run(["probabilities"], {"X": rows})[0] for voter in voters]
        proba = (chances[0] + chances[1] + chances[2]) / np.float32(3)
        return proba.argmax(axis=1), proba

    return mean


def rate(call: Callable[[], object]) -> float:
    """Calls a second: the best of some rounds, as noise only ever makes it slower."""
    best = 0.0
    for _ in range(ROUNDS):
        calls, start = 0, time.perf_counter()
        while time.perf_counter() - start < SECONDS / ROUNDS:
            for _ in range(50):
                call()
            calls += 50
        best = max(best, calls / (time.perf_counter() - start))
    return round(best, 1)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))
