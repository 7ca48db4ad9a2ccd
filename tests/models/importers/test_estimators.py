"""Every estimator of the tested list answers as ONNX what it answers itself, on real rows and on seeded ones."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from sklearn import ensemble
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import RFE
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from dagc.models.importers.order import Column, ImportFailure
from dagc.models.rowwise import mixing
from dagc.models.signature import read_signature
from tests.models.importers.converted import convert, run, told_apart, told_apart_on
from tests.models.importers.zoo import CANCER, ENCODERS, KINDS, MALIGN, WINE, Fitted, fitted, named

pytestmark = [pytest.mark.ort, pytest.mark.filterwarnings("ignore")]

LIST = dict(fitted())
COLUMNS = [name for name in LIST if not name.endswith((" of two", " of words"))]


@pytest.mark.parametrize("make", LIST.values(), ids=list(LIST))
def test_an_estimator_of_float32_rows_answers_alike(make: Callable[[], Fitted]) -> None:
    estimator, rows = make()
    made = convert(estimator)
    assert told_apart(made) == ()
    real = np.concatenate([rows, rows.round(1), rows * 1.01]).astype(np.float32)
    assert told_apart_on(made, estimator, real.astype(np.float64), {"x": real}) == ()
    assert mixing(made.model) is None, "requests share its runs"


@pytest.mark.parametrize("make", [LIST[name] for name in COLUMNS], ids=COLUMNS)
def test_an_estimator_of_float_columns_answers_alike(make: Callable[[], Fitted]) -> None:
    estimator, rows = make()
    columns = tuple(Column(f"c{place}", "f64", (1,)) for place in range(rows.shape[1]))
    made = convert(estimator, columns)
    assert told_apart(made) == ()
    real = np.concatenate([rows, rows.round(1)])
    fed = {column.name: real[:, [place]] for place, column in enumerate(columns)}
    assert told_apart_on(made, estimator, real, fed) == ()


@pytest.mark.parametrize("encoder", ENCODERS, ids=named)
@pytest.mark.parametrize("kind", ["words", "whole numbers"])
def test_an_encoder_answers_alike(encoder: object, kind: str) -> None:
    table = np.array([["red", "s"], ["green", "m"], ["blue", "l"], ["red", "l"]], object)
    if kind == "whole numbers":
        table = np.array([[3, 10], [1, 20], [2, 30], [3, 30]])
    encoder.fit(table)  # type: ignore[attr-defined]
    dtype = "str" if kind == "words" else "i64"
    made = convert(encoder, (Column("colour", dtype, (1,)), Column("size", dtype, (1,))))
    assert told_apart(made) == ()
    assert told_apart_on(made, encoder, table, {"colour": table[:, [0]], "size": table[:, [1]]}) == ()
    whole = convert(encoder, (Column("x", dtype, (2,)),))
    assert told_apart_on(whole, encoder, table, {"x": table}) == ()


def test_outputs_are_named_and_shaped_as_the_library_answers() -> None:
    expected = {
        "LogisticRegression(max_iter=1000) of words": [("label", "str[N]"), ("probabilities", "f32[N, 3]")],
        "LinearSVC() of two": [("label", "i64[N]"), ("scores", "f32[N]")],
        "SVC() of three": [("label", "i64[N]"), ("scores", "f32[N, 3]")],
        "Ridge()": [("prediction", "f32[N]")],
        "KMeans": [("label", "i64[N]"), ("distances", "f32[N, 3]")],
        "PCA(n_components=3)": [("transformed", "f32[N, 3]")],
    }
    for name, outputs in expected.items():
        signature = read_signature(convert(LIST[name]()[0]).model)
        assert [(port.name, str(port.type)) for port in signature.outputs] == outputs


def test_what_float_columns_are_transformed_to_stays_float64() -> None:
    columns = tuple(Column(f"c{place}", "f64", (1,)) for place in range(13))
    model = convert(StandardScaler().fit(WINE), columns).model
    assert str(read_signature(model).outputs[0].type) == "f64[N, 13]"


def test_converting_twice_gives_the_same_bytes() -> None:
    estimator = LIST["imputed forest"]()[0]
    assert convert(estimator).model == convert(estimator).model


def test_votes_that_tie_go_to_the_first_class_as_in_the_original() -> None:
    """Twenty whole votes: in float32 shares of 1/20 many of them go to the other class."""
    random = np.random.default_rng(0)
    rows = random.random((300, 4)).astype(np.float32).astype(np.float64)
    forest = RandomForestClassifier(20, random_state=0).fit(rows, random.integers(0, 2, 300))
    rows = random.random((2_000, 4)).astype(np.float32).astype(np.float64)
    chances = forest.predict_proba(rows)
    assert (chances[:, 0] == chances[:, 1]).any()
    made = convert(forest)
    assert run(made, {"x": rows.astype(np.float32)})["label"].tolist() == forest.predict(rows).tolist()


@pytest.mark.parametrize(
    "estimator",
    [
        CalibratedClassifierCV(RandomForestClassifier(5, random_state=0), method="isotonic"),
        make_pipeline(StandardScaler(), KNeighborsClassifier(4, weights="distance")),
    ],
    ids=["isotonic calibration", "weighted neighbours"],
)
def test_what_skl2onnx_converts_wrongly_is_found_out(estimator: BaseEstimator) -> None:
    made = convert(estimator.fit(WINE, KINDS))
    assert {difference.output for difference in told_apart(made)} == {"label", "probabilities"}


def test_thresholds_of_histogram_boosting_are_among_what_is_tried() -> None:
    """skl2onnx rounds them to the nearest float32, and a row that lies on one goes the other way."""
    rounded = WINE.round(1)
    rows = rounded.astype(np.float32)
    try:
        boosted = ensemble.HistGradientBoostingClassifier(max_iter=10).fit(rounded, KINDS)
        made = convert(boosted)
    except ImportFailure as failure:
        assert failure.code == "E0424"  # protobuf 7
    else:
        wrong = told_apart_on(made, boosted, rows.astype(np.float64), {"x": rows})
        assert not wrong or told_apart(made)


def test_an_output_that_the_converter_leaves_out_is_named() -> None:
    chosen = RFE(LogisticRegression(), n_features_to_select=4).fit(WINE, KINDS)
    with pytest.raises(ImportFailure) as refused:
        convert(chosen)
    assert refused.value.code == "E0424" and "it writes no probabilities" in refused.value.notes[0]


@pytest.mark.parametrize("kind", ["Classifier", "Regressor"])
def test_histogram_gradient_boosting_is_right_or_refused_by_name_with_what_to_take_instead(kind: str) -> None:
    """skl2onnx 1.20 converts it with protobuf 6, and hands protobuf 7 a number that it does not take."""
    histogram = getattr(ensemble, f"HistGradientBoosting{kind}")(max_iter=5)
    pipeline = make_pipeline(StandardScaler(), histogram).fit(CANCER, MALIGN)
    try:
        made = convert(pipeline)
    except ImportFailure as failure:
        assert failure.code == "E0424"
        assert f"`HistGradientBoosting{kind}`" in failure.message
        assert f"`GradientBoosting{kind}`" in str(failure.help)
    else:
        assert not list(told_apart(made))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (None, "a `NoneType`, not a fitted estimator"),
        ({"model": 1}, "a `dict`, not a fitted estimator"),
        (SVC, "the class `SVC`, not a fitted estimator"),
        (SVC(), "a `SVC` that is not fitted"),
        (make_pipeline(StandardScaler(), SVC()), "a `Pipeline` that is not fitted"),
    ],
)
def test_what_is_no_fitted_estimator_is_told(made: object, words: str) -> None:
    with pytest.raises(ImportFailure) as caught:
        convert(made)
    assert caught.value.code == "E0423"
    assert words in caught.value.message


def test_too_few_columns_are_told_with_both_numbers() -> None:
    ridge = Ridge().fit(CANCER, CANCER[:, 0])
    with pytest.raises(ImportFailure, match="fitted with 30 features, and `inputs=` declares 2"):
        convert(ridge, (Column("a", "f64", (1,)), Column("b", "f64", (1,))))


def test_several_targets_at_once_are_refused() -> None:
    labels = np.stack([MALIGN, 1 - MALIGN], axis=1)
    with warnings.catch_warnings(), pytest.raises(ImportFailure, match="several targets"):
        convert(RandomForestClassifier(3).fit(CANCER, labels))


def test_a_regressor_of_several_targets_keeps_their_axis() -> None:
    made = convert(LinearRegression().fit(CANCER, np.stack([MALIGN, 1 - MALIGN], axis=1)))
    assert told_apart(made) == ()
    assert str(read_signature(made.model).outputs[0].type) == "f32[N, 2]"
