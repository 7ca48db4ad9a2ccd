"""What was found out about a model is kept, by content; damaged or foreign entries count as none."""

import json
import os
from pathlib import Path

import pytest
from onnx import parser

from dagc.models.cache import entry_key, load_entry, store_entry
from dagc.models.read import read_model
from dagc.models.sandbox import sandbox
from dagc.models.store import ModelStore

pytestmark = pytest.mark.ort

TEXT = '<ir_version: 8, opset_import: ["" : 17]> g (float[N,3] x) => (float[M,K] y) { y = Neg(x) }'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "m.onnx"
    made.write_bytes(parser.parse_model(TEXT).SerializeToString())
    return made


def looked_at(file: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether reading the model starts a process, in what stands for a new one of the compiler."""
    monkeypatch.setattr("dagc.models.known._signatures", {})
    sandbox().close()
    store = ModelStore()
    signature = store.signature(store.add(read_model(file)))
    assert str(signature.outputs[0].type) == "f32[N, 3]"
    return sandbox()._process is not None


def test_a_model_is_looked_at_once(file: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked_at(file, monkeypatch)
    assert not looked_at(file, monkeypatch)
    assert [entry.suffix for entry in (own_cache / "models").iterdir()] == [".json"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: b"",
        lambda entry: entry[: len(entry) // 2],
        lambda entry: entry.replace(b'"K"', b'"L"').replace(b'"x"', b'"z"'),
        lambda entry: b"[[[[[" * 10_000,
        lambda entry: b"null",
        lambda entry: b"\xff\xfe",
        lambda entry: json.dumps([{"key": "k", "body": None, "content": {}}, "0" * 64]).encode(),
    ],
)  # fmt: skip
def test_a_damaged_entry_is_found_out_again(
    file: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, damage
) -> None:
    assert looked_at(file, monkeypatch)
    (entry,) = (own_cache / "models").iterdir()
    entry.write_bytes(damage(entry.read_bytes()))
    assert looked_at(file, monkeypatch)
    assert not looked_at(file, monkeypatch)


def test_an_entry_with_a_right_digest_and_wrong_content_is_found_out_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    key = entry_key(hashlib.sha256(file.read_bytes()).hexdigest())
    for content in ({}, [], "x", {"inputs": [{"name": 3}], "outputs": [], "opset": 1, "ml_opset": None}):
        store_entry(key, content)
        assert looked_at(file, monkeypatch)


def test_entries_keep_bytes_and_lose_them_together(own_cache: Path) -> None:
    store_entry("k", {"a": 1}, b"model")
    assert load_entry("k") == ({"a": 1}, b"model")
    (own_cache / "models" / "k.onnx").write_bytes(b"other")
    assert load_entry("k") is None
    (own_cache / "models" / "k.onnx").unlink()
    assert load_entry("k") is None
    assert load_entry("unknown") is None


def test_no_cache_is_no_error(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DAGC_CACHE", "")
    assert looked_at(file, monkeypatch)
    assert looked_at(file, monkeypatch)
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("DAGC_CACHE", str(tmp_path / "taken"))
    assert looked_at(file, monkeypatch)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_an_entry_that_somebody_else_wrote_is_not_believed(own_cache: Path) -> None:
    store_entry("k", {"a": 1})
    os.chown(own_cache / "models" / "k.json", 12345, 12345)
    assert load_entry("k") is None


def test_the_users_cache_is_private(own_cache: Path) -> None:
    store_entry("k", {"a": 1})
    assert (own_cache / "models").stat().st_mode & 0o077 == 0
    assert (own_cache / "models" / "k.json").stat().st_mode & 0o077 == 0
