"""A lock comes back as it was written, and every difference between it and the world has its own code."""

from hashlib import sha256
from importlib.metadata import version

import pytest

from dagc.artifacts.lock import Lock, make_lock, read_lock, verify
from dagc.artifacts.pinned import Pinned
from dagc.diagnostics import CompileError

HASH = "sha256:" + "0" * 64
PINS = (
    Pinned(name="onnxruntime", version=version("onnxruntime"), hashes=(HASH,)),
    Pinned(name="numpy", version="2.0.1", marker="python_full_version < '3.12'", hashes=(HASH,)),
    Pinned(name="numpy", version="2.1.0", marker="python_full_version >= '3.12'", hashes=(HASH,)),
)
MODELS = {"models/b.onnx": b"b", "models/a.onnx": b"a"}
LOCK = make_lock(MODELS, PINS, dagc_version="0.1.0")


def codes(*arguments: object) -> list[str]:
    return [d.code for d in verify(*arguments)]  # type: ignore[arg-type]


def test_a_lock_comes_back_from_its_file(tmp_path):
    path = tmp_path / "dagc.lock"
    path.write_bytes(LOCK.content())
    assert read_lock(path) == LOCK
    assert LOCK.models["models/a.onnx"] == sha256(b"a").hexdigest()
    assert LOCK.content().endswith(b"}\n")


def test_no_file_is_no_lock(tmp_path):
    assert read_lock(tmp_path / "dagc.lock") is None


@pytest.mark.parametrize("text", ["", "not json", "{}", "[]", '{"version": 3}', "\xff"])
def test_a_file_that_is_no_lock_is_refused(tmp_path, text):
    path = tmp_path / "dagc.lock"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(CompileError, match="E0504"):
        read_lock(path)


@pytest.mark.parametrize("field", ["name", "version", "marker"])
def test_a_lock_cannot_smuggle_a_line_into_requirements(field):
    values = {"name": "numpy", "version": "1", "hashes": [HASH], field: "1\n--index-url=x"}
    with pytest.raises(ValueError):
        Pinned.model_validate(values)
    with pytest.raises(ValueError):
        Pinned.model_validate({"name": "numpy", "version": "1", "hashes": ["sha256:x\n-e ."]})


def test_equal_worlds_have_no_findings():
    assert codes(LOCK, MODELS, ["numpy", "onnxruntime"]) == []


def test_a_changed_model_an_unlocked_one_and_an_unlocked_requirement_are_told_apart():
    changed = {"models/a.onnx": b"other", "models/new.onnx": b"n"}
    assert codes(LOCK, changed) == ["E0501", "E0502"]
    assert codes(LOCK, MODELS, ["pandas", "numpy==1.0"]) == ["E0505", "E0505"]


def test_another_onnxruntime_and_no_lock_are_warnings():
    pins = (Pinned(name="onnxruntime", version="0.0.1", hashes=(HASH,)),)
    assert codes(Lock(dagc="0.1.0", models={}, requirements=pins), {}) == ["W0502"]
    assert codes(None, MODELS) == ["W0501"]


def test_another_onnxruntime_on_gpus_is_a_warning():
    pins = (*PINS, Pinned(name="onnxruntime-gpu", version="0.0.1", hashes=(HASH,)))
    assert codes(Lock(dagc="0.1.0", models={}, requirements=pins), {}) == ["W0506"]


def test_a_service_gets_what_it_needs_and_from_an_older_lock_everything():
    pins = (
        Pinned(name="unrelated", version="1", hashes=(HASH,)),
        Pinned(name="tools", version="1", hashes=(HASH,), needs=("runtime",)),  # a circle ends
        Pinned(name="runtime", version="1", hashes=(HASH,), needs=("numpy", "tools", "not-here")),
        *PINS[1:],
    )
    lock = make_lock({}, pins, dagc_version="0.1.0")
    needed = lock.needed(["Runtime==1"], {})
    assert [pin.name for pin in needed] == ["numpy", "numpy", "runtime", "tools"], "both numpys, by their markers"
    assert [pin.name for pin in lock.needed(["runtime"], {"runtime": frozenset({"tools"})})] == [
        "numpy", "numpy", "runtime",
    ]  # fmt: skip
    old = Lock.model_validate_json(lock.content().replace(b'"version": 2', b'"version": 1'))
    assert old.needed(["runtime"], {}) == lock.requirements
    assert codes(old, {}) == ["W0505"]
