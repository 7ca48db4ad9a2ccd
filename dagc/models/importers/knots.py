"""The values at which an estimator decides: thresholds, means, categories, by the feature they belong to.

Rows drawn from a standard normal would nearly all take the same path; rows drawn around these show where a
converted model goes another way.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dagc.models.importers.sentences import sentences

Knot = float | int | str | bool

UNKNOWN_WORD = "a word never seen"
_MOST = 2_000
_MOST_TREES = 50
_HISTOGRAMS = "_predictors"
"""Where scikit-learn's histogram boosting keeps its trees: by iteration, one for each class."""


@dataclass(slots=True)
class Feature:
    """What is known of one feature: values worth trying, whether it takes others, whether it may be missing."""

    values: list[Knot] = field(default_factory=list)
    closed: bool = False
    may_be_missing: bool = False


def features_of(estimator: object, count: int, names: Sequence[str]) -> list[Feature]:
    """The knots of each of `count` features; empty where the estimator shows none."""
    found = [Feature() for _ in range(count)]
    _collect(estimator, found, list(names))
    for feature in found:
        kinds = {type(value) for value in feature.values}
        feature.values = sorted(set(feature.values), key=str if str in kinds else float)[:_MOST]
    return found


def _collect(estimator: object, features: list[Feature], names: list[str]) -> None:
    if hasattr(estimator, "transformers_"):
        for _, part, columns in estimator.transformers_:
            places = _places(columns, len(features), names)
            _collect(part, [features[place] for place in places], [names[place] for place in places if names])
        return
    steps = [step for _, step in getattr(estimator, "steps", ())]
    if steps:
        for step in steps:
            _collect(step, features, names)
            if step not in (None, "passthrough") and any(feature.values for feature in features):
                return  # later steps see other numbers
        return
    _own(estimator, features)
    for part in _parts(estimator):
        _collect(part, features, names)


def _places(columns: object, count: int, names: Sequence[str]) -> list[int]:
    """A column transformer's columns as places: numbers, a slice, a mask or names."""
    if isinstance(columns, slice) and not any(isinstance(end, str) for end in (columns.start, columns.stop)):
        return list(range(count))[columns]
    if isinstance(columns, str):
        return [names.index(columns)] if columns in names else []
    if not isinstance(columns, Iterable):
        return [columns % count] if isinstance(columns, int) else []
    listed = np.asarray(list(columns))
    if listed.dtype.kind == "b":
        return [int(place) for place in np.flatnonzero(listed)]
    if listed.dtype.kind in "OU":
        return [names.index(name) for name in listed.tolist() if name in names]
    return [int(place) % count for place in listed]


def _parts(estimator: object) -> Iterator[object]:
    for name in ("estimators_", "calibrated_classifiers_"):
        parts = getattr(estimator, name, None)
        if parts is not None:
            yield from np.asarray(parts, dtype=object).ravel().tolist()[:_MOST_TREES]
    yield from (part for _, part in getattr(estimator, "transformer_list", ()))
    for name in ("best_estimator_", "estimator_", "estimator"):
        part = getattr(estimator, name, None)
        if part is not None and hasattr(part, "fit"):
            yield part
            return


def _own(estimator: object, features: list[Feature]) -> None:
    module = type(estimator).__module__.partition(".")[0]
    if module in ("xgboost", "lightgbm") or hasattr(estimator, "statistics_") or hasattr(estimator, _HISTOGRAMS):
        for feature in features:
            feature.may_be_missing = True
    if hasattr(estimator, "build_analyzer") and features:
        features[0].values += sentences(estimator)
    for place, value in (*_thresholds(estimator, module), *_numbers(estimator, len(features))):
        if place < len(features) and np.isfinite(value):
            features[place].values.append(value)
    takes_others = getattr(estimator, "handle_unknown", "error") != "error"
    for feature, categories in zip(features, getattr(estimator, "categories_", ()), strict=False):
        known = [value.item() if isinstance(value, np.generic) else value for value in categories]
        feature.values += [value for value in known if isinstance(value, str | int | float | bool)]
        feature.closed = True
        if takes_others and any(isinstance(value, str) for value in known):
            feature.values.append(UNKNOWN_WORD)
        elif takes_others:
            feature.values.append(max([0, *(int(value) for value in known if isinstance(value, int))]) + 1)


def _thresholds(estimator: object, module: str) -> Iterator[tuple[int, float]]:
    tree = getattr(estimator, "tree_", None)
    if tree is not None:
        yield from ((int(place), float(value)) for place, value in zip(tree.feature, tree.threshold, strict=True))
    elif hasattr(estimator, _HISTOGRAMS):
        for grown in [tree for trees in getattr(estimator, _HISTOGRAMS) for tree in trees][:_MOST_TREES]:
            splits = grown.nodes[grown.nodes["is_leaf"] == 0]
            yield from zip(splits["feature_idx"].tolist(), splits["num_threshold"].tolist(), strict=True)
    elif module == "xgboost" and hasattr(estimator, "get_booster"):
        for text in estimator.get_booster().get_dump(dump_format="json")[:_MOST_TREES]:
            yield from _splits(json.loads(text), "split", "split_condition")
    elif module == "lightgbm" and hasattr(estimator, "booster_"):
        for shown in estimator.booster_.dump_model()["tree_info"][:_MOST_TREES]:
            yield from _splits(shown["tree_structure"], "split_feature", "threshold")


def _splits(node: dict[str, object], feature: str, threshold: str) -> Iterator[tuple[int, float]]:
    waiting: list[object] = [node]
    while waiting:
        at = waiting.pop()
        if not isinstance(at, dict):
            continue
        place, value = at.get(feature), at.get(threshold)
        digits = str(place).removeprefix("f")
        if digits.isdigit() and isinstance(value, int | float):
            yield int(digits), float(value)
        children = at.get("children")
        waiting += [*(children if isinstance(children, list) else ()), at.get("left_child"), at.get("right_child")]


def _numbers(estimator: object, count: int) -> Iterator[tuple[int, float]]:
    """Centres and extremes that fitted attributes tell, each array with one entry a feature."""
    scale = _row(estimator, "scale_", count)
    for name in ("mean_", "center_"):
        centre = _row(estimator, name, count)
        if centre is not None:
            spread = scale if scale is not None else _spread(estimator, count)
            yield from _around(centre, spread)
    if isinstance(threshold := getattr(estimator, "threshold", None), int | float):
        yield from enumerate([float(threshold)] * count)
    for name in ("data_min_", "data_max_", "statistics_"):
        row = _row(estimator, name, count)
        if row is not None:
            yield from enumerate(row.tolist())
    for name in ("cluster_centers_", "_fit_X", "support_vectors_", "theta_", "feature_count_"):
        table = getattr(estimator, name, None)
        if isinstance(table, np.ndarray) and table.ndim == 2 and table.shape[1] == count:
            rows = table[:: max(1, len(table) // 100)]
            yield from ((place, float(value)) for row in rows for place, value in enumerate(row))


def _row(estimator: object, name: str, count: int) -> NDArray[np.float64] | None:
    row = getattr(estimator, name, None)
    if isinstance(row, np.ndarray) and row.shape == (count,) and row.dtype.kind in "fiu":
        return row.astype(np.float64)
    return None


def _spread(estimator: object, count: int) -> NDArray[np.float64]:
    """How far a PCA saw each feature go, else 1."""
    components = getattr(estimator, "components_", None)
    variance = getattr(estimator, "explained_variance_", None)
    if components is None or variance is None:
        return np.ones(count)
    spread: NDArray[np.float64] = np.sqrt((np.square(components) * variance[:, None]).sum(axis=0))
    return spread


def _around(centre: NDArray[np.float64], spread: NDArray[np.float64]) -> Iterator[tuple[int, float]]:
    for step in (-2.0, -1.0, -0.3, 0.0, 0.3, 1.0, 2.0):
        yield from enumerate((centre + step * spread).tolist())
