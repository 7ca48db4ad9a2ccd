"""One built service with graphs of every kind of tensor, on two ports, and the unchanged clients of Triton."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType

import httpx
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report

GRAPH = """
import asyncio
import os
from enum import Enum
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

import dagc
from dagc import boolean, f16, f32, i64, string, u8

Row = Annotated[NDArray[np.float32], f32(3)]
Number = Annotated[NDArray[np.float32], f32()]
Half = Annotated[NDArray[np.float16], f16(2)]
Pixels = Annotated[NDArray[np.uint8], u8(2, 2)]
Flags = Annotated[NDArray[np.bool_], boolean(2)]
Counts = Annotated[NDArray[np.int64], i64("n")]
Words = Annotated[NDArray[np.object_], string(2)]


class Cut(Enum):
    FAIR = "Fair"
    GOOD = "Good"


class Stone(BaseModel):
    model_config = ConfigDict(populate_by_name=False)

    carat: float = Field(gt=0, le=10)
    cut: Cut
    facets: int = Field(alias="number of facets", ge=0)
    polished: bool = True


class Quote(BaseModel):
    text: str
    price: float
    facets: int
    good: bool
    cut: Cut
    row: Row


@dagc.step
def priced(stone: Stone, row: Row) -> Quote:
    row += 1  # a step may write to what it is given
    if stone.carat == 9:
        raise dagc.Refuse("nobody sells these", field="stone.carat")
    text = f"{stone.cut.value}, {'' if stone.polished else 'un'}polished, größer"
    return Quote(text=text, price=stone.carat * 2, facets=stone.facets, good=True, cut=stone.cut, row=row)


@dagc.step
def summed(a: Row, b: Row) -> Number:
    return np.float32(a.sum() + b.sum())


@dagc.step
def turned(half: Half, pixels: Pixels, flags: Flags, words: Words) -> tuple[Half, Pixels, Flags, Words]:
    return -half, 255 - pixels, ~flags, np.array([word[::-1] for word in words], object)


@dagc.step
def doubled(counts: Counts) -> Counts:
    return counts * 2


@dagc.step
def weighed(image: bytes) -> int:
    return len(image)


@dagc.step
def inverse(row: Row) -> Row:
    with np.errstate(divide="ignore"):
        return 1 / row


@dagc.step
async def waited(seconds: float) -> float:
    await asyncio.sleep(seconds * float(os.environ.get("SLOWNESS", "0")))
    return seconds


@dagc.step
def named(word: str) -> dict[str, float]:
    return {word: 1.0}


@dagc.graph(version="1.2.0")
def quote(stone: Stone, row: Row) -> Quote:
    return priced(stone, row)


@dagc.graph(version="1.2.0")
def total(a: Row, b: Row) -> Number:
    return summed(a, b)


@dagc.graph(version="1.2.0")
def turn(half: Half, pixels: Pixels, flags: Flags, words: Words) -> tuple[Half, Pixels, Flags, Words]:
    a, b, c, d = turned(half, pixels, flags, words)
    return a, b, c, d


@dagc.graph(version="1.2.0")
def double(counts: Counts) -> Counts:
    return doubled(counts)


@dagc.graph(version="1.2.0")
def weigh(image: bytes) -> int:
    return weighed(image)


@dagc.graph(version="1.2.0")
def invert(row: Row) -> Row:
    return inverse(row)


@dagc.graph(version="1.2.0", deadline_s=2.0)
def wait(seconds: float) -> float:
    return waited(seconds)


@dagc.graph(version="1.2.0")
def name(word: str) -> dict[str, float]:
    return named(word)
"""
CLIENTS = {"rest": tritonclient.http, "grpc": tritonclient.grpc}


@dataclass(frozen=True)
class Running:
    """A service that answers on two ports."""

    http: str
    grpc: str
    process: subprocess.Popen[str]

    def address(self, kind: str) -> str:
        return self.http if kind == "rest" else self.grpc


@dataclass(frozen=True)
class Asking:
    """One of the two synchronous clients, and what it makes inputs of."""

    client: "tritonclient.http.InferenceServerClient | tritonclient.grpc.InferenceServerClient"
    module: ModuleType
    kind: str

    def inputs(self, arrays: Mapping[str, np.ndarray] = MappingProxyType({}), **more: np.ndarray) -> list:
        return inputs(self.module, arrays, **more)

    def wanted(self, *names: str) -> list:
        return [self.module.InferRequestedOutput(name) for name in names]


def inputs(
    module: ModuleType, arrays: Mapping[str, np.ndarray] = MappingProxyType({}), **more: np.ndarray
) -> list:
    """Inputs by name."""
    made = []
    for name, array in {**arrays, **more}.items():
        each = module.InferInput(name, list(array.shape), tritonclient.http.np_to_triton_dtype(array.dtype))
        each.set_data_from_numpy(array)
        made.append(each)
    return made


def build(folder: Path, text: str) -> Path:
    """The folder of the one service that a graph file compiles to."""
    (folder / "graph.py").write_text(text, encoding="utf-8")
    write(compile_file(folder / "graph.py", Report(), lambda _words: None).tree, folder / "build")
    (found,) = (folder / "build" / "services").iterdir()
    return found


@contextmanager
def running(folder: Path, *words: str, **environment: str) -> Iterator[Running]:
    """The service of a folder, ended in order."""
    command = [sys.executable, "main.py", "--port", "0", "--grpc-port", "0", "--drain-s", "0", *words]
    known = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "DAGC_ACCESS_LOG": "off", "SLOWNESS": "1"}
    with subprocess.Popen(
        command, cwd=folder, env=known | environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            http = process.stdout.readline().strip().rpartition("//")[2]
            grpc = process.stdout.readline().strip().rpartition(" ")[2]
            assert http and grpc
            yield Running(http, grpc, process)
        finally:
            process.terminate()
        assert process.wait(30) == 0


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("oip"), GRAPH)


@pytest.fixture(scope="session")
def service(folder: Path) -> Iterator[Running]:
    with running(folder, "--workers", "2") as found:
        yield found


@pytest.fixture(scope="session")
def own(service: Running) -> Iterator[httpx.Client]:
    """A client of the service's own API."""
    with httpx.Client(base_url=f"http://{service.http}") as client:
        yield client


@pytest.fixture(params=["rest", "grpc"])
def ask(request: pytest.FixtureRequest, service: Running) -> Iterator[Asking]:
    module = CLIENTS[request.param]
    client = module.InferenceServerClient(service.address(request.param))
    yield Asking(client, module, request.param)
    client.close()


def stones(count: int) -> dict[str, np.ndarray]:
    """Inputs of `quote`."""
    return {
        "stone.carat": np.linspace(1, 5, count).reshape(count, 1),
        "stone.cut": np.array([[("Fair", "Good")[n % 2]] for n in range(count)], object),
        "stone.number of facets": np.arange(count).reshape(count, 1),
        "row": np.arange(3 * count, dtype=np.float32).reshape(count, 3) / 7,
    }


def metric(own: httpx.Client, name: str, **labels: str) -> float:
    """A number of the service; one that is not there is 0."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    lines = [line for line in own.get("/metrics").text.splitlines() if line.startswith(f"{name}{{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines if all(each in line for each in wanted))


def eventually(check, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, "it has not come to pass"
        time.sleep(0.05)


def post(own: httpx.Client, model: str, body: object, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return own.post(f"/v2/models/{model}/infer", content=content, headers=headers)
