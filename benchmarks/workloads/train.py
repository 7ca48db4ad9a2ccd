"""Train the models of the workloads and write their cases: `python benchmarks/workloads/train.py`.

Needs `pip install dagc[convert]`. Data: scikit-learn's breast_cancer, 569 rows of 30 features. Every model of a
workload is a file of its own, so that joining them is the compiler's work; `w1_merged.onnx` and `w2_merged.onnx`
are the same models joined by hand with `onnx.compose`, for the peers that are shown at their best. Every answer
is scikit-learn's own, computed in float64.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.base import BaseEstimator
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
MODELS = HERE / "models"
OPSETS = {"": 17, "ai.onnx.ml": 3}
IR_VERSION = 8
CASES = 64
TOLERANCE = 1e-4
BENIGN, MALIGNANT = 0.8, 0.2
"""W3's thresholds on the probability of class 1 (benign); between them a person decides."""

Table = NDArray[np.float32]
Chances = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimators:
    """What is trained: `scaler` and `classifier` for W1, the three voters for W2 and W3."""

    scaler: StandardScaler
    classifier: MLPClassifier
    voters: dict[str, BaseEstimator]


def main() -> None:
    """Write `models/*.onnx`, `models/features.db` and `w*/requests/cases.jsonl`."""
    MODELS.mkdir(exist_ok=True)
    features, classes = load_breast_cancer(return_X_y=True)
    table: Table = features.astype(np.float32)
    trained = train(table, classes)
    scaled = trained.scaler.transform(table).astype(np.float32)
    files = {
        "scaler": export(trained.scaler, table),
        "classifier": export(trained.classifier, scaled),
        **{name: export(voter, table) for name, voter in trained.voters.items()},
    }
    files["w1_merged"] = merged_chain(files["scaler"], files["classifier"])
    files["w2_merged"] = merged_vote([files[name] for name in trained.voters])
    for name, model in files.items():
        onnx.checker.check_model(model)
        (MODELS / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    write_features(table)
    chain = trained.classifier.predict_proba(trained.scaler.transform(table))
    vote = np.mean([voter.predict_proba(table) for voter in trained.voters.values()], axis=0)
    rows = chosen(vote)
    write_cases("w1", [({"features": table[i].tolist()}, answer(chain[i])) for i in rows])
    write_cases("w2", [({"features": table[i].tolist()}, answer(vote[i])) for i in rows])
    write_cases("w3", [({"user_id": i}, answer(vote[i]) | {"decision": decision(vote[i])}) for i in rows])


def train(table: Table, classes: NDArray[np.int64]) -> Estimators:
    """All estimators, fitted; the seeds are fixed."""
    scaler = StandardScaler().fit(table)
    classifier = MLPClassifier((100,), max_iter=400, random_state=0).fit(scaler.transform(table), classes)
    voters = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        "neural": make_pipeline(StandardScaler(), MLPClassifier((100, 50), max_iter=400, random_state=1)),
        "forest": RandomForestClassifier(100, random_state=0, n_jobs=1),
    }
    return Estimators(scaler, classifier, {name: voter.fit(table, classes) for name, voter in voters.items()})


def export(estimator: BaseEstimator, rows: Table) -> onnx.ModelProto:
    """The estimator as ONNX: input `X` f32[N, 30]; a classifier has outputs `label` and `probabilities`."""
    options = {} if isinstance(estimator, StandardScaler) else {id(estimator): {"zipmap": False}}
    model = to_onnx(estimator, rows[:1], target_opset=OPSETS, options=options)
    model.ir_version = IR_VERSION
    return model


def merged_chain(scaler: onnx.ModelProto, classifier: onnx.ModelProto) -> onnx.ModelProto:
    """W1 joined by hand: input `X`, outputs `label` and `proba`."""
    wire = ("s_" + scaler.graph.output[0].name, "c_" + classifier.graph.input[0].name)
    joined = compose.merge_models(
        compose.add_prefix(scaler, "s_"), compose.add_prefix(classifier, "c_"), io_map=[wire]
    )
    label, proba = (value.name for value in joined.graph.output)
    nodes = [
        helper.make_node("Identity", ["X"], [joined.graph.input[0].name]),
        *joined.graph.node,
        helper.make_node("Identity", [label], ["label"]),
        helper.make_node("Identity", [proba], ["proba"]),
    ]
    return model_of("w1", nodes, joined.graph.initializer)


def merged_vote(voters: Sequence[onnx.ModelProto]) -> onnx.ModelProto:
    """W2 joined by hand: one input for the three voters, mean of probabilities, argmax; unused labels removed."""
    nodes: list[onnx.NodeProto] = []
    initializers: list[TensorProto] = []
    chances: list[str] = []
    for number, voter in enumerate(voters):
        part = compose.add_prefix(voter, f"v{number}_")
        nodes.append(helper.make_node("Identity", ["X"], [part.graph.input[0].name]))
        nodes.extend(part.graph.node)
        initializers.extend(part.graph.initializer)
        chances.append(part.graph.output[1].name)
    initializers.append(numpy_helper.from_array(np.array(1 / len(voters), np.float32), "share"))
    nodes += [
        helper.make_node("Sum", chances, ["sum"]),
        helper.make_node("Mul", ["sum", "share"], ["proba"]),
        helper.make_node("ArgMax", ["proba"], ["label"], axis=1, keepdims=0),
    ]
    return model_of("w2", nodes, initializers)


def model_of(name: str, nodes: Sequence[onnx.NodeProto], initializers: Iterable[TensorProto]) -> onnx.ModelProto:
    """A model from `X` f32[N, 30] to `label` i64[N] and `proba` f32[N, 2], without the nodes nobody reads.

    onnxruntime would keep those: it removes a node only when none of its outputs is used.
    """
    wanted = {"label", "proba"}
    alive: list[onnx.NodeProto] = []
    for node in reversed(nodes):
        if wanted & set(node.output):
            alive.append(node)
            wanted |= set(node.input)
    graph = helper.make_graph(
        list(reversed(alive)),
        name,
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 30])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
            helper.make_tensor_value_info("proba", TensorProto.FLOAT, [None, 2]),
        ],
        [each for each in initializers if each.name in wanted],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def write_features(table: Table) -> None:
    """W3's feature store: user `i` has row `i` of the data, as 30 little-endian float32."""
    path = MODELS / "features.db"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("create table features (user_id integer primary key, vector blob not null)")
    rows = [(user, row.astype("<f4").tobytes()) for user, row in enumerate(table)]
    connection.executemany("insert into features values (?, ?)", rows)
    connection.commit()
    connection.close()


def chosen(vote: Chances) -> list[int]:
    """Rows spread over the data, none so near a threshold that float32 could decide otherwise."""
    limits = np.array([MALIGNANT, 0.5, BENIGN])
    clear = np.abs(vote[:, 1:] - limits).min(axis=1) > 10 * TOLERANCE
    rows = np.flatnonzero(clear)
    return [int(row) for row in rows[:: len(rows) // CASES][:CASES]]


def answer(chances: Chances) -> dict[str, object]:
    """The response of W1 and W2."""
    return {"label": int(np.argmax(chances)), "proba": chances.tolist()}


def decision(chances: Chances) -> str:
    """W3's threshold."""
    if chances[1] >= BENIGN:
        return "benign"
    return "malignant" if chances[1] <= MALIGNANT else "review"


def write_cases(workload: str, cases: Iterable[tuple[dict[str, object], dict[str, object]]]) -> None:
    """Write the cases as dagc reads stored requests, one a line; a build answers them all."""
    lines = [
        json.dumps({"request": request, "response": response, "tolerance": TOLERANCE}, separators=(",", ":"))
        for request, response in cases
    ]
    folder = HERE / workload / "requests"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cases.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
