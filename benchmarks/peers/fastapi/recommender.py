"""S2 in FastAPI by hand: typed request and response, one model, run on the loop."""

from typing import Literal

import numpy as np
from fastapi import FastAPI
from fused import fused
from pydantic import BaseModel, Field

app = FastAPI()
session = fused()


class Visit(BaseModel):
    user: int = Field(ge=0, lt=5_000)
    hour: int = Field(ge=0, lt=24)
    device: Literal["phone", "tablet", "computer"]


class Pick(BaseModel):
    item: int
    score: float


class Picks(BaseModel):
    picks: list[Pick]


@app.post("/predict")
async def predict(visit: Visit) -> Picks:
    feeds = {
        "user": np.array([visit.user], np.int64),
        "hour": np.array([visit.hour], np.int64),
        "device": np.array([visit.device], dtype=object),
    }
    items, scores = session.run(["ranked", "scores"], feeds)
    pairs = zip(items[0].tolist(), scores[0].tolist(), strict=True)
    return Picks(picks=[Pick(item=item, score=score) for item, score in pairs])
