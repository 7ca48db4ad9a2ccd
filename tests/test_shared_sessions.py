"""Graphs of one file that do the same work have one model of it: one file, one session, one copy in memory."""

import json
from pathlib import Path

import httpx
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

    assert [file.name for file in (service / "models").iterdir()] == ["scaler_softmax_mul.onnx"]
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
