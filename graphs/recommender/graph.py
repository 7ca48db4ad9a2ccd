"""Ten items for a user at this hour on this device: look up, interact, find the nearest, rank."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import f32, i64

Vector = Annotated[NDArray[np.float32], f32(32)]
Ids = Annotated[NDArray[np.int64], i64(10)]
Scores = Annotated[NDArray[np.float32], f32(10)]


class Visit(BaseModel):
    """Who looks, and when and on what."""

    user: int = Field(ge=0, lt=5_000, examples=[1234])
    hour: int = Field(ge=0, lt=24, examples=[20])
    device: Literal["phone", "tablet", "computer"]


class Pick(BaseModel):
    """One item; scores are compared within one answer only."""

    item: int = Field(ge=0, lt=20_000)
    score: float


class Picks(BaseModel):
    """Ten items, the best first."""

    picks: list[Pick]


class Embedded(NamedTuple):
    """The three fields of a visit as vectors."""

    user_vector: Vector
    hour_vector: Vector
    device_vector: Vector


class Neighbours(NamedTuple):
    """The hundred items nearest to a query, the nearest first."""

    items: Annotated[NDArray[np.int64], i64(100)]
    similarities: Annotated[NDArray[np.float32], f32(100)]
    vectors: Annotated[NDArray[np.float32], f32(100, 32)]


class Ranked(NamedTuple):
    """The ten best of them."""

    ranked: Ids
    scores: Scores


embedding_lookup = dagc.onnx("models/embedding_lookup.onnx", returns=Embedded)
feature_interaction = dagc.onnx("models/feature_interaction.onnx")
nearest_neighbours = dagc.onnx("models/nearest_neighbours.onnx", returns=Neighbours)
ranking = dagc.onnx("models/ranking.onnx", returns=Ranked)


@dagc.step
def listed(items: Ids, scores: Scores) -> Picks:
    """The ten as a list of pairs."""
    pairs = zip(items.tolist(), scores.tolist(), strict=True)
    return Picks(picks=[Pick(item=item, score=score) for item, score in pairs])


@dagc.graph(version="1.0.0")
def recommender(visit: Visit) -> Picks:
    """Recommend ten items."""
    embedded = embedding_lookup(visit)
    query = feature_interaction(embedded.user_vector, embedded.hour_vector, embedded.device_vector)
    near = nearest_neighbours(query)
    best = ranking(query, near.items, near.similarities, near.vectors)
    return listed(best.ranked, best.scores)
