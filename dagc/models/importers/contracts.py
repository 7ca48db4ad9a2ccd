"""What a fitted estimator answers: the outputs its model must have, and the methods that are their reference."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dagc.models.importers.loading import described
from dagc.models.importers.order import ImportFailure

Array = NDArray[np.generic]
Kind = Literal["label", "probabilities", "number", "transformed"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One output: its name in the model, the estimator's method, and how it is compared."""

    name: str
    method: str
    kind: Kind


def answers(estimator: object) -> tuple[Answer, ...]:
    """The outputs in the order skl2onnx writes them: label first, then probabilities, scores or distances."""
    from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

    if is_classifier(estimator) or is_outlier_detector(estimator):
        second = _first(estimator, ("predict_proba", "probabilities"), ("decision_function", "scores"))
        return (Answer("label", "predict", "label"), *second)
    if is_clusterer(estimator):
        return (Answer("label", "predict", "label"), *_first(estimator, ("transform", "distances")))
    if is_regressor(estimator) or not hasattr(estimator, "transform"):
        return (Answer("prediction", "predict", "number"),)
    return (Answer("transformed", "transform", "transformed"),)


def reference(estimator: object, answer: Answer, table: object) -> Array:
    """What the original answers, dense, one row an example.

    Raises:
        ImportFailure: E0427 when it refuses rows that its declared inputs allow, E0424 for several targets.
    """
    try:
        found = getattr(estimator, answer.method)(table)
    except Exception as error:  # estimators raise what they like
        raise ImportFailure(
            "E0427",
            f"the estimator refuses values that its declared inputs allow: {described(error)}",
            help="declare the columns it was fitted with, with the types and choices it knows",
        ) from None
    if isinstance(found, list):
        raise ImportFailure("E0424", "an estimator of several targets at once cannot be converted")
    dense = found.toarray() if hasattr(found, "toarray") else np.asarray(found)
    return dense.astype(object) if dense.dtype.kind in "US" else dense


def _first(estimator: object, *choices: tuple[str, str]) -> tuple[Answer, ...]:
    for method, name in choices:
        if callable(getattr(estimator, method, None)):
            return (Answer(name, method, "probabilities" if method == "predict_proba" else "number"),)
    return ()
