"""S1 in mosec: one stage, batches, typed bodies through msgspec."""

import os
from typing import Annotated, Literal

import msgspec
from diamonds import Bands
from mosec import Server, Worker
from mosec.errors import DecodingError, ValidationError

BATCH = int(os.environ.get("BENCH_BATCH", "1"))
WAIT_MS = int(os.environ.get("BENCH_WAIT_MS", "1"))
WORKERS = int(os.environ.get("BENCH_WORKERS", "2"))

Percent = Annotated[float, msgspec.Meta(gt=0, lt=100)]
Length = Annotated[float, msgspec.Meta(ge=0, lt=100)]


class Diamond(msgspec.Struct):
    carat: Annotated[float, msgspec.Meta(gt=0, le=10)]
    depth: Percent
    table: Percent
    x: Length
    y: Length
    z: Length
    cut: Literal["Fair", "Good", "Very Good", "Premium", "Ideal"]
    color: Literal["D", "E", "F", "G", "H", "I", "J"]
    clarity: Literal["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]


class Predict(Worker):
    def __init__(self) -> None:
        super().__init__()
        self._bands = Bands()
        self._decoder = msgspec.json.Decoder(Diamond)
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

    def forward(self, data):
        together = data if BATCH > 1 else [data]
        answers = self._bands([msgspec.structs.asdict(each) for each in together])
        return answers if BATCH > 1 else answers[0]


if __name__ == "__main__":
    server = Server()
    wait_ms = WAIT_MS if BATCH > 1 else 0
    server.append_worker(Predict, num=WORKERS, max_batch_size=BATCH, max_wait_time=wait_ms)
    server.run()
