"""Train the models of this folder and write its requests: `python train.py` (needs `pip install dagc[convert]`).

Prices: for each of three markets a model of its own, on the diamonds of `../tabular` that market got by lot.
Digits: the 1,797 images of 8x8 pixels that scikit-learn has (UCI, CC BY 4.0), a linear model and a large one.
Every answer in `requests/` is scikit-learn's own, or magika's own for what kind of file it is.
"""

import base64
import csv
import json
from pathlib import Path

import cv2
import magika
import numpy as np
from numpy.typing import NDArray
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

HERE = Path(__file__).parent
TABULAR = HERE.parent / "tabular"
OPSETS = {"": 17, "ai.onnx.ml": 3}
SIZES = ("carat", "depth", "table", "x", "y", "z")
MARKETS = {"DE": 0.92, "FR": 0.95, "US": 1.0}
"""What a dollar's worth of stone costs there."""
SURE = 0.9
"""As `graph.py` has it."""


def main() -> None:
    """Write `models/*.onnx`, `labels.py` and `requests/*`."""
    for old in (HERE / "requests").glob("*"):
        old.unlink()
    write_prices()
    small, big, images, truth = digits()
    write_digits(small, big, images)
    write_files(small, big, images, truth)
    write_labels()


def write_labels() -> None:
    """`labels.py`: the words for magika's scores."""
    labels = json.loads((magika_folder() / "config.min.json").read_text())["target_labels_space"]
    says = '"""What the model of magika 1.0.3 can say of a file, in the order of its scores."""'
    words = "\n".join(f'    "{label}",' for label in labels)
    (HERE / "labels.py").write_text(f"{says}\n\nLABELS = (\n{words}\n)\n", encoding="utf-8")


def write_prices() -> None:
    """One regression a market, and the test split's prices there."""
    with (TABULAR / "diamonds.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    sizes = np.array([[float(row[name]) for name in SIZES] for row in rows], np.float32)
    prices = np.array([float(row["price"]) for row in rows])
    lots = np.random.default_rng(0).integers(len(MARKETS), size=len(rows))
    cases = []
    for number, (market, rate) in enumerate(MARKETS.items()):
        own = lots == number
        fit, test, paid, _ = train_test_split(sizes[own], prices[own] * rate, test_size=0.1, random_state=0)
        model = GradientBoostingRegressor(n_estimators=40, max_depth=3, random_state=number).fit(fit, paid)
        export(model, f"price_{market.lower()}", len(SIZES))
        for stone, price in zip(test[:30], model.predict(test[:30]), strict=True):
            request = {**dict(zip(SIZES, stone.astype(float).tolist(), strict=True)), "market": market}
            cases.append({"graph": "price", "request": request, "response": float(price), "tolerance": 0.01})
    lines("prices", cases)


def digits() -> tuple[LogisticRegression, MLPClassifier, NDArray[np.float32], NDArray[np.int64]]:
    """The small model, the big one, and the test split's images with the digits they show."""
    images, truth = load_digits(return_X_y=True)
    fit, test, shown, truth = train_test_split(
        images.astype(np.float32), truth, test_size=0.3, random_state=0, stratify=truth
    )
    small = LogisticRegression(C=0.05, max_iter=5000).fit(fit, shown)
    big = MLPClassifier((512, 256), alpha=1.0, random_state=0, max_iter=400).fit(fit, shown)
    export(small, "small", 64)
    export(big, "big", 64)
    return small, big, test, truth


def answered(small: LogisticRegression, big: MLPClassifier, image: NDArray[np.float32]) -> int:
    """What the cascade says."""
    chances = small.predict_proba(image[None])[0]
    model = small if chances.max() > SURE else big
    return int(model.predict(image[None])[0])


def write_digits(small: LogisticRegression, big: MLPClassifier, images: NDArray[np.float32]) -> None:
    """The cascade's answer for every image of the test split."""
    cases = [
        {"graph": "digit", "request": {"pixels": image.tolist()}, "response": answered(small, big, image)}
        for image in images
    ]
    lines("digits", cases)


def write_files(
    small: LogisticRegression, big: MLPClassifier, images: NDArray[np.float32], truth: NDArray[np.int64]
) -> None:
    """Some digits as PNG files and some stones as CSV files; magika agrees that they are."""
    says = magika.Magika()
    unsure = images[int(np.argmin(small.predict_proba(images).max(axis=1)))]
    shown = {str(digit): images[truth.tolist().index(digit)] for digit in (3, 7)} | {"unsure": unsure}
    for name, image in shown.items():
        pixels = np.rint(image.reshape(8, 8) * 255 / 16).astype(np.uint8)
        _, encoded = cv2.imencode(".png", cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_NEAREST))
        content = encoded.tobytes()
        assert says.identify_bytes(content).output.label == "png"
        one(f"digit_{name}", content, {"kind": "image", "digit": answered(small, big, image), "band": None})
    for band in ("budget", "premium"):
        case = json.loads((TABULAR / "requests" / f"{band}.json").read_text())
        columns, values = zip(*case["request"].items(), strict=True)
        content = f"{','.join(columns)}\n{','.join(map(str, values))}\n".encode()
        assert says.identify_bytes(content).output.label == "csv"
        one(f"stone_{band}", content, {"kind": "row", "digit": None, "band": case["response"]["band"]})


def one(name: str, content: bytes, response: dict[str, object]) -> None:
    """A request that is a file of its own."""
    case = {"graph": "sort", "request": {"file": base64.b64encode(content).decode()}, "response": response}
    (HERE / "requests" / f"{name}.json").write_text(json.dumps(case, indent=2) + "\n", encoding="utf-8")


def lines(name: str, cases: list[dict[str, object]]) -> None:
    """Many requests, one a line."""
    text = "".join(json.dumps(case, separators=(",", ":")) + "\n" for case in cases)
    (HERE / "requests" / f"{name}.jsonl").write_text(text, encoding="utf-8")


def export(model: BaseEstimator, name: str, width: int) -> None:
    """A model as `row` f32[N, width] -> the estimator's own outputs."""
    options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    converted = convert_sklearn(
        model, name, [("row", FloatTensorType([None, width]))], target_opset=OPSETS, options=options
    )
    (HERE / "models" / f"{name}.onnx").write_bytes(converted.SerializeToString())


def magika_folder() -> Path:
    """Where the installed magika has its model."""
    return Path(magika.__file__).parent / "models" / "standard_v3_3"


if __name__ == "__main__":
    main()
