"""W1: a scaler and a neural network, two models one after the other."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

import dagc
from dagc import f32

Features = Annotated[NDArray[np.float32], f32(30)]
Probabilities = Annotated[NDArray[np.float32], f32(2)]


class Diagnosis(BaseModel):
    """The class (1 is benign), and how likely each is."""

    label: int
    proba: list[float]


class Classified(NamedTuple):
    """What the classifier returns."""

    label: int
    probabilities: Probabilities


scaler = dagc.onnx("../models/scaler.onnx")
classifier = dagc.onnx("../models/classifier.onnx", returns=Classified)


@dagc.step
def diagnosis(label: int, probabilities: Probabilities) -> Diagnosis:
    """Name the numbers."""
    return Diagnosis(label=label, proba=probabilities.tolist())


@dagc.graph(version="1.0.0")
def w1(features: Features) -> Diagnosis:
    """Classify one sample."""
    classified = classifier(scaler(features))
    return diagnosis(classified.label, classified.probabilities)
