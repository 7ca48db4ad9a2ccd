"""Pre-processing in the graph: a tokenizer and an image decoder of onnxruntime-extensions, fused and served."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from dagc.artifacts.write import write
from dagc.compile import Compilation, compile_file
from dagc.diagnostics import Report
from dagc.models.acceptance import accept
from dagc.models.extensions import needed_by
from dagc.models.model_error import ModelError
from dagc.models.runner import Runner
from tests.running import ROOT, serving

pytestmark = pytest.mark.ort

WORDS = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("the", "fox", "jump", "##s", "##ing", "over", "a", "lazy", "dog", "quick", "##ly", "brown", "!"),
)
TABLE = np.random.default_rng(0).standard_normal((len(WORDS), 8)).astype(np.float32)
KERNEL = np.random.default_rng(1).standard_normal((2, 3)).astype(np.float32)
GRAPH = """
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32, u8

File = Annotated[NDArray[np.uint8], u8("bytes")]
Tint = Annotated[NDArray[np.float32], f32(2)]
Embedding = Annotated[NDArray[np.float32], f32(8)]

decode = dagc.onnx("decode.onnx")
classify = dagc.onnx("classify.onnx")
tokens = dagc.onnx("tokens.onnx")
embed = dagc.onnx("embed.onnx")


@dagc.step
def file(image: bytes) -> File:
    return np.frombuffer(image, np.uint8)


@dagc.graph(deadline_s=5)
def tint(image: bytes) -> Tint:
    return classify(decode(file(image)))


@dagc.graph
def embedding(text: str) -> Embedding:
    return embed(tokens(text))
"""


def model(
    nodes: list[NodeProto], feed: tuple, fetch: tuple, constants: dict[str, np.ndarray], domain: str
) -> bytes:
    ports = [[helper.make_tensor_value_info(*port)] for port in (feed, fetch)]
    values = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    graph = helper.make_graph(nodes, "g", *ports, values)
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def decode() -> bytes:
    """The bytes of an image to `f32[1, 3, H, W]`."""
    nodes = [
        helper.make_node("Reshape", ["image", "flat"], ["bytes"]),
        helper.make_node("DecodeImage", ["bytes"], ["bgr"], domain="com.microsoft.extensions"),
        helper.make_node("Cast", ["bgr"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["numbers"], ["planes"], perm=[2, 0, 1]),
        helper.make_node("Unsqueeze", ["planes", "zero"], ["pixels"]),
    ]
    constants = {"flat": np.array([-1], np.int64), "zero": np.array([0], np.int64)}
    image = ("image", TensorProto.UINT8, [1, "bytes"])
    pixels = ("pixels", TensorProto.FLOAT, [1, 3, "H", "W"])
    return model(nodes, image, pixels, constants, "com.microsoft.extensions")


def classify() -> bytes:
    """The mean colour of a picture, times a matrix."""
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["colour"], axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["colour", "kernel"], ["tint"], transB=1),
    ]
    pixels = ("pixels", TensorProto.FLOAT, ["N", 3, "H", "W"])
    return model(nodes, pixels, ("tint", TensorProto.FLOAT, ["N", 2]), {"kernel": KERNEL}, "")


def tokens() -> bytes:
    """A text to the numbers of its word pieces, as BERT has them."""
    nodes = [
        helper.make_node("BertTokenizer", ["text"], ["ids", "types", "mask"], domain="ai.onnx.contrib",
                         vocab_file="\n".join(WORDS), do_lower_case=1),
        helper.make_node("Unsqueeze", ["ids", "zero"], ["tokens"]),
    ]  # fmt: skip
    text, found = ("text", TensorProto.STRING, [1]), ("tokens", TensorProto.INT64, [1, "T"])
    return model(nodes, text, found, {"zero": np.array([0], np.int64)}, "ai.onnx.contrib")


def embed() -> bytes:
    """The mean of the tokens' rows of a table."""
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["rows"]),
        helper.make_node("ReduceMean", ["rows"], ["embedding"], axes=[1], keepdims=0),
    ]
    found = ("embedding", TensorProto.FLOAT, ["N", 8])
    return model(nodes, ("tokens", TensorProto.INT64, ["N", "T"]), found, {"table": TABLE}, "")


def mean_of(*words: str) -> np.ndarray:
    return TABLE[[WORDS.index(word) for word in ("[CLS]", *words, "[SEP]")]].mean(axis=0)


def png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


PICTURE = np.random.default_rng(2).integers(0, 255, (9, 14, 3), np.uint8)
TINT = KERNEL @ PICTURE.astype(np.float32).mean(axis=(0, 1))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Compilation, Path]:
    folder = tmp_path_factory.mktemp("fuse")
    for make in (decode, classify, tokens, embed):
        (folder / f"{make.__name__}.onnx").write_bytes(make())
    (folder / "graph.py").write_text(GRAPH, encoding="utf-8")
    (folder / "requests").mkdir()
    request = {"image": base64.b64encode(png(PICTURE)).decode()}
    case = {"graph": "tint", "request": request, "response": TINT.tolist(), "tolerance": 1e-3}
    (folder / "requests" / "tint.json").write_text(json.dumps(case), encoding="utf-8")
    compilation = compile_file(folder / "graph.py", Report(), lambda _words: None)
    write(compilation.tree, folder / "build")
    return compilation, folder / "build" / "services" / "graph"


@pytest.fixture(scope="module")
def client(built: tuple[Compilation, Path]) -> Iterator[httpx.Client]:
    with serving(built[1]) as address, httpx.Client(base_url=address) as client:
        yield client


def test_tokenizer_and_decoder_are_one_session_with_the_model_behind_them(built: tuple[Compilation, Path]) -> None:
    (service,) = built[0].planned.plan.services
    assert sorted(session.parts for session in service.sessions) == [("decode", "classify"), ("tokens", "embed")]
    assert all(session.one_by_one for session in service.sessions)


def test_the_service_asks_for_the_library(built: tuple[Compilation, Path]) -> None:
    assert "onnxruntime-extensions" in (built[1] / "requirements.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.port
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The quick fox jumps!", ("the", "quick", "fox", "jump", "##s", "!")),
        ("the brown dog", ("the", "brown", "dog")),
        ("", ()),
        ("zebra", ("[UNK]",)),
    ],
)
def test_text_becomes_an_embedding_in_one_run(client: httpx.Client, text: str, words: tuple[str, ...]) -> None:
    answer = client.post("/v1/embedding", json={"text": text})
    assert answer.status_code == 200, answer.text
    assert np.allclose(answer.json(), mean_of(*words), atol=1e-6)


@pytest.mark.port
def test_an_image_becomes_a_classification_in_one_run(client: httpx.Client) -> None:
    answer = client.post("/v1/tint", content=png(PICTURE), headers={"content-type": "image/png"})
    assert np.allclose(answer.json(), TINT, atol=1e-3)


@pytest.mark.port
@pytest.mark.parametrize(
    "image",
    [
        b"no image", b"\1", bytes(100), cv2.imencode(".jpg", PICTURE)[1].tobytes()[:200], b"GIF89a" + bytes(50),
        png(PICTURE)[:100], png(PICTURE)[:40] + b"\xff" + png(PICTURE)[41:],
    ],
    ids=["text", "one byte", "zeros", "jpeg", "gif", "half a png", "broken png"],
)  # fmt: skip
def test_a_file_that_would_end_the_decoders_process_fails_alone(client: httpx.Client, image: bytes) -> None:
    refused = client.post("/v1/tint", content=image, headers={"content-type": "image/png"})
    assert refused.status_code == 500
    answer = client.post("/v1/tint", content=png(PICTURE), headers={"content-type": "image/png"})
    assert np.allclose(answer.json(), TINT, atol=1e-3)


def test_a_guarded_model_is_not_guarded_twice_and_says_so() -> None:
    first = accept(decode(), "decode.onnx", ROOT, {}, {})
    assert first.rewritten is not None and any("PNG" in remark for remark in first.signature.remarks)
    assert accept(first.rewritten, "decode.onnx", ROOT, {}, {}).rewritten is None
    assert [str(port.type) for port in first.signature.outputs] == ["f32[1, 3, ?, ?]"]
    found = Runner(first.rewritten).run({"image": np.frombuffer(png(PICTURE), np.uint8)[np.newaxis]}, ["pixels"])[
        0
    ]
    assert np.array_equal(found[0].transpose(1, 2, 0), PICTURE)


def test_an_image_that_is_decoded_in_a_branch_is_refused() -> None:
    proto = onnx.load_from_string(decode())
    inner = helper.make_graph([proto.graph.node[1]], "then", [], [helper.make_empty_tensor_value_info("bgr")])
    branch = helper.make_node("If", ["yes"], ["bgr"], then_branch=inner, else_branch=inner)
    proto.graph.node[1].CopyFrom(branch)
    proto.graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    with pytest.raises(ModelError) as caught:
        accept(proto.SerializeToString(), "decode.onnx", ROOT, {}, {})
    assert caught.value.code == "E0431"


def test_a_model_that_only_mentions_the_domain_needs_no_library() -> None:
    proto = onnx.load_from_string(embed())
    proto.doc_string = "as ai.onnx.contrib does"
    assert not needed_by(proto.SerializeToString())
    assert needed_by(tokens()) and needed_by(decode())


def test_without_the_library_the_model_is_refused_with_what_to_install() -> None:
    script = "import sys; sys.modules['onnxruntime_extensions'] = None\n"
    script += "import onnx; from dagc.models.forbidden import refuse_forbidden\n"
    script += "refuse_forbidden(onnx.load_from_string(sys.stdin.buffer.read()), 'tokens.onnx')"
    done = subprocess.run(
        [sys.executable, "-c", script], input=tokens(), capture_output=True, cwd=ROOT, check=False
    )
    assert b"uses operator `BertTokenizer` of onnxruntime-extensions, which is not installed" in done.stderr
