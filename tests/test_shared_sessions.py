"""Graphs of one file that do the same work have one model of it: one file, one session, one copy in memory."""

import json
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report
from tests.dsl.user_files import HEADER, MODELS
from tests.running import serving

THREE = """
Embedding = Row


@dagc.step
def first(embedding: Embedding) -> float:
    return float(embedding[0])


@dagc.step
def largest(embedding: Embedding) -> float:
    return float(embedding.max())


@dagc.graph
def head(row: Row) -> float:
    scaled = scaler(row)
    return first(scaled * dagc.softmax(scaled))


@dagc.graph
def peak(vector: Row) -> float:
    encoded = scaler(vector)
    weights = dagc.softmax(encoded)
    return largest(encoded * weights)


@dagc.graph
def both(payment: Payment) -> tuple[float, float]:
    row = encode(payment)
    embedding = scaler(row) * dagc.softmax(scaler(row))
    return first(embedding), largest(embedding)
"""


@pytest.mark.ort
@pytest.mark.port
def test_three_graphs_with_one_encoder_build_and_load_it_once(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for make in MODELS:
        (tmp_path / "models" / f"{make.__name__}.onnx").write_bytes(make())
    (tmp_path / "graph.py").write_text(HEADER + THREE, encoding="utf-8")
    compilation = compile_file(tmp_path / "graph.py", Report(), lambda _words: None)
    write(compilation.tree, tmp_path / "build")
    service = tmp_path / "build" / "services" / "graph"

    assert [file.name for file in (service / "models").iterdir()] == ["scaler.onnx"]
    assert len(json.loads((service / "service.json").read_text(encoding="utf-8"))["sessions"]) == 1
    assert (service / "main.py").read_text(encoding="utf-8").count("service.session(") == 1

    row = [2.5] * 30
    with serving(service) as address, httpx.Client(base_url=address) as client:
        answers = [
            client.post(f"/v1/{name}", json=body).json()
            for name, body in (("head", {"row": row}), ("peak", {"vector": row}))
        ]
        pair = client.post("/v1/both", json={"amount": 2.5, "country": "DE"}).json()
    assert answers == pair


HEADS = """
encoder = dagc.onnx("encoder.onnx")


@dagc.graph
def mild(row: Row) -> Row:
    return encoder(row).encoded * 2.0


@dagc.graph
def strong(row: Row) -> Row:
    return dagc.softmax(encoder(row).encoded)


@dagc.graph
def spare(row: Row) -> Row:
    return encoder(row).spare
"""


def test_a_large_model_of_several_graphs_is_kept_whole_and_once(tmp_path: Path) -> None:
    (tmp_path / "encoder.onnx").write_bytes(encoder(weights=900))
    (tmp_path / "graph.py").write_text(HEADER.split("scaler = ")[0] + HEADS, encoding="utf-8")
    compilation = compile_file(tmp_path / "graph.py", Report(), lambda _words: None)
    (service,) = compilation.planned.plan.services
    assert [session.parts for session in service.sessions].count(("encoder",)) == 1
    large = [path for path, content in compilation.tree.files.items() if len(content) > 1024 * 1024]
    assert [path.rsplit("/", 1)[1] for path in large] == ["encoder.onnx"]
    kept = [remark for remark in compilation.planned.plan.remarks if remark.startswith("kept encoder whole")]
    assert kept == ["kept encoder whole: 3 MiB that 3 graphs or branches share"]


def encoder(weights: int) -> bytes:
    """Two outputs of 30 floats by way of `weights` hidden ones."""
    make, random = onnx.helper, np.random.default_rng(0)
    initializers = [
        onnx.numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name)
        for name, shape in (("a", (30, weights)), ("b", (weights, weights)), ("c", (weights, 30)))
    ]
    nodes = [
        make.make_node("MatMul", ["x", "a"], ["h"]),
        make.make_node("Tanh", ["h"], ["t"]),
        make.make_node("MatMul", ["t", "b"], ["m"]),
        make.make_node("Tanh", ["m"], ["n"]),
        make.make_node("MatMul", ["n", "c"], ["encoded"]),
        make.make_node("Neg", ["encoded"], ["spare"]),
    ]
    ports = [
        make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 30]) for name in ("x", "encoded", "spare")
    ]
    graph = make.make_graph(nodes, "encoder", ports[:1], ports[1:], initializers)
    return make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8).SerializeToString()
