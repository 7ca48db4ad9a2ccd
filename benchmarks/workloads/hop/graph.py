"""A small graph of two models: all of it in one service, and the classifier on a service of its own."""

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
elsewhere = dagc.onnx("../models/classifier.onnx", returns=Classified, on=dagc.service("compute"))


@dagc.step
def diagnosis(label: int, probabilities: Probabilities) -> Diagnosis:
    """Name the numbers."""
    return Diagnosis(label=label, proba=probabilities.tolist())


@dagc.graph(version="1.0.0")
def whole(features: Features) -> Diagnosis:
    """Classify one sample, here."""
    classified = classifier(scaler(features))
    return diagnosis(classified.label, classified.probabilities)


@dagc.graph(version="1.0.0")
def cut(features: Features) -> Diagnosis:
    """Classify one sample, the last model elsewhere."""
    classified = elsewhere(scaler(features))
    return diagnosis(classified.label, classified.probabilities)
