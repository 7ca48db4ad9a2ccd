"""W3: features looked up by user in SQLite, checked, voted on as in W2, and decided by threshold.

The look-up is an ordinary step with `sqlite3`; `FEATURES_DB` says where the database is when this file runs
from a build. Resources of business logic (`dagc.sql`) will replace it.
"""

import os
import sqlite3
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

import dagc
from dagc import f32, i64

Label = Annotated[NDArray[np.int64], i64()]
Features = Annotated[NDArray[np.float32], f32(30)]
Probabilities = Annotated[NDArray[np.float32], f32(2)]


class Decision(BaseModel):
    """The class (1 is benign), how likely each is, and what follows."""

    label: int
    proba: list[float]
    decision: Literal["benign", "malignant", "review"]


class Classified(NamedTuple):
    """What each voter returns."""

    label: Label
    probabilities: Probabilities


logistic = dagc.onnx("../models/logistic.onnx", returns=Classified)
neural = dagc.onnx("../models/neural.onnx", returns=Classified)
forest = dagc.onnx("../models/forest.onnx", returns=Classified)


@cache
def database() -> sqlite3.Connection:
    """One read-only connection a process; opened by the first request, because SQLite's must not cross a fork."""
    path = Path(os.environ.get("FEATURES_DB", Path(__file__).parent.parent / "models" / "features.db"))
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)


@dagc.step
def features_of(user_id: int) -> Features:
    """The user's features."""
    found = database().execute("select vector from features where user_id = ?", (user_id,)).fetchone()
    if found is None:
        raise dagc.Refuse("unknown user", field="user_id", status=404)
    return np.frombuffer(found[0], dtype="<f4")


@dagc.step
def checked(features: Features) -> Features:
    """The features, if they are measurements: finite and not negative."""
    if not (np.isfinite(features).all() and features.min() >= 0):
        raise dagc.Refuse("the features on record are no measurements", field="user_id")
    return features


@dagc.step
def decide(label: Label, probabilities: Probabilities) -> Decision:
    """Benign or malignant when the models are sure, else a person looks."""
    benign = float(probabilities[1])
    decision: Literal["benign", "malignant", "review"] = "review"
    if benign >= 0.8:
        decision = "benign"
    elif benign <= 0.2:
        decision = "malignant"
    return Decision(label=int(label), proba=probabilities.tolist(), decision=decision)


@dagc.graph(version="1.0.0")
def w3(user_id: int) -> Decision:
    """Decide about one user."""
    features = checked(features_of(user_id))
    proba = dagc.mean(
        logistic(features).probabilities, neural(features).probabilities, forest(features).probabilities
    )
    return decide(dagc.argmax(proba), proba)
