"""The estimators of scikit-learn, fitted and converted by `python -m tests.models.rows.estimators FOLDER`.

In a process of its own, because tests elsewhere replace converters of skl2onnx in theirs.
"""

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

OPSETS = {"": 21, "ai.onnx.ml": 3}
CLASSIFIERS = """
    AdaBoostClassifier BaggingClassifier BernoulliNB CalibratedClassifierCV CategoricalNB ComplementNB
    DecisionTreeClassifier ExtraTreeClassifier ExtraTreesClassifier GaussianNB GradientBoostingClassifier
    KNeighborsClassifier LinearDiscriminantAnalysis LogisticRegression MLPClassifier MultinomialNB
    OneVsRestClassifier RandomForestClassifier RidgeClassifier SVC SVC_proba StackingClassifier VotingClassifier
"""
REGRESSORS = """
    AdaBoostRegressor BaggingRegressor BayesianRidge DecisionTreeRegressor ElasticNet ExtraTreesRegressor
    GaussianProcessRegressor GradientBoostingRegressor HuberRegressor KNeighborsRegressor
    KNeighborsRegressor_distance Lasso LinearRegression LinearSVR MLPRegressor RANSACRegressor
    RandomForestRegressor Ridge SVR StackingRegressor TweedieRegressor VotingRegressor
"""
TRANSFORMERS = """
    Binarizer ColumnTransformer FunctionTransformer KMeans KernelPCA MaxAbsScaler MinMaxScaler Normalizer
    OneHotEncoder OrdinalEncoder PCA Pipeline PolynomialFeatures PowerTransformer QuantileTransformer RobustScaler
    SelectKBest
    SimpleImputer StandardScaler TruncatedSVD
"""

ESTIMATORS = f"{CLASSIFIERS} {REGRESSORS} {TRANSFORMERS}".split()
COUNTED = (
    "DecisionTreeClassifier", "GradientBoostingClassifier", "LinearSVC", "LogisticRegression", "SVC_proba",
)  # fmt: skip


def parameters(name: str) -> Mapping[str, object]:
    """What an estimator cannot do without, or would be slow without."""
    from sklearn.feature_selection import SelectKBest
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import FunctionTransformer
    from sklearn.preprocessing import MinMaxScaler, StandardScaler
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    few = {"n_estimators": 5, "random_state": 0}
    classifiers = [("a", LogisticRegression(max_iter=50)), ("b", DecisionTreeClassifier(random_state=0))]
    regressors = [("a", LinearRegression()), ("b", DecisionTreeRegressor(random_state=0))]
    ensembles = ("AdaBoost", "Bagging", "ExtraTrees", "GradientBoosting", "RandomForest")
    given: dict[str, Mapping[str, object]] = {
        **{f"{name}{kind}": few for name in ensembles for kind in ("Classifier", "Regressor")},
        "CalibratedClassifierCV": {"estimator": LogisticRegression(max_iter=50), "cv": 2},
        "ColumnTransformer": {
            "transformers": [
                ("a", StandardScaler(), [0, 1]),
                ("b", MinMaxScaler(), [3]),
                ("c", "passthrough", [5]),
            ]
        },
        "FunctionTransformer": {},
        "KMeans": {"n_clusters": 4, "random_state": 0},
        "KNeighborsRegressor_distance": {"weights": "distance"},
        "KernelPCA": {"n_components": 3, "kernel": "rbf"},
        "LogisticRegression": {"max_iter": 50},
        "MLPClassifier": {"hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0},
        "MLPRegressor": {"hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0},
        "OneHotEncoder": {"sparse_output": False},
        "OneVsRestClassifier": {"estimator": LogisticRegression(max_iter=50)},
        "PCA": {"n_components": 3},
        "Pipeline": {"steps": [("a", StandardScaler()), ("b", SelectKBest(k=4)), ("c", FunctionTransformer())]},
        "PolynomialFeatures": {"degree": 2},
        "QuantileTransformer": {"n_quantiles": 10},
        "SVC_proba": {"probability": True, "random_state": 0},
        "SelectKBest": {"k": 4},
        "StackingClassifier": {"estimators": classifiers, "cv": 2},
        "StackingRegressor": {"estimators": regressors, "cv": 2},
        "TruncatedSVD": {"n_components": 3},
        "VotingClassifier": {"estimators": classifiers, "voting": "soft", "flatten_transform": False},
        "VotingRegressor": {"estimators": regressors},
    }
    return given.get(name, {})


def fitted(name: str) -> tuple[Any, np.ndarray]:
    """The estimator, fitted, and rows to run it on."""
    from sklearn.compose import ColumnTransformer
    from sklearn.datasets import load_wine
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils import all_estimators

    known = {**dict(all_estimators()), "ColumnTransformer": ColumnTransformer, "Pipeline": Pipeline}
    data, classes = load_wine(return_X_y=True)
    # One decimal place: few enough categories for encoders, and no row on a boundary of single precision.
    data = np.round(StandardScaler().fit_transform(data), 1).astype(np.float32)
    if name in ("CategoricalNB", "OneHotEncoder", "OrdinalEncoder"):
        data = np.digitize(data, [-1.0, 0.0, 1.0]).astype(np.int64 if name != "OrdinalEncoder" else np.float32)
    elif name in ("ComplementNB", "MultinomialNB", "TweedieRegressor"):
        data = np.abs(data)
    estimator = known[name.split("_")[0]](**parameters(name))
    return estimator.fit(data, classes.astype(float) if name in REGRESSORS.split() else classes), data


def counted(name: str, classes: int, labels: str) -> tuple[Any, np.ndarray]:
    """A classifier of so many classes, called by numbers or by words."""
    from sklearn.datasets import load_wine
    from sklearn.utils import all_estimators

    data, targets = load_wine(return_X_y=True)
    data, targets = data.astype(np.float32)[targets < classes], targets[targets < classes]
    if labels == "words":
        targets = np.array(["a", "b", "c"])[targets]
    return dict(all_estimators())[name.split("_")[0]](**parameters(name)).fit(data, targets), data


def convert(name: str, estimator: Any, data: np.ndarray, folder: Path) -> None:
    """Write `name.onnx` and, as `name.npy`, rows to run it on."""
    from skl2onnx import to_onnx

    options: dict[str, object] = {"zipmap": False} if hasattr(estimator, "predict_proba") else {}
    if name == "SVC":
        options = {"zipmap": False, "raw_scores": True}
    proto = to_onnx(estimator, data[:1], options={id(estimator): options}, target_opset=OPSETS)
    (folder / f"{name}.onnx").write_bytes(proto.SerializeToString())
    np.save(folder / f"{name}.npy", data[::20])


def main(folder: Path) -> None:
    """Write all of them."""
    warnings.simplefilter("ignore")
    for name in ESTIMATORS:
        convert(name, *fitted(name), folder)
    for name in COUNTED:
        for classes in (2, 3):
            for labels in ("numbers", "words"):
                convert(f"{name}-{classes}-{labels}", *counted(name, classes, labels), folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
