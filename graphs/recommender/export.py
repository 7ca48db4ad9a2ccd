"""The four models as ONNX text: what `train.py` found, as small whole numbers in the narrowest integer type.

The item table is stored once, in `nearest_neighbours`, which hands the vectors of the nearest on to `ranking`. It
stands on the left of its product, so that onnxruntime keeps no second, packed copy of it for multiplying: 4.0 MiB
resident instead of 6.3, for 0.08 ms more at a batch of one and nothing from eight on.
"""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, parser
from reference import DEVICES, INTERACTION, NEIGHBOURS, PICKS, SCORE, SIMILARITY, Weights

Stored = NDArray[np.generic]

EMBEDDING_LOOKUP = """
embedding_lookup (int64[N] user, int64[N] hour, string[N] device)
    => (float[N, 32] user_vector, float[N, 32] hour_vector, float[N, 32] device_vector) {
    place = ai.onnx.ml.LabelEncoder <keys_strings = [KEYS], values_int64s = [0, 1, 2]> (device)
    user_row = Gather (user_table, user)
    hour_row = Gather (hour_table, hour)
    device_row = Gather (device_table, place)
    user_vector = Cast <to = 1> (user_row)
    hour_vector = Cast <to = 1> (hour_row)
    device_vector = Cast <to = 1> (device_row)
}
"""
WIDE_LOOKUP = """
wide_lookup (int64[N] user) => (float[N, 64] user_vector) {
    user_row = Gather (user_table, user)
    user_vector = Cast <to = 1> (user_row)
}
"""
FEATURE_INTERACTION = """
feature_interaction (float[N, 32] user, float[N, 32] hour, float[N, 32] device) => (float[N, 32] query) {
    user_hour = Mul (user, hour)
    user_device = Mul (user, device)
    hour_device = Mul (hour, device)
    products = Sum (user_hour, user_device, hour_device)
    fields = Sum (user, hour, device)
    scaled = Mul (fields, sixteen)
    query = Add (scaled, products)
}
"""
NEAREST_NEIGHBOURS = """
nearest_neighbours (float[N, 32] query)
    => (int64[N, 100] items, float[N, 100] similarities, float[N, 100, 32] vectors) {
    table = Cast <to = 1> (item_table)
    queries = Transpose <perm = [1, 0]> (query)
    by_item = MatMul (table, queries)
    all = Transpose <perm = [1, 0]> (by_item)
    similarities, items = TopK <axis = 1, largest = 1, sorted = 1> (all, count)
    vectors = Gather <axis = 0> (table, items)
}
"""
RANKING = """
ranking (float[N, 32] query, int64[N, 100] items, float[N, 100] similarities, float[N, 100, 32] vectors)
    => (int64[N, 10] ranked, float[N, 10] scores) {
    row = Unsqueeze (query, middle)
    products = Mul (row, vectors)
    small = Mul (products, interaction)
    features = Round (small)
    hidden_weights = Cast <to = 1> (hidden_table)
    product = MatMul (features, hidden_weights)
    sums = Add (product, hidden_bias)
    rectified = Relu (sums)
    smaller = Mul (rectified, interaction)
    whole = Round (smaller)
    out_weights = Cast <to = 1> (out_table)
    deep = MatMul (whole, out_weights)
    deep_scores = Squeeze (deep, last)
    near = Mul (similarities, similarity)
    near_whole = Round (near)
    near_scores = Mul (near_whole, nearness)
    common = Gather (popularity_table, items)
    common_scores = Cast <to = 1> (common)
    all = Sum (deep_scores, near_scores, common_scores)
    best, places = TopK <axis = 1, largest = 1, sorted = 1> (all, count)
    ranked = GatherElements <axis = 1> (items, places)
    scores = Mul (best, score)
}
"""


def export(weights: Weights, folder: Path) -> None:
    """Write the models, and the one of the broken twin: users of twice the width."""
    keys = ", ".join(f'"{device}"' for device in DEVICES)
    lookup = EMBEDDING_LOOKUP.replace("KEYS", keys)
    fields = {
        "user_table": _narrow(weights.user),
        "hour_table": _narrow(weights.hour),
        "device_table": _narrow(weights.device),
    }
    interaction, similarity, score = (_float(1 / by) for by in (INTERACTION, SIMILARITY, SCORE))
    ranker = {
        "hidden_table": _narrow(weights.hidden),
        "hidden_bias": weights.hidden_bias.astype(np.float32),
        "out_table": _narrow(weights.out),
        "nearness": _float(int(weights.nearness)),
        "popularity_table": _narrow(weights.popularity),
        "interaction": interaction,
        "similarity": similarity,
        "score": score,
        "middle": np.array([1]),
        "last": np.array([2]),
        "count": np.array([PICKS]),
    }
    twin = {"user_table": np.tile(fields["user_table"][:16], (1, 2))}
    models = folder / "models"
    _write(models / "embedding_lookup.onnx", lookup, fields)
    _write(models / "feature_interaction.onnx", FEATURE_INTERACTION, {"sixteen": _float(16)})
    near = {"item_table": _narrow(weights.items), "count": np.array([NEIGHBOURS])}
    _write(models / "nearest_neighbours.onnx", NEAREST_NEIGHBOURS, near)
    _write(models / "ranking.onnx", RANKING, ranker)
    _write(folder / "broken" / "models" / "wide_lookup.onnx", WIDE_LOOKUP, twin)


def _write(file: Path, text: str, stored: dict[str, Stored]) -> None:
    domains = '"" : 17, "ai.onnx.ml" : 3' if "ai.onnx.ml" in text else '"" : 17'
    model = parser.parse_model(f"<ir_version: 8, opset_import: [{domains}]> {text}")
    for name, values in stored.items():
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    onnx.checker.check_model(model, full_check=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(model.SerializeToString(deterministic=True))


def _narrow(whole: NDArray[np.int64]) -> Stored:
    """The numbers in the narrowest type that holds them."""
    kind = next(k for k in (np.int8, np.int16, np.int32) if np.abs(whole).max() <= np.iinfo(k).max)
    return whole.astype(kind)


def _float(value: float) -> Stored:
    return np.array(value, np.float32)
