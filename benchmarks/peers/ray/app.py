"""Ray Serve: `BENCH_SHAPE=graph` is one deployment per model and an ingress that composes their handles, as its
documentation does; `single` is everything in one deployment with `BENCH_WORKERS` replicas.

Access logs are off, arrays go between deployments in parallel, and handles are not awaited before they must be.
"""

import asyncio
import os
import time

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse
from workload import (
    LOOKS_UP,
    PORT,
    VOTERS,
    WORKERS,
    WORKLOAD,
    Model,
    as_rows,
    first_answer,
    scores,
    soft_vote,
    store,
)

SHAPE = os.environ.get("BENCH_SHAPE", "graph")
OPTIONS = {
    "ray_actor_options": {"num_cpus": 0.1},
    "max_ongoing_requests": 256,
    "logging_config": {"enable_access_log": False},
}


@serve.deployment(**OPTIONS)
class Scaler:
    def __init__(self) -> None:
        self._model = Model("scaler", "variable")

    async def __call__(self, rows):
        return self._model(rows)[0]


@serve.deployment(**OPTIONS)
class Classifier:
    def __init__(self) -> None:
        self._model = Model("classifier", "label", "probabilities")

    async def __call__(self, rows):
        return tuple(self._model(rows))


@serve.deployment(**OPTIONS)
class Voter:
    def __init__(self, name: str) -> None:
        self._model = Model(name, "probabilities")

    async def __call__(self, rows):
        return self._model(rows)[0]


async def rows_of(request: Request, features):
    """The request's row, or None for an unknown user."""
    body = await request.json()
    return features.of(body["user_id"]) if LOOKS_UP else as_rows(body["features"])


@serve.deployment(**OPTIONS)
class ChainIngress:
    def __init__(self, scaler, classifier) -> None:
        self._scaler, self._classifier = scaler, classifier

    async def __call__(self, request: Request):
        rows = await rows_of(request, None)
        return first_answer(await self._classifier.remote(self._scaler.remote(rows)))


@serve.deployment(**OPTIONS)
class VoteIngress:
    def __init__(self, *voters) -> None:
        self._voters = voters
        self._features = store()

    async def __call__(self, request: Request):
        rows = await rows_of(request, self._features)
        if rows is None:
            return JSONResponse({"error": "unknown user"}, 404)
        chances = await asyncio.gather(*[voter.remote(rows) for voter in self._voters])
        return first_answer(soft_vote(chances))


@serve.deployment(num_replicas=WORKERS, **OPTIONS)
class Single:
    def __init__(self) -> None:
        self._models = scores()
        self._features = store()

    async def __call__(self, request: Request):
        rows = await rows_of(request, self._features)
        if rows is None:
            return JSONResponse({"error": "unknown user"}, 404)
        return first_answer(self._models(rows))


def application():
    """The application of the shape and workload."""
    if SHAPE == "single":
        return Single.bind()
    if WORKLOAD == "w1":
        return ChainIngress.bind(Scaler.bind(), Classifier.bind())
    return VoteIngress.bind(*[Voter.options(name=name).bind(name) for name in VOTERS])


if __name__ == "__main__":
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        logging_level="ERROR",
        log_to_driver=False,
        object_store_memory=200 * 1024 * 1024,
    )
    serve.start(http_options={"host": "127.0.0.1", "port": PORT}, logging_config={"enable_access_log": False})
    serve.run(application(), route_prefix="/predict")
    while True:
        time.sleep(1)
