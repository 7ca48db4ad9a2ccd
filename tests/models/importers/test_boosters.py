"""xgboost and LightGBM: missing values, thresholds at float64, and as the last step of a pipeline."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dagc.models.importers.order import ImportFailure
from dagc.models.rowwise import mixing
from tests.models.importers.converted import convert, told_apart, told_apart_on
from tests.models.importers.zoo import CANCER, DIABETES, GROWERS, KINDS, MALIGN, PROGRESS, WINE, with_holes

pytestmark = [pytest.mark.ort, pytest.mark.frameworks, pytest.mark.filterwarnings("ignore")]

TASKS = {
    "two": ("Classifier", CANCER, MALIGN),
    "three": ("Classifier", WINE, KINDS),
    "words": ("Classifier", WINE, GROWERS),
    "numbers": ("Regressor", DIABETES, PROGRESS),
}


def booster(library: str, kind: str, **options: object) -> object:
    module = pytest.importorskip(library, reason=f"{library} is an extra: `make frameworks` tries it")
    pytest.importorskip("onnxmltools", reason="onnxmltools is an extra: `make frameworks` tries it")
    if library == "xgboost":
        return getattr(module, f"XGB{kind}")(n_estimators=20, **options)
    return getattr(module, f"LGBM{kind}")(n_estimators=20, verbose=-1, **options)


def rows_like(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.concatenate([rows, rows.round(1), rows * 1.01, with_holes(rows)]).astype(np.float32)


@pytest.mark.parametrize("task", list(TASKS))
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("piped", [False, True], ids=["bare", "scaled"])
def test_a_booster_answers_alike(library: str, task: str, piped: bool) -> None:
    if (library, task) == ("xgboost", "words"):
        pytest.skip("xgboost takes whole-number labels only")
    kind, rows, labels = TASKS[task]
    model = booster(library, kind)
    estimator = (make_pipeline(StandardScaler(), model) if piped else model).fit(rows, labels)  # type: ignore[attr-defined]
    made = convert(estimator)
    assert told_apart(made) == ()
    real = rows_like(rows)
    assert told_apart_on(made, estimator, real.astype(np.float64), {"x": real}) == ()
    assert mixing(made.model) is None


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_seeded_rows_lie_at_its_thresholds_and_miss_values(library: str) -> None:
    made = convert(booster(library, "Classifier").fit(WINE, KINDS))  # type: ignore[attr-defined]
    rows = made.rows["x"]
    assert np.isnan(rows).any()
    assert rows[:, 12][~np.isnan(rows[:, 12])].max() > 100, "proline lies between 278 and 1680"


def test_a_bare_booster_is_told_what_to_return() -> None:
    model = booster("xgboost", "Classifier").fit(WINE, KINDS)  # type: ignore[attr-defined]
    with pytest.raises(ImportFailure) as caught:
        convert(model.get_booster())
    assert caught.value.code == "E0423"
    assert "XGBClassifier(); model.load_model(path)" in str(caught.value.help)
