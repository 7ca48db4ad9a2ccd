"""The workload as every peer has it: sessions, look-up, checks and threshold. Only the serving layer differs.

`BENCH_WORKLOAD` names the workload; `BENCH_FORM` says whether models run apart, as each framework's documentation
composes them, or as the one model a person merged by hand (`benchmarks/workloads/train.py`). Sessions have the
settings that were fastest for models this small: one thread, the CPU provider, all graph optimisations.
"""

import os
import sqlite3
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

MODELS = Path(__file__).parents[2] / "workloads" / "models"
WORKLOAD = os.environ.get("BENCH_WORKLOAD", "w2")
FORM = os.environ.get("BENCH_FORM", "apart")
PORT = int(os.environ.get("BENCH_PORT", "8000"))
WORKERS = int(os.environ.get("BENCH_WORKERS", "2"))
LOOKS_UP = WORKLOAD == "w3"
VOTERS = ("logistic", "neural", "forest")

Rows = NDArray[np.float32]
Scores = tuple[NDArray[np.int64], Rows]
"""Class i64[rows] and probabilities f32[rows, 2]."""


class Model:
    """One model file, run on `f32[rows, 30]`; gives its outputs named `fetches`."""

    def __init__(self, name: str, *fetches: str) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        path = str(MODELS / f"{name}.onnx")
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._fetches = list(fetches)

    def __call__(self, rows: Rows) -> list[NDArray]:
        return self._session.run(self._fetches, {"X": rows})


class Chain:
    """W1, models apart."""

    def __init__(self) -> None:
        self._scaler = Model("scaler", "variable")
        self._classifier = Model("classifier", "label", "probabilities")

    def __call__(self, rows: Rows) -> Scores:
        label, proba = self._classifier(self._scaler(rows)[0])
        return label, proba


class Vote:
    """W2 and W3, models apart."""

    def __init__(self) -> None:
        self._voters = [Model(name, "probabilities") for name in VOTERS]

    def __call__(self, rows: Rows) -> Scores:
        return soft_vote([voter(rows)[0] for voter in self._voters])


class Merged:
    """Any workload as one model, merged by hand."""

    def __init__(self) -> None:
        self._model = Model("w1_merged" if WORKLOAD == "w1" else "w2_merged", "label", "proba")

    def __call__(self, rows: Rows) -> Scores:
        label, proba = self._model(rows)
        return label, proba


class Features:
    """W3's feature store: SQLite, read-only, one connection a process."""

    def __init__(self) -> None:
        address = f"{(MODELS / 'features.db').as_uri()}?mode=ro"
        self._database = sqlite3.connect(address, uri=True, check_same_thread=False)

    def of(self, user: int) -> Rows | None:
        """`f32[1, 30]`, or None for an unknown user or a record that is no measurement."""
        found = self._database.execute("select vector from features where user_id = ?", (user,)).fetchone()
        if found is None:
            return None
        row = np.frombuffer(found[0], dtype="<f4").reshape(1, 30)
        return row if np.isfinite(row).all() and row.min() >= 0 else None


def scores() -> Chain | Vote | Merged:
    """The models of the workload, in the form that is asked for."""
    if FORM == "merged":
        return Merged()
    return Chain() if WORKLOAD == "w1" else Vote()


def store() -> Features | None:
    """The feature store, where the workload has one."""
    return Features() if LOOKS_UP else None


def soft_vote(chances: list[Rows]) -> Scores:
    """The class and the mean of the voters' probabilities."""
    proba = sum(chances[1:], start=chances[0]) / np.float32(len(chances))
    return proba.argmax(axis=1), proba


def as_rows(features: list[float]) -> Rows:
    """`f32[1, 30]`; raises ValueError for another length."""
    return np.array(features, dtype=np.float32).reshape(1, 30)


def answer(label: int, proba: list[float]) -> dict[str, object]:
    """The response of the workload."""
    if LOOKS_UP:
        return {"label": label, "proba": proba, "decision": decision(proba[1])}
    return {"label": label, "proba": proba}


def first_answer(found: Scores) -> dict[str, object]:
    """The response for a batch of one."""
    label, proba = found
    return answer(int(label[0]), proba[0].tolist())


def decision(benign: float) -> str:
    """W3's threshold."""
    if benign >= 0.8:
        return "benign"
    return "malignant" if benign <= 0.2 else "review"
