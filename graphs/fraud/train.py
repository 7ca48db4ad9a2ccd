"""Invent payments, train the models, fill the stores, write the requests: `python train.py` (`dagc[convert]`).

No set of card payments may be passed on, so these are invented: customers with habits, and thieves who pay more
than usual, hastily, from new accounts and at doubtful merchants. Every answer in `requests/` is scikit-learn's,
in float64, with the rule written once more.
"""

import json
import sqlite3
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
COLUMNS = 8
OPSETS = {"": 17, "ai.onnx.ml": 3}
Floats = NDArray[np.float64]

CUSTOMERS = {
    "u001": ((1460, 5400.0, 120), (0, 0, 1)),
    "u002": ((730, 900.0, 30), (1, 0, 1)),
    "u003": ((12, 80.0, 2), (2, 1, 1)),
    "u004": ((3, 0.0, 0), (7, 3, 2)),
    "u005": ((2100, 61000.0, 410), (9, 0, 3)),
}
STRANGER = ((0, 0.0, 0), (0, 0, 1))
LISTED = {"cheap-watches", "gift-cards-now"}


def main() -> None:
    """Write `models/`, `profiles.db`, `features.db` and `requests/`."""
    rows, frauds = payments(np.random.default_rng(7), 12_000)
    scaler = StandardScaler().fit(rows)
    scaled = scaler.transform(rows)
    models = {
        "germany": LogisticRegression().fit(scaled, frauds),
        "boosted": GradientBoostingClassifier(n_estimators=40, max_depth=3, random_state=0).fit(scaled, frauds),
        "neural": MLPClassifier((16,), max_iter=60, random_state=0).fit(scaled, frauds),
    }
    (HERE / "models").mkdir(exist_ok=True)
    for name, model in {"scaler": scaler, **models}.items():
        options = {} if name == "scaler" else {id(model): {"zipmap": False}}
        inputs = [("row", FloatTensorType([None, COLUMNS]))]
        converted = convert_sklearn(model, initial_types=inputs, options=options, target_opset=OPSETS)
        (HERE / "models" / f"{name}.onnx").write_bytes(converted.SerializeToString())
    fill_stores()
    write_requests(scaler, models)


def payments(random: np.random.Generator, count: int) -> tuple[Floats, NDArray[np.int64]]:
    """Columns as `encode` makes them, and whether the payment is a thief's."""
    frauds = random.random(count) < 0.15
    age = np.where(frauds, random.exponential(120, count), random.exponential(900, count))
    number = random.poisson(age / 12)
    usual = np.where(number > 0, random.lognormal(3.6, 0.6, count), 0)
    amount = np.where(
        frauds, random.lognormal(5.2, 0.9, count), np.maximum(usual, 5) * random.lognormal(0, 0.4, count)
    )
    lately = random.poisson(np.where(frauds, 4.0, 0.4))
    declined = random.poisson(np.where(frauds, 1.0, 0.05))
    countries = 1 + random.poisson(np.where(frauds, 0.6, 0.02))
    risk = np.where(frauds, random.beta(4, 3, count), random.beta(1.5, 6, count))
    risk[random.random(count) < 0.1] = 0.5  # nobody knows the merchant, or the bureau did not answer
    logs = (np.log1p(amount), np.log1p(usual), np.log1p(age), np.log1p(number))
    return np.column_stack([*logs, lately, declined, countries, risk]), frauds.astype(np.int64)


def fill_stores() -> None:
    """The embedded defaults: a database and a feature store of five customers."""
    for name in ("profiles.db", "features.db"):
        (HERE / name).unlink(missing_ok=True)
    with sqlite3.connect(HERE / "profiles.db") as database:
        database.execute(
            "CREATE TABLE profiles (user_id TEXT PRIMARY KEY, age_days INT, spent REAL, payments INT)"
        )
        rows = [(user, *known) for user, (known, _) in CUSTOMERS.items()]
        database.executemany("INSERT INTO profiles VALUES (?, ?, ?, ?)", rows)
    with sqlite3.connect(HERE / "features.db") as store:
        store.execute(
            "CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires REAL) WITHOUT ROWID"
        )
        for user, (_, (count, declined, countries)) in CUSTOMERS.items():
            value = json.dumps({"payments": count, "declined": declined, "countries": countries})
            store.execute("INSERT INTO entries VALUES (?, ?, NULL)", (f"recent:{user}", value.encode()))


def write_requests(scaler: StandardScaler, models: dict[str, object]) -> None:
    """Every customer and a stranger, in every country, at a good and a listed merchant."""
    (HERE / "requests").mkdir(exist_ok=True)
    for user in (*CUSTOMERS, "stranger"):
        for country, merchant, amount in (
            ("DE", "bookshop", 49.9), ("FR", "bookshop", 1250.0), ("US", "cheap-watches", 310.0)
        ):  # fmt: skip
            request = {"user_id": user, "merchant": merchant, "amount": amount, "country": country}
            case = {"request": request, "response": answer(request, scaler, models), "tolerance": 1e-5}
            path = HERE / "requests" / f"{user}_{country.lower()}.json"
            path.write_text(json.dumps(case, indent=2) + "\n", encoding="utf-8")


def answer(request: dict[str, object], scaler: StandardScaler, models: dict[str, object]) -> dict[str, object]:
    """What scikit-learn and the rule say."""
    (age, spent, number), (count, declined, countries) = CUSTOMERS.get(str(request["user_id"]), STRANGER)
    listed = request["merchant"] in LISTED
    logs = np.log1p([request["amount"], spent / number if number else 0.0, age, number])
    scaled = scaler.transform([[*logs, count, declined, countries, 0.9 if listed else 0.1]])
    by = {"DE": ["germany"], "FR": ["boosted", "neural"], "US": ["boosted"]}[str(request["country"])]
    score = float(np.mean([models[name].predict_proba(scaled)[0, 1] for name in by]))  # type: ignore[attr-defined]
    reasons = {
        "the merchant is on the bureau's list": listed,
        "the payment looks like fraud": score > 0.5,
        "the account is new": age < 30,
        "many payments within an hour": count >= 6,
        "payments were declined within an hour": declined > 0,
        "payments from several countries within an hour": countries > 1,
    }
    return {
        "allow": score <= 0.5 and not listed,
        "score": score,
        "reasons": [r for r, holds in reasons.items() if holds],
    }


if __name__ == "__main__":
    main()
