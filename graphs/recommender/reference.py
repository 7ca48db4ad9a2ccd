"""The same recommender in NumPy on whole numbers, and the bound that makes it exact in ONNX as well.

Every weight is a whole number held in float32, and no partial sum of any product reaches 2**24 (`largest_sums`).
So float32 rounds nothing, the order of a summation is of no consequence, and int64 here, onnxruntime alone, fused
and in batches give the same bits. Divisions round to the nearest whole number, halves to the even one, in both.
Equal scores keep their order: the lower id first among neighbours, the nearer neighbour first among the ranked.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

MODELS = Path(__file__).parent / "models"
DEVICES = ("phone", "tablet", "computer")
NEIGHBOURS, PICKS = 100, 10
INTERACTION, SIMILARITY, SCORE = 2**10, 2**6, 2**16
"""What products, similarities and scores are divided by; powers of two, by which float32 divides exactly."""

EXACT = 2**24
"""Up to here float32 holds every whole number."""

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Weights:
    """The numbers of the four models: fields `[count, 32]`, items `[20000, 32]`, the ranker's two layers."""

    user: Whole
    hour: Whole
    device: Whole
    items: Whole
    hidden: Whole  # [32, 16]
    hidden_bias: Whole  # [16]
    out: Whole  # [16, 1]
    nearness: Whole  # []: what a similarity counts for in a score
    popularity: Whole  # [20000]


def read_weights(folder: Path = MODELS) -> Weights:
    """The weights as the models in `folder` hold them."""
    stored: dict[str, Whole] = {}
    for file in sorted(folder.glob("*.onnx")):
        for tensor in onnx.load(file).graph.initializer:
            stored[tensor.name.removesuffix("_table")] = numpy_helper.to_array(tensor).astype(np.int64)
    return Weights(**{name: stored["item" if name == "items" else name] for name in Weights.__annotations__})


def queries(weights: Weights, users: Whole, hours: Whole, devices: Whole) -> Whole:
    """`[rows, 32]`: the fields' sum and their pairwise products, in 256ths (the fields are in 16ths)."""
    u, h, d = weights.user[users], weights.hour[hours], weights.device[devices]
    return 16 * (u + h + d) + u * h + u * d + h * d


def neighbours(weights: Weights, query: Whole) -> tuple[Whole, Whole]:
    """Ids and similarities `[rows, 100]` of the items with the largest inner product."""
    return _best(query @ weights.items.T, NEIGHBOURS)


def recommend(weights: Weights, users: Whole, hours: Whole, devices: Whole) -> tuple[Whole, NDArray[np.float64]]:
    """Ids and scores `[rows, 10]`."""
    query = queries(weights, users, hours, devices)
    ids, similarities = neighbours(weights, query)
    places, scores = _best(ranked(weights, query, ids, similarities), PICKS)
    return np.take_along_axis(ids, places, axis=1), scores / SCORE


def ranked(weights: Weights, query: Whole, ids: Whole, similarities: Whole) -> Whole:
    """`[rows, 100]`: the score of every neighbour."""
    features = _divided(query[:, np.newaxis, :] * weights.items[ids], INTERACTION)
    hidden = np.maximum(features @ weights.hidden + weights.hidden_bias, 0)
    deep = (_divided(hidden, INTERACTION) @ weights.out)[..., 0]
    return deep + _divided(similarities, SIMILARITY) * weights.nearness + weights.popularity[ids]


def largest_sums(weights: Weights) -> dict[str, int]:
    """The largest number each sum could reach, whatever the request and whatever the order of its terms."""
    parts = [np.abs(field).max(axis=0) for field in (weights.user, weights.hour, weights.device)]
    u, h, d = parts
    query = 16 * (u + h + d) + u * h + u * d + h * d
    item = np.abs(weights.items).max(axis=0)
    similarity = int((query * item).sum())
    hidden = (query * item // INTERACTION + 1) @ np.abs(weights.hidden) + np.abs(weights.hidden_bias)
    deep = int(((hidden // INTERACTION + 1) @ np.abs(weights.out))[0])
    near = (similarity // SIMILARITY + 1) * int(abs(weights.nearness))
    return {
        "query": int(query.max()),
        "similarity": similarity,
        "hidden": int(hidden.max()),
        "score": deep + near + int(np.abs(weights.popularity).max()),
    }


def _best(values: Whole, count: int) -> tuple[Whole, Whole]:
    """Places and values of the largest in each row; of equal ones the first."""
    places = np.argsort(-values, axis=1, kind="stable")[:, :count].copy()
    return places, np.take_along_axis(values, places, axis=1)


def _divided(values: Whole, by: int) -> Whole:
    return np.rint(values / by).astype(np.int64)
