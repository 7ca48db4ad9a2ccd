"""Fitted estimators of the tested list, each with the real rows it was fitted on."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

Rows = NDArray[np.float64]
Fitted = tuple[BaseEstimator, Rows]

WINE, KINDS = load_wine(return_X_y=True)
CANCER, MALIGN = load_breast_cancer(return_X_y=True)
DIABETES, PROGRESS = load_diabetes(return_X_y=True)
GROWERS = np.array(["anna", "bert", "carl"], object)[KINDS]

TRANSFORMERS = [
    StandardScaler(),
    MinMaxScaler(),
    RobustScaler(),
    Normalizer(),
    PCA(3),
    SimpleImputer(),
    PolynomialFeatures(2),
    ColumnTransformer([("scaled", StandardScaler(), [0, 1, 2]), ("ranged", MinMaxScaler(), slice(3, 13))]),
]

ENCODERS = [
    OneHotEncoder(sparse_output=False),
    OneHotEncoder(handle_unknown="ignore"),
    OrdinalEncoder(),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
]

CLASSIFIERS = [
    LogisticRegression(max_iter=1000),
    SGDClassifier(random_state=0),
    SGDClassifier(loss="log_loss", random_state=0),
    LinearSVC(random_state=0),
    SVC(),
    SVC(probability=True, random_state=0),
    DecisionTreeClassifier(random_state=0),
    DecisionTreeClassifier(max_depth=3, random_state=0),
    RandomForestClassifier(20, random_state=0),
    RandomForestClassifier(20, max_depth=3, random_state=0),
    ExtraTreesClassifier(20, random_state=0),
    GradientBoostingClassifier(n_estimators=20, random_state=0),
    AdaBoostClassifier(random_state=0),
    KNeighborsClassifier(),
    MLPClassifier((20,), max_iter=300, random_state=0),
    GaussianNB(),
    VotingClassifier(
        [("linear", LogisticRegression()), ("tree", DecisionTreeClassifier(random_state=0))],
        voting="soft",
        flatten_transform=False,
    ),
    VotingClassifier([("linear", LogisticRegression()), ("tree", DecisionTreeClassifier(random_state=0))]),
    StackingClassifier([("linear", LogisticRegression()), ("forest", RandomForestClassifier(10, random_state=0))]),
    CalibratedClassifierCV(LinearSVC(random_state=0)),
    CalibratedClassifierCV(RandomForestClassifier(5, random_state=0)),
]

REGRESSORS = [
    LinearRegression(),
    Ridge(),
    SGDRegressor(random_state=0),
    SVR(),
    DecisionTreeRegressor(random_state=0),
    RandomForestRegressor(20, random_state=0),
    ExtraTreesRegressor(20, random_state=0),
    GradientBoostingRegressor(n_estimators=20, random_state=0),
    AdaBoostRegressor(random_state=0),
    KNeighborsRegressor(),
    MLPRegressor(hidden_layer_sizes=(20,), max_iter=300, random_state=0),
    VotingRegressor([("linear", Ridge()), ("tree", DecisionTreeRegressor(random_state=0))]),
]


def scaled(estimator: BaseEstimator) -> BaseEstimator:
    return make_pipeline(StandardScaler(), estimator)


def fitted() -> Iterator[tuple[str, Callable[[], Fitted]]]:
    """Every estimator of the list by a readable name, fitted when it is asked for."""
    for one in TRANSFORMERS:
        yield named(one), lambda one=one: (clone(one).fit(WINE), WINE)
    for one in CLASSIFIERS:
        yield f"{named(one)} of three", lambda one=one: (scaled(clone(one)).fit(WINE, KINDS), WINE)
        yield f"{named(one)} of two", lambda one=one: (scaled(clone(one)).fit(CANCER, MALIGN), CANCER)
        yield f"{named(one)} of words", lambda one=one: (scaled(clone(one)).fit(WINE, GROWERS), WINE)
    for one in REGRESSORS:
        yield named(one), lambda one=one: (scaled(clone(one)).fit(DIABETES, PROGRESS), DIABETES)
    yield "MultinomialNB of three", lambda: (MultinomialNB().fit(WINE, KINDS), WINE)
    yield "MultinomialNB of two", lambda: (MultinomialNB().fit(CANCER, MALIGN), CANCER)
    yield "KMeans", lambda: (KMeans(3, n_init=3, random_state=0).fit(WINE), WINE)
    yield "bare forest", lambda: (RandomForestClassifier(20, random_state=0).fit(WINE, KINDS), WINE)
    yield (
        "imputed forest",
        lambda: (
            make_pipeline(SimpleImputer(), StandardScaler(), RandomForestClassifier(20, random_state=0)).fit(
                with_holes(WINE), KINDS
            ),
            with_holes(WINE),
        ),
    )


def with_holes(rows: Rows) -> Rows:
    holed = rows.copy()
    holed[np.random.default_rng(0).random(rows.shape) < 0.1] = np.nan
    return holed


def named(estimator: BaseEstimator) -> str:
    """The estimator as scikit-learn prints it, without seeds."""
    return str(estimator).replace("random_state=0", "").replace("\n", "").replace(" ", "")[:60]
