"""Decision trees and forests of classifiers for ONNX, such that votes that tie in scikit-learn tie here too.

skl2onnx stores each vote as 1/n in float32: ten votes of twenty then sum up to a little more or less than a half,
and the label flips. Here trees vote whole numbers, which sum exactly, and the sum is divided by n in float64.
"""

from collections.abc import Mapping
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from dagc.models.importers.retype import DOUBLE, FLOAT, INT64, STRING

Floats = NDArray[np.float64]


class Variable(Protocol):
    """A value of the model being written, as skl2onnx hands it to converters."""

    full_name: str


class Scope(Protocol):
    """Hands out names."""

    def get_unique_variable_name(self, seed: str) -> str:
        """A name for a value that no other has."""

    def get_unique_operator_name(self, seed: str) -> str:
        """A name for a node that no other has."""


class Operator(Protocol):
    """The estimator being converted, between its inputs and outputs."""

    raw_operator: object
    inputs: list[Variable]
    outputs: list[Variable]


class Container(Protocol):
    """The model being written."""

    def add_node(
        self, op_type: str, inputs: object, outputs: object, op_domain: str = ..., **attributes: object
    ) -> None:
        """Append a node."""

    def add_initializer(self, name: str, onnx_type: int, shape: object, content: object) -> None:
        """Store a constant."""


class Tree(Protocol):
    """The arrays of a fitted tree (`sklearn.tree._tree.Tree`), one entry a node."""

    children_left: NDArray[np.int64]
    children_right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: Floats
    value: Floats
    missing_go_to_left: NDArray[np.uint8]


def register_forests() -> None:
    """Tell skl2onnx to use the converter of this file for trees and forests that classify."""
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

    options = {"zipmap": [True, False, "columns"], "raw_scores": [False], "nocl": [True, False],
               "output_class_labels": [False, True]}  # fmt: skip
    for kind in (DecisionTreeClassifier, ExtraTreeClassifier, RandomForestClassifier, ExtraTreesClassifier):
        update_registered_converter(
            kind,
            f"Voting{kind.__name__}",
            calculate_linear_classifier_output_shapes,
            convert_forest,
            options=options,
        )


def convert_forest(scope: Scope, operator: Operator, container: Container) -> None:
    """Write `label` and `probabilities` of a tree or forest; raises NotImplementedError for several targets."""
    estimator = operator.raw_operator
    trees = [found.tree_ for found in getattr(estimator, "estimators_", [estimator])]
    classes: NDArray[np.generic] = estimator.classes_  # type: ignore[attr-defined]  # fitted: the caller looked
    if getattr(estimator, "n_outputs_", 1) != 1:
        raise NotImplementedError("it classifies several targets at once")
    names = {word: scope.get_unique_variable_name(word) for word in ("rounded", "votes", "sums", "count", "best")}
    container.add_node("Cast", operator.inputs[0].full_name, names["rounded"], to=FLOAT)
    container.add_node(
        "TreeEnsembleRegressor",
        names["rounded"],
        names["votes"],
        op_domain="ai.onnx.ml",
        name=scope.get_unique_operator_name("Forest"),
        **_attributes(trees, len(classes)),
    )
    container.add_node("Cast", names["votes"], names["sums"], to=DOUBLE)
    container.add_initializer(names["count"], DOUBLE, [1], [float(len(trees))])
    label, probabilities = (variable.full_name for variable in operator.outputs[:2])
    container.add_node("Div", [names["sums"], names["count"]], probabilities)
    container.add_node("ArgMax", probabilities, names["best"], axis=1, keepdims=0)
    _name_class(scope, container, names["best"], label, classes)


def _name_class(scope: Scope, container: Container, place: str, label: str, classes: NDArray[np.generic]) -> None:
    """The class at each row's place; of the first of equals, as `argmax` in scikit-learn."""
    table = scope.get_unique_variable_name("classes")
    if classes.dtype.kind in "OU":
        words = [str(word).encode() for word in classes]
        container.add_initializer(table, STRING, [len(words)], words)
    else:
        container.add_initializer(table, INT64, [len(classes)], [int(number) for number in classes])
    container.add_node("Gather", [table, place], label, axis=0)


def _attributes(trees: list[Tree], classes: int) -> Mapping[str, object]:
    """All trees as one `TreeEnsembleRegressor` with a target for each class."""
    nodes = [np.arange(len(tree.feature)) for tree in trees]
    ids = [np.full(len(own), number) for number, own in enumerate(nodes)]
    leaves = [tree.children_left < 0 for tree in trees]
    whole = np.concatenate
    leaf = whole(leaves)
    targets = int(leaf.sum())
    return {
        "n_targets": classes,
        "post_transform": "NONE",
        "nodes_treeids": whole(ids).tolist(),
        "nodes_nodeids": whole(nodes).tolist(),
        "nodes_featureids": np.where(leaf, 0, whole([tree.feature for tree in trees])).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values": np.where(leaf, 0, whole([rounded_down(tree.threshold) for tree in trees])).tolist(),
        "nodes_truenodeids": np.where(leaf, 0, whole([tree.children_left for tree in trees])).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, whole([tree.children_right for tree in trees])).tolist(),
        "nodes_missing_value_tracks_true": np.where(leaf, 0, whole([_missing_left(t) for t in trees])).tolist(),
        "target_treeids": np.repeat(whole(ids)[leaf], classes).tolist(),
        "target_nodeids": np.repeat(whole(nodes)[leaf], classes).tolist(),
        "target_ids": np.tile(np.arange(classes), targets).tolist(),
        "target_weights": whole([_shares(tree)[own] for tree, own in zip(trees, leaves, strict=True)])
        .ravel()
        .tolist(),
    }


def rounded_down(thresholds: Floats) -> NDArray[np.float32]:
    """The greatest float32 not above each threshold: `x <= threshold` is the same for every float32 `x`."""
    nearest = thresholds.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return cast("NDArray[np.float32]", np.where(nearest > thresholds, below, nearest))


def _missing_left(tree: Tree) -> NDArray[np.int64]:
    return tree.missing_go_to_left.astype(np.int64)


def _shares(tree: Tree) -> Floats:
    """The share of each class in each node (trees before scikit-learn 1.3 kept counts)."""
    counts = tree.value[:, 0, :]
    sums = counts.sum(axis=1, keepdims=True)
    shares: Floats = counts / np.where(sums == 0, 1, sums)
    return shares
