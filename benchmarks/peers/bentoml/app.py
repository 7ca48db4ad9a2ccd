"""BentoML: `BENCH_SHAPE=graph` is one service per model joined with `bentoml.depends`, as its documentation does;
`single` is one service with `BENCH_WORKERS` workers. The access log is off; uvloop is installed."""

import asyncio
import os
from typing import Annotated

import bentoml
import numpy as np
from bentoml.exceptions import NotFound
from pydantic import BaseModel, Field
from workload import LOOKS_UP, VOTERS, WORKERS, WORKLOAD, Model, as_rows, first_answer, scores, soft_vote, store

SHAPE = os.environ.get("BENCH_SHAPE", "single")
QUIET = {"logging": {"access": {"enabled": False}}}

Sample = Annotated[list[float], Field(min_length=30, max_length=30)]


class Diagnosis(BaseModel):
    label: int
    proba: list[float]


class Decision(Diagnosis):
    decision: str


Answer = Decision if LOOKS_UP else Diagnosis


def part(name: str, fetch: str) -> object:
    """A service of one model."""

    class Part:
        def __init__(self) -> None:
            self._model = Model(name, fetch)

        @bentoml.api
        def run(self, rows: np.ndarray) -> np.ndarray:
            return self._model(rows)[0]

    Part.__name__ = Part.__qualname__ = f"Part_{name}"
    return bentoml.service(workers=1, **QUIET)(Part)


if SHAPE == "graph":
    if WORKLOAD == "w1":
        Part_scaler, Part_classifier = part("scaler", "variable"), part("classifier", "probabilities")
    else:
        Part_logistic, Part_neural, Part_forest = (part(name, "probabilities") for name in VOTERS)


class Composed:
    """The models' answers over their services."""

    if SHAPE == "graph" and WORKLOAD == "w1":
        scaler = bentoml.depends(Part_scaler)
        classifier = bentoml.depends(Part_classifier)
    elif SHAPE == "graph":
        logistic = bentoml.depends(Part_logistic)
        neural = bentoml.depends(Part_neural)
        forest = bentoml.depends(Part_forest)

    def __init__(self) -> None:
        self.features = store()
        self.models = scores() if SHAPE == "single" else None

    async def answer(self, rows: np.ndarray) -> BaseModel:
        if self.models is not None:
            found = self.models(rows)
        elif WORKLOAD == "w1":
            scaled = await self.scaler.to_async.run(rows)
            found = soft_vote([await self.classifier.to_async.run(scaled)])
        else:
            voters = (self.logistic, self.neural, self.forest)
            found = soft_vote(await asyncio.gather(*[voter.to_async.run(rows) for voter in voters]))
        return Answer(**first_answer(found))


if LOOKS_UP:

    class Service(Composed):
        @bentoml.api
        async def predict(self, user_id: int) -> Answer:
            rows = self.features.of(user_id)
            if rows is None:
                raise NotFound("unknown user")
            return await self.answer(rows)

else:

    class Service(Composed):
        @bentoml.api
        async def predict(self, features: Sample) -> Answer:
            return await self.answer(as_rows(features))


workers = WORKERS if SHAPE == "single" else 1
Service = bentoml.service(workers=workers, traffic={"timeout": 30}, **QUIET)(Service)
