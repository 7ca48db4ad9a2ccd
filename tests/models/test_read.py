"""Reading model files: every way a file can be wrong has its code and words and, if there is one, a way out."""

import hashlib
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from dagc.models.read import ModelError, read_model
from dagc.models.runner import Runner

pytestmark = pytest.mark.ort

TEXT = "g (float[N,3] x) => (float[N,3] y) <float[3] w = {1.0, 2.0, 3.0}> { y = Add(x, w) }"


def model(text: str = TEXT, opset: int = 17) -> onnx.ModelProto:
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> {text}')


def save(folder: Path, proto: onnx.ModelProto, name: str = "score.onnx") -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_bytes(proto.SerializeToString())
    return file


def refusal(path: Path, sha256: str | None = None) -> ModelError:
    with pytest.raises(ModelError) as error:
        read_model(path, sha256=sha256)
    return error.value


def test_a_whole_model_is_read_byte_for_byte(tmp_path: Path) -> None:
    file = save(tmp_path, model())
    assert read_model(file) == file.read_bytes()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert read_model(file, sha256=digest.upper()) == file.read_bytes()


def test_a_missing_file_names_the_nearest_one(tmp_path: Path) -> None:
    save(tmp_path, model())
    error = refusal(tmp_path / "scores.onnx")
    assert (error.code, error.message) == ("E0401", "there is no model file `scores.onnx`")
    assert error.help == "did you mean `score.onnx`?"
    assert refusal(tmp_path / "nowhere" / "score.onnx").code == "E0401"
    assert refusal(tmp_path).code == "E0401"


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"\x00" * 100, b"PK\x03\x04 a zip", b"\x80\x04\x95 a pickle"]
)
def test_what_is_no_model_is_not_readable(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "corrupt.onnx"
    file.write_bytes(content)
    error = refusal(file)
    assert (error.code, error.message) == ("E0402", "`corrupt.onnx` is not a readable ONNX model")


def test_a_model_the_checker_refuses_is_not_readable(tmp_path: Path) -> None:
    proto = model()
    proto.graph.node[0].input[0] = "nowhere"
    error = refusal(save(tmp_path, proto))
    assert error.code == "E0402"
    assert "checker" in error.notes[0]


def test_a_truncated_model_is_refused_at_every_length(tmp_path: Path) -> None:
    whole = model().SerializeToString()
    file = tmp_path / "part.onnx"
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert refusal(file).code in {"E0402", "E0404", "E0405", "E0407"}


def test_another_digest_than_the_pinned_one_is_named(tmp_path: Path) -> None:
    error = refusal(save(tmp_path, model()), sha256="0" * 64)
    assert error.code == "E0403"
    assert hashlib.sha256(model().SerializeToString()).hexdigest() in error.notes[0]


def test_what_this_runtime_cannot_load_is_told_from_what_is_broken(tmp_path: Path) -> None:
    newer = model()
    newer.opset_import[0].version = 99
    error = refusal(save(tmp_path, newer))
    assert (error.code, "opset 99" in error.message) == ("E0404", True)
    foreign = model()
    foreign.opset_import.add(domain="nobody", version=1)
    foreign.graph.node[0].domain = "nobody"
    error = refusal(save(tmp_path, foreign))
    assert error.code == "E0404"
    assert "nobody" in " ".join(error.notes)


def test_a_model_without_a_batch_axis_is_refused(tmp_path: Path) -> None:
    error = refusal(save(tmp_path, model("g (float[3] x) => (float[3] y) { y = Neg(x) }")))
    assert error.code == "E0405"


def test_an_address_is_answered_with_what_to_do() -> None:
    error = refusal(Path("https://example.org/m.onnx"))
    assert error.code == "E0408"
    assert "sha256" in (error.help or "")


# External data


def external(location: str, offset: str | None = None, length: str | None = None) -> onnx.ModelProto:
    """`model()` whose weights are said to lie at a location."""
    proto = model()
    tensor = proto.graph.initializer[0]
    for name in ("raw_data", "float_data"):
        tensor.ClearField(name)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            tensor.external_data.add(key=key, value=value)
    return proto


WEIGHTS = np.array([1, 2, 3], np.float32).tobytes()


def test_external_data_is_inlined(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "w.bin").write_bytes(b"12345678" + WEIGHTS + b"more")
    content = read_model(save(tmp_path, external("deep/w.bin", "8", "12")))
    assert b"w.bin" not in content
    (y,) = Runner(content).run({"x": np.zeros((1, 3), np.float32)}, ["y"])
    assert y.tolist() == [[1, 2, 3]]


def test_external_data_is_found_wherever_a_tensor_may_stand(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHTS)
    tensor = external("w.bin").graph.initializer[0]
    text = (
        "g (float[N,3] x) => (float[N,3] y) { c = Constant<value = bool {1}>() y = If(c) <then_branch = t () =>"
        " (float[N,3] r) { k = Constant<value = float[3] {0.0, 0.0, 0.0}>() r = Add(x, k) },"
        " else_branch = e () => (float[N,3] q) { q = Neg(x) }> }"
    )
    proto = model(text)
    branch = next(a.g for a in proto.graph.node[1].attribute if a.name == "then_branch")
    branch.node[0].attribute[0].t.CopyFrom(tensor)
    content = read_model(save(tmp_path, proto))
    (y,) = Runner(content).run({"x": np.zeros((1, 3), np.float32)}, ["y"])
    assert y.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    "location",
    ["", ".", "..", "../secret", "a/../../secret", "/etc/hostname", "//etc/hostname", "C:/x", "c:x", "a\\b",
     "a\0b",
     "missing.bin", "folder", "soft", "softly/w.bin", "hard", "pipe", "file://secret"],
)  # fmt: skip
def test_external_data_outside_or_behind_links_is_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "models"
    (folder / "folder").mkdir(parents=True)
    (folder / "a").mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(WEIGHTS)
    (folder / "soft").symlink_to(secret)
    (folder / "softly").symlink_to(tmp_path)
    (tmp_path / "w.bin").write_bytes(WEIGHTS)
    os.link(secret, folder / "hard")
    os.mkfifo(folder / "pipe")
    error = refusal(save(folder, external(location)))
    assert error.code == "E0406"
    assert error.help


@pytest.mark.parametrize(
    ("offset", "length"), [("4", "12"), ("0", "13"), ("-1", "12"), ("0", "-1"), ("x", "12"), ("99", None)]
)
def test_external_data_beyond_its_file_is_refused(tmp_path: Path, offset: str, length: str | None) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHTS)
    assert refusal(save(tmp_path, external("w.bin", offset, length))).code == "E0406"


def test_external_data_of_the_wrong_size_is_not_readable(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHTS[:8])
    assert refusal(save(tmp_path, external("w.bin"))).code in {"E0402", "E0404"}


def test_sparse_tensors_may_lie_outside_too_and_are_held_to_the_same(tmp_path: Path) -> None:
    proto = model("g (float[N,3] x) => (float[N,3] y) { y = Neg(x) }")
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    values.ClearField("raw_data")
    values.data_location = TensorProto.EXTERNAL
    values.external_data.add(key="location", value="../secret")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "i")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3]))
    assert refusal(save(tmp_path, proto)).code == "E0406"
