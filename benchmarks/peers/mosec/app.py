"""mosec: one stage of workers, one request at a time or batched (`BENCH_BATCH` is the largest batch).

With `BENCH_CODEC=msgspec` bodies go through msgspec, typed, instead of mosec's default `json`: it validates, and
is much faster. A refused request fails the whole batch it is in, because mosec has one status for a batch.
"""

import os
from typing import Annotated

import msgspec
import numpy as np
from mosec import Server, Worker
from mosec.errors import DecodingError, ValidationError
from workload import LOOKS_UP, WORKERS, answer, scores, store

BATCH = int(os.environ.get("BENCH_BATCH", "1"))
WAIT_MS = int(os.environ.get("BENCH_WAIT_MS", "1"))
TYPED = os.environ.get("BENCH_CODEC") == "msgspec"


class Predict(Worker):
    """Bodies as mosec reads them by default: plain dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self._models = scores()
        self._store = store()

    def forward(self, data):
        return self._answers(data) if BATCH > 1 else self._answers([data])[0]

    def _answers(self, requests: list) -> list[dict[str, object]]:
        label, proba = self._models(self._rows(requests))
        return [answer(*one) for one in zip(label.tolist(), proba.tolist(), strict=True)]

    def _rows(self, requests: list):
        member = self._member
        if self._store is None:
            return np.array([member(each, "features") for each in requests], dtype=np.float32).reshape(-1, 30)
        found = [self._store.of(member(each, "user_id")) for each in requests]
        if any(row is None for row in found):
            raise ValidationError("unknown user")
        return np.concatenate(found)

    def _member(self, request: dict, name: str):
        try:
            return request[name]
        except KeyError as error:
            raise ValidationError(f"no {name}") from error


class Sample(msgspec.Struct):
    features: Annotated[list[float], msgspec.Meta(min_length=30, max_length=30)]


class User(msgspec.Struct):
    user_id: int


class TypedPredict(Predict):
    """Bodies through msgspec."""

    def __init__(self) -> None:
        super().__init__()
        self._decoder = msgspec.json.Decoder(User if LOOKS_UP else Sample)
        self._encoder = msgspec.json.Encoder()

    def deserialize(self, data: bytes) -> object:
        try:
            return self._decoder.decode(data)
        except msgspec.ValidationError as error:
            raise ValidationError(str(error)) from error
        except msgspec.DecodeError as error:
            raise DecodingError(str(error)) from error

    def serialize(self, data: object) -> bytes:
        return self._encoder.encode(data)

    def _member(self, request: object, name: str):
        return getattr(request, name)


if __name__ == "__main__":
    server = Server()
    wait_ms = WAIT_MS if BATCH > 1 else 0
    worker = TypedPredict if TYPED else Predict
    server.append_worker(worker, num=WORKERS, max_batch_size=BATCH, max_wait_time=wait_ms)
    server.run()
