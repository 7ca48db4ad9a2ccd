"""Must fail with E0203: the users' embeddings are 64 wide, the interaction was trained on 32."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

import dagc
from dagc import f32


class Visit(BaseModel):
    user: int
    hour: int
    device: Literal["phone", "tablet", "computer"]


wide_lookup = dagc.onnx("models/wide_lookup.onnx")
embedding_lookup = dagc.onnx("../models/embedding_lookup.onnx")
feature_interaction = dagc.onnx("../models/feature_interaction.onnx")


@dagc.graph
def recommender(visit: Visit) -> Annotated[NDArray[np.float32], f32(32)]:
    embedded = embedding_lookup(visit)
    return feature_interaction(wide_lookup(user=visit.user), embedded.hour_vector, embedded.device_vector)
