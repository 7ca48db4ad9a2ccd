"""Reading model files: every way a file can be wrong has its code and words and, if there is one, a way out."""

import hashlib
import os
from pathlib import Path

import onnx
import pytest
from onnx import parser

from dagc.models.read import ModelError, examined, read_model

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


def test_what_is_there_and_no_file_is_called_what_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "link.onnx").symlink_to("nowhere.onnx")
    assert refusal(tmp_path / "pipe.onnx").message == "`pipe.onnx` is a pipe, socket or device, not a model file"
    assert refusal(tmp_path / "link.onnx").message == "`link.onnx` is a link that leads nowhere, not a model file"


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
    assert (error.code, "domain `nobody`" in error.message) == ("E0413", True)
    later = model()
    later.ir_version = 1000
    error = refusal(save(tmp_path, later))
    assert (error.code, "version 1000" in error.message) == ("E0404", True)


def test_a_model_without_a_batch_axis_is_refused(tmp_path: Path) -> None:
    error = refusal(save(tmp_path, model("g (float[3] x) => (float[3] y) { y = Neg(x) }")))
    assert error.code == "E0405"


def test_an_address_is_answered_with_what_to_do() -> None:
    error = refusal(Path("https://example.org/m.onnx"))
    assert error.code == "E0408"
    assert error.message == "`https://example.org/m.onnx` is an address, and a build reads no network"
    assert "sha256" in (error.help or "")


def test_bytes_at_hand_are_looked_at_like_a_file(tmp_path: Path) -> None:
    content = model().SerializeToString()
    assert examined(content, "made") == content
    with pytest.raises(ModelError) as error:
        examined(b"garbage", "made")
    assert error.value.message == "`made` is not a readable ONNX model"
