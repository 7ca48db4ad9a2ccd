"""Service folders as a build writes them, with real models, loaded from copied files as a container loads them."""

import asyncio
import hashlib
import importlib
import json
import shutil
import sys
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from onnx import TensorProto, helper

ROOT = Path(__file__).parent.parent.parent
RUNTIME = ROOT / "dagc" / "runtime"
TENSORS = ROOT / "dagc" / "dsl" / "tensors.py"
SHIM = """
from dagc.tensors import f32, i64, string


class Refuse(Exception):
    def __init__(self, reason, field=None, status=422):
        self.reason, self.field, self.status = reason, field, status


def step(function=None, **options):
    return function if function is not None else lambda f: f


graph = step


def onnx(path, **options):
    return None
"""
LIMITS = {"deadline_s": 60.0, "max_body_bytes": 1_000_000, "max_json_depth": 32, "max_queue": 100_000}
TYPES = {"f32": TensorProto.FLOAT, "i64": TensorProto.INT64, "str": TensorProto.STRING}


def model(nodes: Sequence[tuple[str, str, str]], feeds: dict, fetches: dict, **initializers) -> bytes:
    """A model of `(operator, inputs, outputs)`; feeds and fetches are `name=(dtype, example dims)`."""
    made = [helper.make_node(op, inputs.split(), outputs.split()) for op, inputs, outputs in nodes]
    ports = [
        [helper.make_tensor_value_info(name, TYPES[dtype], ["N", *dims]) for name, (dtype, dims) in side.items()]
        for side in (feeds, fetches)
    ]
    values = [
        helper.make_tensor(n, TYPES[dtype], dims, list(flat)) for n, (dtype, dims, flat) in initializers.items()
    ]
    graph = helper.make_graph(made, "g", *ports, initializer=values)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def session(name: str, feeds: dict, fetches: dict, max_batch: int = 64, one_by_one: str | None = None) -> dict:
    """A session of `service.json`, that of a light model: without `run_ms` the service would measure that."""

    def side(ports: dict) -> list[dict]:
        return [{"name": n, "dtype": dtype, "dims": list(dims)} for n, (dtype, dims) in ports.items()]

    return {
        "name": name, "model": f"models/{name}.onnx", "feeds": side(feeds), "fetches": side(fetches),
        "max_batch": max_batch, "one_by_one": one_by_one, "run_ms": 0.1,
    }  # fmt: skip


def endpoint(name: str, *, parameters: Sequence[str], body: str | None, waits: bool = False, **limits) -> dict:
    return {
        "name": name, "version": "1.0.0", "route": f"/v1/{name}", "parameters": list(parameters), "body": body,
        "waits": waits, "limits": LIMITS | limits,
    }  # fmt: skip


@dataclass
class Folder:
    """A service folder in the making."""

    path: Path

    def write(
        self,
        graph: str,
        main: str,
        endpoints: list[dict],
        sessions: list[tuple[dict, bytes]],
        steps: Sequence[str] = (),
        guards: Sequence[dict] = (),
    ) -> "Folder":
        path = self.path
        (path / "models").mkdir(parents=True)
        for settings, content in sessions:
            settings["sha256"] = hashlib.sha256(content).hexdigest()
            (path / settings["model"]).write_bytes(content)
        document = {
            "service": "test", "dagc_version": "0.1.0", "endpoints": endpoints,
            "sessions": [settings for settings, _ in sessions], "steps": list(steps),
            "guards": list(guards),
        }  # fmt: skip
        (path / "service.json").write_text(json.dumps(document))
        (path / "openapi.json").write_text("{}")
        (path / "graph.py").write_text(graph)
        (path / "main.py").write_text(f"import graph\nfrom dagc_runtime import Service, together\n\n{main}")
        (path / "dagc").mkdir()
        (path / "dagc" / "__init__.py").write_text(SHIM)
        shutil.copy(TENSORS, path / "dagc" / "tensors.py")
        shutil.copytree(RUNTIME, path / "dagc_runtime", ignore=shutil.ignore_patterns("shim", "__pycache__"))
        run = path / "dagc_runtime" / "run.py"
        if not run.exists():
            run.write_text("def serve(service): ...\n")
        return self

    def load(self, turn_s: float = 60.0) -> ModuleType:
        """The module `main` of the folder; the names it takes in `sys.modules` are given back.

        Its turns of the loop end when the work is done: a machine that is slow or busy must not split a batch.
        """
        with _alone(("main", "graph", "dagc", "dagc_runtime")):
            sys.path.insert(0, str(self.path))
            try:
                importlib.invalidate_caches()
                main = importlib.import_module("main")
            finally:
                sys.path.remove(str(self.path))
            batcher, turn = sys.modules["dagc_runtime.batcher"], sys.modules["dagc_runtime.turn"]
            batcher.TURN_S = turn.TURN_S = turn.CATCH_UP_S = turn_s
        return main

    def serve(self, turn_s: float = 60.0) -> "Served":
        main = self.load(turn_s)
        main.service.warm_up()
        return Served(main)


@contextmanager
def _alone(names: tuple[str, ...]) -> Iterator[None]:
    def taken() -> dict[str, ModuleType]:
        return {name: module for name, module in sys.modules.items() if name.split(".")[0] in names}

    before = taken()
    for name in before:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in taken():
            del sys.modules[name]
        sys.modules.update(before)


@dataclass
class Served:
    """A warm service, spoken to through the seam of the front."""

    main: ModuleType

    def call(self, route: str, body: object, *, timeout_s: float = 30.0) -> Awaitable:
        """A future of the answer; `body` is bytes or JSON to be."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        ticket = self.main.service.endpoints[route].accept(raw, loop.time() + timeout_s, future.set_result)
        future.ticket = ticket
        return future

    def ask(self, route: str, *bodies: object) -> list[tuple[int, object]]:
        """Status and JSON of the answers to requests that arrive in one loop turn."""

        async def ask() -> list:
            return await asyncio.gather(*[self.call(route, body) for body in bodies])

        return [(answer.status, json.loads(answer.body)) for answer in asyncio.run(ask())]


class Counted:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, int]] = []
        self.sheds: list[str] = []
        self.stages: list[str] = []
        self.depths: list[int] = []
        self.flying = 0
        self.parts: list[str] = []
        self.events: list[tuple[str, ...]] = []
        self.waits: list[str] = []

    def in_flight(self, change: int) -> None:
        self.flying += change

    def queue_depth(self, depth: int) -> None:
        self.depths.append(depth)

    def batch(self, session: str, size: int, seconds: float) -> None:
        self.batches.append((session, size))

    def part(self, node: str, seconds: float) -> None:
        self.parts.append(node)

    def event(self, family: str, *labels: str) -> None:
        self.events.append((family, *labels))

    def waited(self, queue: str, seconds: float) -> None:
        self.waits.append(queue)

    def shed(self, reason: str) -> None:
        self.sheds.append(reason)

    def deadline(self, stage: str) -> None:
        self.stages.append(stage)


class Kit:
    """What tests of the runtime build folders with."""

    model = staticmethod(model)
    session = staticmethod(session)
    endpoint = staticmethod(endpoint)
    Counted = Counted


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "service")


@pytest.fixture
def picker(kit: type[Kit]) -> bytes:
    """`score = table[index]`: an index outside the table fails the whole run, which makes it a poison."""
    return kit.model(
        [("Gather", "table index", "found"), ("Mul", "found scale", "score")],
        {"index": ("i64", ()), "scale": ("f32", ())},
        {"score": ("f32", ())},
        table=("f32", [1000], range(1000)),
    )
