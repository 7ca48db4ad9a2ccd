"""W2: a soft vote of a logistic regression, a neural network and a random forest of 100 trees."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

import dagc
from dagc import f32, i64

Label = Annotated[NDArray[np.int64], i64()]
Features = Annotated[NDArray[np.float32], f32(30)]
Probabilities = Annotated[NDArray[np.float32], f32(2)]


class Diagnosis(BaseModel):
    """The class (1 is benign), and how likely each is."""

    label: int
    proba: list[float]


class Classified(NamedTuple):
    """What each voter returns."""

    label: Label
    probabilities: Probabilities


logistic = dagc.onnx("../models/logistic.onnx", returns=Classified)
neural = dagc.onnx("../models/neural.onnx", returns=Classified)
forest = dagc.onnx("../models/forest.onnx", returns=Classified)


@dagc.step
def diagnosis(label: Label, probabilities: Probabilities) -> Diagnosis:
    """Name the numbers."""
    return Diagnosis(label=int(label), proba=probabilities.tolist())


@dagc.graph(version="1.0.0")
def w2(features: Features) -> Diagnosis:
    """Classify one sample by the mean of three models' probabilities."""
    proba = dagc.mean(
        logistic(features).probabilities, neural(features).probabilities, forest(features).probabilities
    )
    return diagnosis(dagc.argmax(proba), proba)
