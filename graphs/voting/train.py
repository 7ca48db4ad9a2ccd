"""Train the models of this folder and write their requests: `python train.py` (needs `pip install dagc[convert]`).

The rows are two of scikit-learn's own: `load_diabetes` (a year's progression of the disease) and `load_wine` (of
which of three cultivars). Every answer in `requests/` is that of scikit-learn's `VotingRegressor`,
`VotingClassifier` and `StackingRegressor`, computed in float64.
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import (
    GradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

HERE = Path(__file__).parent
OPSETS = {"": 17, "ai.onnx.ml": 3}
REGRESSORS = {
    "ridge": Ridge(alpha=0.1),
    "forest": RandomForestRegressor(n_estimators=40, max_depth=5, random_state=0),
    "boosted": GradientBoostingRegressor(n_estimators=60, max_depth=3, random_state=0),
}
CLASSIFIERS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression(C=0.01)),
    "bayes": GaussianNB(var_smoothing=1e-3),
    "stump": DecisionTreeClassifier(max_depth=1, random_state=0),
    "shallow": DecisionTreeClassifier(max_depth=2, max_features=2, random_state=3),
    "tree": DecisionTreeClassifier(max_depth=3, max_features=2, random_state=5),
}

Rows = NDArray[np.float32]


def main() -> None:
    """Write `models/*.onnx` and `requests/*.json*`."""
    progression()
    cultivars()


def progression() -> None:
    """Three regressors, their mean, and a ridge on top of them; the target is in parts of its largest value."""
    rows, found = load_diabetes(return_X_y=True)
    rows = rows.astype(np.float32)
    fit_rows, test_rows, fit_found, _ = train_test_split(rows, found / found.max(), test_size=0.3, random_state=0)
    mean = VotingRegressor(list(REGRESSORS.items())).fit(fit_rows, fit_found)
    stacked = StackingRegressor(list(REGRESSORS.items()), final_estimator=Ridge(alpha=0.01), cv=5)
    stacked.fit(fit_rows, fit_found)
    for name, model in mean.named_estimators_.items():
        export(name, model, rows.shape[1])
    export("meta", stacked.final_estimator_, len(REGRESSORS))
    write("averaged", [{"row": row} for row in test_rows], mean.predict(test_rows)[:, None], tolerance=1e-6)
    write("stacked", [{"row": row} for row in test_rows], stacked.predict(test_rows)[:, None], tolerance=1e-6)


def cultivars() -> None:
    """Five classifiers, weak ones, so that they disagree, and the label most of them say."""
    rows, found = load_wine(return_X_y=True)
    rows = rows.astype(np.float32)
    fit_rows, test_rows, fit_found, _ = train_test_split(rows, found, test_size=0.5, random_state=1)
    vote = VotingClassifier(list(CLASSIFIERS.items()), voting="hard").fit(fit_rows, fit_found)
    for name, model in vote.named_estimators_.items():
        export(name, model, rows.shape[1])
    two = fit_found > 0
    export("two_cultivars", LogisticRegression(C=0.01).fit(fit_rows[two], fit_found[two]), rows.shape[1])
    labels = vote.predict(test_rows)
    write("majority", [{"row": row} for row in test_rows], labels)
    said = vote.transform(test_rows)
    tied = [at for at, one in enumerate(said) if sorted(np.bincount(one, minlength=3))[1:] == [2, 2]]
    print(f"{len(tied)} of {len(test_rows)} rows are ties")
    case = {"graph": "majority", "request": plain({"row": test_rows[tied[0]]}), "response": int(labels[tied[0]])}
    (HERE / "requests" / "tie.json").write_text(json.dumps(case, indent=2) + "\n", encoding="utf-8")
    asked = [{"row": row} for row in test_rows[:20]]
    write("consulted", asked, labels[:20])


def export(name: str, model: object, width: int) -> None:
    """Convert one estimator: a row of float32 in; a number, or label and probabilities, out."""
    options = {id(model): {"zipmap": False}} if hasattr(model, "classes_") else None
    made = convert_sklearn(
        model, name, [("row", FloatTensorType([None, width]))], target_opset=OPSETS, options=options
    )
    (HERE / "models" / f"{name}.onnx").write_bytes(made.SerializeToString())


def write(
    graph: str, requests: list[dict[str, object]], answers: NDArray[np.generic], tolerance: float | None = None
) -> None:
    """Write all cases of a graph, one a line."""
    cases = []
    for request, answer in zip(requests, answers, strict=True):
        case = {"graph": graph, "request": plain(request), "response": answer.tolist()}
        cases.append(case if tolerance is None else {**case, "tolerance": tolerance})
    lines = [json.dumps(case, separators=(",", ":")) for case in cases]
    (HERE / "requests" / f"{graph}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def plain(request: dict[str, object]) -> dict[str, object]:
    """The request with its row as a list."""
    return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in request.items()}


if __name__ == "__main__":
    main()
