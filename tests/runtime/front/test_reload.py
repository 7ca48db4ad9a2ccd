"""F4: models replaced under load. Whatever is wrong with a file, the one before it serves and no request fails."""

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.runtime.front.conftest import Process

pytestmark = [pytest.mark.port, pytest.mark.ort]

GRAPH = """
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(3)]
Scores = Annotated[NDArray[np.float32], f32(2)]


@dagc.graph
def rate(row: Row) -> Scores: ...
"""
MAIN = """
from dagc_runtime import reload

reload.EVERY_S = 0.05
service = Service(__file__)
rater = service.session("rater")
other = service.session("other")


@service.endpoint(graph.rate)
async def rate(row):
    return await rater(row) + 0 * await other(row)


if __name__ == "__main__":
    service.run()
"""
ROW = [1.0, -2.0, 0.5]
FEEDS, FETCHES = {"x": ("f32", (3,))}, {"score": ("f32", (2,))}
WEIGHTS = np.arange(6, dtype=np.float32)


def linear(kit, weights=WEIGHTS, feeds=FEEDS, fetches=FETCHES, **more) -> bytes:
    nodes = [("MatMul", "x w", "score")]
    return kit.model(nodes, feeds, fetches, w=("f32", [3, 2], weights), **more)


def answer_of(weights: np.ndarray) -> list[float]:
    return (np.array(ROW, np.float32) @ weights.reshape(3, 2)).tolist()


def changed(model: bytes, change: Callable[[onnx.ModelProto], object]) -> bytes:
    read = onnx.load_from_string(model)
    change(read)
    return read.SerializeToString()


def in_another_file(model: onnx.ModelProto) -> None:
    (weights,) = model.graph.initializer
    weights.data_location = TensorProto.EXTERNAL
    weights.ClearField("float_data")
    weights.external_data.add(key="location", value="weights.bin")


def one_row(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 99


def unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].op_type = "MatMull"


def renamed(name: str) -> Callable[[onnx.ModelProto], object]:
    def change(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            node.input[:] = ["given" if each == name else each for each in node.input]
            node.output[:] = ["given" if each == name else each for each in node.output]
        for port in (*model.graph.input, *model.graph.output):
            port.name = "given" if port.name == name else port.name

    return change


def bad_models(kit) -> dict[str, bytes]:
    """Each of them a way that a file may be wrong."""
    good = linear(kit, WEIGHTS + 1)
    only, wide, whole = [("MatMul", "x w", "score")], ("f32", [3, 4], range(12)), ("i64", (3,))
    first, w, zero = ("MatMul", "x w", "y"), ("f32", [3, 2], WEIGHTS), ("f32", [1], [0.0])

    def made(*nodes: tuple[str, str, str], fetches: dict = FETCHES, **more: object) -> bytes:
        return kit.model([first, *nodes], FEEDS, fetches, w=w, **more)

    return {
        "empty": b"",
        "no model": b"<html>404 not found</html>",
        "half of a model": good[: len(good) // 2],
        "another input": changed(good, renamed("x")),
        "another output": changed(good, renamed("score")),
        "a wider input": kit.model(only, {"x": ("f32", (4,))}, FETCHES, w=("f32", [4, 2], range(8))),
        "a wider output": kit.model(only, FEEDS, {"score": ("f32", (4,))}, w=wide),
        "an output that hides its size": kit.model(only, FEEDS, {"score": ("f32", ("k",))}, w=wide),
        "whole numbers": kit.model(only, {"x": whole}, {"score": ("i64", (2,))}, w=("i64", [3, 2], [1] * 6)),
        "not a number": made(("Div", "zero zero", "nan"), ("Add", "y nan", "score"), zero=zero),
        "infinite": made(("Exp", "large", "inf"), ("Add", "y inf", "score"), large=("f32", [1], [1000.0])),
        "one that fails": made(("Gather", "w far", "row"), ("Add", "y row", "score"), far=("i64", [], [7])),
        "one row at a time": changed(good, one_row),
        "rows that touch": made(("ReduceMax", "y", "most"), ("Sub", "y most", "score")),
        "an unknown operator": changed(good, unknown_operator),
        "an opset to come": changed(good, opset),
        "weights elsewhere": changed(good, in_another_file),
    }  # fmt: skip


class Load:
    """One client that asks all the time, and what it was answered."""

    def __init__(self, served: Process) -> None:
        self.answers: list[tuple[int, object]] = []
        self._wire = served.wire(30.0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        while not self._over.is_set():
            reply = self._wire.ask("/v1/rate", {"row": ROW})
            self.answers.append((reply.status, json.loads(reply.body)))
            time.sleep(0.002)

    def end(self) -> list[tuple[int, object]]:
        self._over.set()
        self._thread.join()
        self._wire.close()
        return self.answers


def reloads(served: Process, outcome: str) -> int:
    wire = served.wire(30.0)
    text = wire.get("/metrics").body.decode()
    wire.close()
    found = re.search(rf'dagc_model_reloads_total{{session="rater",outcome="{outcome}"}} (\d+)', text)
    return int(found[1]) if found else 0


def until(reached: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def put(models: Path, content: bytes) -> None:
    """As a deployment does: written elsewhere, then renamed."""
    (models / "next").write_bytes(content)
    (models / "next").rename(models / "rater.onnx")


@pytest.fixture
def served(folder, kit, start, tmp_path) -> Callable[..., Process]:
    def begin(**environment: str) -> Process:
        (tmp_path / "models").mkdir()
        rater = kit.session("rater", FEEDS, FETCHES) | {"reload": "rater.onnx"}
        other = kit.session("other", FEEDS, FETCHES)
        ends = [kit.endpoint("rate", parameters=["row"], body=None, deadline_s=30.0)]
        path = folder.write(GRAPH, MAIN, ends, [(rater, linear(kit)), (other, linear(kit))]).path
        return start(
            "--drain-s",
            "0",
            command=(str(path / "main.py"),),
            DAGC_MODELS_DIR=str(tmp_path / "models"),
            **environment,
        )

    return begin


def test_bad_models_are_refused_and_a_good_one_takes_over_under_load(served, kit, tmp_path) -> None:
    process, models = served(), tmp_path / "models"
    load = Load(process)
    bad = bad_models(kit)
    assert len(bad) >= 14
    for number, (what, content) in enumerate(bad.items(), start=1):
        put(models, content)
        until(lambda number=number: reloads(process, "refused") == number, what)
    (models / "rater.onnx").unlink()
    (models / "rater.onnx").mkdir()
    until(lambda: reloads(process, "refused") == len(bad) + 1, "a folder")
    (models / "rater.onnx").rmdir()
    assert reloads(process, "replaced") == 0
    answers = load.end()
    assert {status for status, _ in answers} == {200}
    assert all(answer == answer_of(WEIGHTS) for _, answer in answers)

    load = Load(process)
    put(models, linear(kit, WEIGHTS + 1))
    until(lambda: reloads(process, "replaced") == 1, "the good one")
    until(lambda: load.answers[-1] == (200, answer_of(WEIGHTS + 1)), "the new answers")
    (models / "rater.onnx").unlink()
    until(lambda: reloads(process, "replaced") == 2, "the built one")
    until(lambda: load.answers[-1] == (200, answer_of(WEIGHTS)), "the built one's answers")
    answers = load.end()
    assert {status for status, _ in answers} == {200}
    kinds = [json.dumps(answer) for _, answer in answers]
    assert len(set(kinds)) == 2 and sum(a != b for a, b in pairwise(kinds)) == 2


def test_every_worker_follows_also_one_that_is_started_later(served, kit, tmp_path) -> None:
    process, models = served(DAGC_WORKERS="2"), tmp_path / "models"
    put(models, linear(kit, WEIGHTS + 1))
    until(lambda: reloads(process, "replaced") == 2, "both workers")

    def answers() -> set[str]:
        found = set()
        for _ in range(12):
            wire = process.wire(30.0)
            found.add(wire.ask("/v1/rate", {"row": ROW}).body.decode())
            wire.close()
        return found

    assert {json.dumps(json.loads(answer)) for answer in answers()} == {json.dumps(answer_of(WEIGHTS + 1))}
    children = Path(f"/proc/{process.child.pid}/task/{process.child.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    until(lambda: reloads(process, "replaced") == 3, "the one that took its place")
    assert {json.dumps(json.loads(answer)) for answer in answers()} == {json.dumps(answer_of(WEIGHTS + 1))}


def test_a_folder_that_is_none_stops_the_start(folder, kit, tmp_path) -> None:
    from dagc.runtime.reload import models_folder
    from dagc.runtime.settings import StartError

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGC_MODELS_DIR", str(tmp_path / "nowhere"))
        with pytest.raises(StartError, match="models_dir"):
            models_folder()
        patch.setenv("DAGC_MODELS_DIR", "")
        assert models_folder() is None


def test_what_hangs_or_crashes_does_so_in_a_process_of_its_own(monkeypatch, kit) -> None:
    from dagc.runtime import reload
    from dagc.runtime.settings import Port, SessionSettings

    settings = SessionSettings(
        "rater",
        "models/rater.onnx",
        "",
        (Port("x", "f32", (3,)),),
        (Port("score", "f32", (2,)),),
        8,
        reload="rater.onnx",
    )
    body = helper.make_graph(
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name in ("go", "state")],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state_out", TensorProto.FLOAT, None),
        ],
    )
    endless = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("MatMul", ["x", "w"], ["y"]),
                helper.make_node("Loop", ["", "yes", "y"], ["score"], body=body),
            ],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
            [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N", 2])],
            initializer=[
                numpy_helper.from_array(WEIGHTS.reshape(3, 2), "w"),
                numpy_helper.from_array(np.array(True), "yes"),
            ],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    ).SerializeToString()
    zeros = {"x": np.zeros((2, 3), np.float32)}
    assert reload._tried(linear(kit), settings, [zeros]) is None
    monkeypatch.setattr(reload, "PATIENCE_S", 2)
    assert "within 2 s" in str(reload._tried(endless, settings, [zeros]))
