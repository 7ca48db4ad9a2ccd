"""Ensembles by the book: a mean, a majority, a model on top of models, and a quorum that waits for nobody."""

import asyncio
import os
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32, i64

Patient = Annotated[NDArray[np.float32], f32(10)]
Wine = Annotated[NDArray[np.float32], f32(13)]
Value = Annotated[NDArray[np.float32], f32(1)]
Label = Annotated[NDArray[np.int64], i64()]


class Cultivar(NamedTuple):
    """What each classifier returns."""

    label: Label
    probabilities: Annotated[NDArray[np.float32], f32(3)]


ridge = dagc.onnx("models/ridge.onnx")
forest = dagc.onnx("models/forest.onnx")
boosted = dagc.onnx("models/boosted.onnx")
meta = dagc.onnx("models/meta.onnx")

logistic = dagc.onnx("models/logistic.onnx", returns=Cultivar)
bayes = dagc.onnx("models/bayes.onnx", returns=Cultivar)
stump = dagc.onnx("models/stump.onnx", returns=Cultivar)
shallow = dagc.onnx("models/shallow.onnx", returns=Cultivar)
tree = dagc.onnx("models/tree.onnx", returns=Cultivar)


@dagc.graph(version="1.0.0")
def averaged(row: Patient) -> Value:
    """The progression of a disease in a year: the mean of three regressors."""
    return dagc.mean(ridge(row), forest(row), boosted(row))


@dagc.graph(version="1.0.0")
def stacked(row: Patient) -> Value:
    """The same from a fourth model, which has learnt how far to trust each of the three."""
    return meta(dagc.concat(ridge(row), forest(row), boosted(row)))


@dagc.graph(version="1.0.0")
def majority(row: Wine) -> Label:
    """The cultivar that most of five classifiers name; of a tie the one with the lowest number."""
    return dagc.vote(
        logistic(row).label, bayes(row).label, stump(row).label, shallow(row).label, tree(row).label, ties="lowest"
    )


@dagc.step
async def lab(row: Wine) -> Wine:
    """The same bottle, measured again somewhere else, which takes as long as it takes."""
    await asyncio.sleep(float(os.environ.get("LAB_DELAY_S", "0")))
    return row


@dagc.graph(version="1.0.0")
def consulted(row: Wine) -> Label:
    """The majority of the classifiers that have answered in 50 ms, four at least."""
    return dagc.quorum(
        [
            lambda: logistic(row).label,
            lambda: bayes(row).label,
            lambda: stump(row).label,
            lambda: shallow(row).label,
            lambda: tree(lab(row)).label,
        ],
        need=4,
        within_s=0.05,
        combine=lambda labels: dagc.vote(*labels, ties="lowest"),
    )
