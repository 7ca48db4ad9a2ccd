"""FastAPI by hand: typed request and response, `async def` handlers that run the models on the loop.

Not `def` handlers: the hop to the thread pool costs more than these models (measured: twice the CPU a request).
"""

from typing import Annotated

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field
from workload import LOOKS_UP, as_rows, decision, scores, store

app = FastAPI()
models = scores()
features = store()


class Sample(BaseModel):
    features: Annotated[list[float], Field(min_length=30, max_length=30)]


class User(BaseModel):
    user_id: int


class Diagnosis(BaseModel):
    label: int
    proba: list[float]


class Decision(Diagnosis):
    decision: str


if LOOKS_UP:

    @app.post("/predict")
    async def predict_user(user: User) -> Decision:
        rows = features.of(user.user_id)
        if rows is None:
            raise HTTPException(404, "unknown user")
        label, proba = models(rows)
        chances = proba[0].tolist()
        return Decision(label=int(label[0]), proba=chances, decision=decision(chances[1]))

else:

    @app.post("/predict")
    async def predict(sample: Sample) -> Diagnosis:
        label, proba = models(as_rows(sample.features))
        return Diagnosis(label=int(label[0]), proba=proba[0].tolist())
