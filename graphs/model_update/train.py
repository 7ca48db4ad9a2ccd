"""Train the challenger and write the requests: `python train.py` (needs `pip install dagc[convert]`).

The champion is the model of `graphs/tabular`, byte for byte. The challenger is a smaller boosting on the same
rows, trained as the champion was. Every answer in `requests/` is scikit-learn's own, computed in float64.
"""

import csv
import json
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = Path(__file__).parent
TABULAR = HERE.parent / "tabular"
NUMBERS = ("carat", "depth", "table", "x", "y", "z")
WORDS = {
    "cut": ["Fair", "Good", "Very Good", "Premium", "Ideal"],
    "color": ["D", "E", "F", "G", "H", "I", "J"],
    "clarity": ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"],
}
COLUMNS = (*NUMBERS, *WORDS)
BANDS = ((1_500, "budget"), (5_000, "middle"), (float("inf"), "premium"))
CASES = 300
CANARY = 0.1


def main() -> None:
    """Write `models/*.onnx` and `requests/*.jsonl`."""
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
    fit = columns.transform(fit_rows)
    champion = GradientBoostingClassifier(n_estimators=60, max_depth=4, random_state=0).fit(fit, fit_bands)
    challenger = GradientBoostingClassifier(n_estimators=25, max_depth=3, random_state=1).fit(fit, fit_bands)
    for name, source in (("encode", "encode"), ("champion", "boosted")):
        shutil.copy(TABULAR / "models" / f"{source}.onnx", HERE / "models" / f"{name}.onnx")
    made = convert_sklearn(
        challenger,
        "boosted",
        [("row", FloatTensorType([None, fit.shape[1]]))],
        target_opset={"": 17, "ai.onnx.ml": 3},
        options={id(challenger): {"zipmap": False}},
    )
    (HERE / "models" / "challenger.onnx").write_bytes(made.SerializeToString())
    write_requests(test_rows[:CASES], columns, champion, challenger)


def read_rows() -> tuple[NDArray[np.object_], list[str]]:
    """The table as `object[rows, 9]` in the order of `COLUMNS`, and the price band of each row."""
    with (TABULAR / "diamonds.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = np.array([[float(r[n]) for n in NUMBERS] + [r[w] for w in WORDS] for r in rows], dtype=object)
    bands = [next(band for limit, band in BANDS if float(r["price"]) < limit) for r in rows]
    return table, bands


def write_requests(
    rows: NDArray[np.object_],
    columns: ColumnTransformer,
    champion: GradientBoostingClassifier,
    challenger: GradientBoostingClassifier,
) -> None:
    """Write what each graph answers: the champion's words, the challenger's, and by dealer one or the other's."""
    encoded = columns.transform(rows)
    said = {"watched": quotes(champion, encoded), "promoted": quotes(challenger, encoded)}
    differ = sum(a["band"] != b["band"] for a, b in zip(said["watched"], said["promoted"], strict=True))
    print(f"{differ} of {len(rows)} bands differ")
    diamonds = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    for graph, answers in said.items():
        write(graph, diamonds, answers)
    dealers = [f"dealer-{number}" for number in range(len(rows))]
    chosen = [
        said["promoted" if is_canary(dealer) else "watched"][number] for number, dealer in enumerate(dealers)
    ]
    asked = [{"diamond": diamond, "dealer": dealer} for diamond, dealer in zip(diamonds, dealers, strict=True)]
    write("canary", asked, chosen)


def is_canary(dealer: str) -> bool:
    """As `dagc.split` documents: the first 8 bytes of SHA-256 of `/dealer`, as a fraction of 2**64."""
    return int.from_bytes(sha256(f"/{dealer}".encode()).digest()[:8], "big") / 2**64 >= 1 - CANARY


def quotes(model: GradientBoostingClassifier, encoded: NDArray[np.float64]) -> list[dict[str, object]]:
    """The band of each row, and the probability of each band."""
    classes = [str(c) for c in model.classes_]
    chances = model.predict_proba(encoded)
    return [
        {
            "band": classes[int(np.argmax(row))],
            "probabilities": {c: float(p) for c, p in zip(classes, row, strict=True)},
        }
        for row in chances
    ]


def write(graph: str, requests: list[dict[str, object]], answers: list[dict[str, object]]) -> None:
    """Write all cases of a graph, one a line."""
    cases = [
        {"graph": graph, "request": request, "response": answer, "tolerance": 1e-5}
        for request, answer in zip(requests, answers, strict=True)
    ]
    lines = [json.dumps(case, separators=(",", ":")) for case in cases]
    (HERE / "requests" / f"{graph}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
