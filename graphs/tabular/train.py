"""Train the models of this folder and write their requests: `python train.py` (needs `pip install dagc[convert]`).

`diamonds.csv` holds 5,000 rows drawn from the diamonds data set of ggplot2 (MIT), as shipped by plotnine.
The column transformer and the classifier are exported as two ONNX models, so that fusing them back is the
compiler's work. Every answer in `requests/` is scikit-learn's own, computed in float64.
"""

import csv
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = Path(__file__).parent
NUMBERS = ("carat", "depth", "table", "x", "y", "z")
WORDS = {
    "cut": ["Fair", "Good", "Very Good", "Premium", "Ideal"],
    "color": ["D", "E", "F", "G", "H", "I", "J"],
    "clarity": ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"],
}
COLUMNS = (*NUMBERS, *WORDS)
OPSETS = {"": 17, "ai.onnx.ml": 3}
BANDS = ((1_500, "budget"), (5_000, "middle"), (float("inf"), "premium"))


def main() -> None:
    """Write `models/*.onnx`, `requests/*.json` and `requests/test_split.jsonl`."""
    table, bands = read_rows()
    fit_rows, test_rows, fit_bands, _ = train_test_split(
        table, bands, test_size=0.2, random_state=0, stratify=bands
    )
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), list(range(len(NUMBERS)))),
            ("words", OneHotEncoder(categories=list(WORDS.values()), sparse_output=False),
             list(range(len(NUMBERS), len(COLUMNS)))),
        ]
    ).fit(fit_rows)  # fmt: skip
    boosted = GradientBoostingClassifier(n_estimators=60, max_depth=4, random_state=0)
    boosted.fit(columns.transform(fit_rows), fit_bands)
    export(columns, boosted)
    write_requests(test_rows, columns, boosted)


def read_rows() -> tuple[NDArray[np.object_], list[str]]:
    """The table as `object[rows, 9]` in the order of `COLUMNS`, and the price band of each row."""
    with (HERE / "diamonds.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = np.array([[float(r[n]) for n in NUMBERS] + [r[w] for w in WORDS] for r in rows], dtype=object)
    bands = [next(band for limit, band in BANDS if float(r["price"]) < limit) for r in rows]
    return table, bands


def export(columns: ColumnTransformer, boosted: GradientBoostingClassifier) -> None:
    """Convert both halves: named columns in, one row of 26 numbers between, label and probabilities out.

    The columns are scaled in float64, as scikit-learn does, and rounded to float32 only before the trees, as its
    trees do. Scaled in float32, 9 of the 1,000 test rows fall on the other side of a split: depths are given to
    0.1, so many thresholds lie exactly on a value (61.2, between 61.1 and 61.3).
    """
    inputs = [(name, DoubleTensorType([None, 1])) for name in NUMBERS]
    inputs += [(name, StringTensorType([None, 1])) for name in WORDS]
    encode = convert_sklearn(columns, "encode", inputs, target_opset=OPSETS)
    width = len(NUMBERS) + sum(len(words) for words in WORDS.values())
    trees = convert_sklearn(
        boosted,
        "boosted",
        [("row", FloatTensorType([None, width]))],
        target_opset=OPSETS,
        options={id(boosted): {"zipmap": False}},
    )
    for name, model in (("encode", encode), ("boosted", trees)):
        (HERE / "models" / f"{name}.onnx").write_bytes(model.SerializeToString())


def write_requests(
    rows: NDArray[np.object_], columns: ColumnTransformer, boosted: GradientBoostingClassifier
) -> None:
    """Write the whole test split as one line a case, and the first of each band as a readable file."""
    probabilities = boosted.predict_proba(columns.transform(rows))
    classes = [str(c) for c in boosted.classes_]
    cases = []
    for row, chances in zip(rows, probabilities, strict=True):
        request = dict(zip(COLUMNS, row, strict=True))
        response = {
            "band": classes[int(np.argmax(chances))],
            "probabilities": {c: float(p) for c, p in zip(classes, chances, strict=True)},
        }
        cases.append({"request": request, "response": response, "tolerance": 1e-5})
    lines = [json.dumps(case, separators=(",", ":")) for case in cases]
    (HERE / "requests" / "test_split.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for band in classes:
        case = next(c for c in cases if c["response"]["band"] == band)
        (HERE / "requests" / f"{band}.json").write_text(json.dumps(case, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
