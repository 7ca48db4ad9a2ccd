"""The limited process: what it may not do, what becomes of models that break it, and that it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper, parser

from dagc.models.limits import MEMORY_VARIABLE, SECONDS_VARIABLE, Limits
from dagc.models.model_error import ModelError
from dagc.models.read import expect_model, read_model
from dagc.models.sandbox import Sandbox, sandbox
from tests.running import until

pytestmark = pytest.mark.ort

ROOT = Path(__file__).parents[2]
GOOD = '<ir_version: 8, opset_import: ["" : 17]> g (float[N,3] x) => (float[N,3] y) { y = Neg(x) }'
WIDE = (
    '<ir_version: 8, opset_import: ["" : 17]> g (float[N,1] x) => (float[N,B] y)'
    " <int64 zero = {0}, int64 one = {1}, int64 far = {1000000000000}> { r = Range(zero, far, one)"
    " f = Cast<to = 1>(r) y = Add(x, f) }"
)
ENDLESS = (
    '<ir_version: 8, opset_import: ["" : 17]> g (float[N,3] x) => (float[N,3] y) <int64 n = {9000000000000000000},'
    " bool go = {1}> { y = Loop(n, go, x) <body = b (int64 i, bool c, float[N,3] v) => (bool d, float[N,3] u)"
    " { d = Identity(c) u = Neg(v) }> }"
)


def saved(folder: Path, text: str, name: str = "m.onnx") -> Path:
    file = folder / name
    file.write_bytes(parser.parse_model(text).SerializeToString())
    return file


@pytest.fixture
def own() -> Iterator[Sandbox]:
    """A process of the test's own."""
    made = Sandbox()
    yield made
    made.close()


def pid(box: Sandbox) -> int:
    assert box._process
    return box._process.popen.pid


def ask(box: Sandbox, content: bytes, memory_mib: int = 2048) -> dict[str, object]:
    return dict(box.ask("m.onnx", {"folder": "/", "pins": {}}, content, Limits(memory_mib, 7))[0])


def test_a_model_that_wants_all_memory_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as error:
        read_model(saved(tmp_path, WIDE))
    assert (error.value.code, "2048 MiB" in error.value.message) == ("E0412", True)
    assert MEMORY_VARIABLE in (error.value.help or "")
    assert read_model(saved(tmp_path, GOOD))


def test_a_model_that_never_ends_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECONDS_VARIABLE, "1")
    started = time.monotonic()
    with pytest.raises(ModelError) as error:
        read_model(saved(tmp_path, ENDLESS))
    assert (error.value.code, "more than 1 s" in error.value.message) == ("E0412", True)
    assert time.monotonic() - started < 60
    monkeypatch.delenv(SECONDS_VARIABLE)
    assert read_model(saved(tmp_path, GOOD))


def test_a_process_that_breaks_down_over_a_model_is_a_finding_about_the_model(own: Sandbox) -> None:
    content = parser.parse_model(GOOD).SerializeToString()
    assert "signature" in ask(own, content)
    for sign, code in ((signal.SIGSEGV, "E0411"), (signal.SIGABRT, "E0411"), (signal.SIGKILL, "E0412")):
        os.kill(pid(own), sign)
        with pytest.raises(ModelError) as error:
            ask(own, content)
        assert error.value.code == code
        assert "signature" in ask(own, content)


def test_one_process_answers_for_many_models(own: Sandbox) -> None:
    content = parser.parse_model(GOOD).SerializeToString()
    ask(own, content)
    first = pid(own)
    for _ in range(5):
        ask(own, content)
    assert pid(own) == first


def test_what_the_compiler_itself_once_needed_wears_no_process_out() -> None:
    """Linux hands the peak of whoever starts a process on to it; each model would get a process of its own."""
    content = parser.parse_model(GOOD).SerializeToString()
    program = (
        "import sys; large = bytearray(1_100_000_000); del large; from dagc.models.limits import Limits\n"
        "from dagc.models.sandbox import Sandbox; box = Sandbox()\n"
        "box.ask('m.onnx', {'folder': '/', 'pins': {}}, sys.stdin.buffer.read(), Limits(2048, 7))\n"
        "assert box._process; box.close()"
    )
    subprocess.run([sys.executable, "-c", program], input=content, cwd=ROOT, check=True)


def test_the_process_has_limits_and_nothing_of_the_users_environment(
    own: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "canary")
    ask(own, parser.parse_model(GOOD).SerializeToString(), 1500)
    limits = Path(f"/proc/{pid(own)}/limits").read_text()
    soft = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()[1:]}
    assert soft["Max core file size"] == soft["Max file size"] == "0"
    assert soft["Max address space"] == soft["Max data size"] == str(1500 * 2**20)
    assert int(soft["Max cpu time"]) <= 10
    assert int(soft["Max open files"]) <= 64
    environment = Path(f"/proc/{pid(own)}/environ").read_bytes()
    assert b"canary" not in environment
    assert b"ORT_DISABLE_TELEMETRY=1" in environment
    assert Path(f"/proc/{pid(own)}/cwd").resolve() == Path("/")


def test_a_process_that_does_not_start_is_told_so(
    own: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('no such runtime')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ModelError) as error:
        ask(own, b"")
    assert error.value.code == "E0411"
    assert "no such runtime" in error.value.notes[0]


def test_no_process_outlives_the_compiler(tmp_path: Path) -> None:
    file = saved(tmp_path, GOOD)
    code = (
        f"from pathlib import Path; from dagc.models.read import read_model; read_model(Path({str(file)!r}));"
        "from dagc.models.sandbox import sandbox; print(sandbox()._process.popen.pid, flush=True)"
    )
    for end in ("", "; import os; os._exit(1)"):
        done = subprocess.run(
            [sys.executable, "-c", code + end],
            cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "DAGC_CACHE": ""},
        )  # fmt: skip
        number = int(done.stdout)
        until(lambda number=number: not Path(f"/proc/{number}").exists())


def test_a_known_model_needs_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = saved(tmp_path, GOOD)
    content = read_model(file)
    monkeypatch.setattr("dagc.models.known._signatures", {})
    sandbox().close()
    expect_model(file)
    assert read_model(file) == content
    assert sandbox()._process is None
    expect_model(saved(tmp_path, GOOD.replace("Neg", "Abs"), "other.onnx"))
    assert sandbox()._process is not None
    expect_model(tmp_path / "missing.onnx")


def test_a_model_that_is_known_with_its_batch_elsewhere_needs_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(tmp_path, GOOD.replace("N,3", "T,N"))
    axes = {"x": 1, "y": 1}
    moved = read_model(file, batch_axes=axes)
    assert moved != read_model(file)
    monkeypatch.setattr("dagc.models.known._signatures", {})
    sandbox().close()
    expect_model(file, axes)
    assert read_model(file, batch_axes=axes) == moved
    assert sandbox()._process is None


def test_the_parent_imports_neither_onnx_nor_onnxruntime(tmp_path: Path) -> None:
    file = saved(tmp_path, GOOD)
    code = (
        "import sys; from pathlib import Path; from dagc.models.read import read_model;"
        f"read_model(Path({str(file)!r}));"
        "print([name for name in ('onnx', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_large_model_has_limits_that_grow_with_it(tmp_path: Path) -> None:
    proto = parser.parse_model(GOOD.replace("Neg(x)", "MatMul(x, w)").replace("[N,3] y", "[N,4000000] y"))
    proto.graph.initializer.append(numpy_helper.from_array(np.ones((3, 4_000_000), np.float32), "w"))
    file = tmp_path / "m.onnx"
    file.write_bytes(proto.SerializeToString())
    assert len(read_model(file)) > 48_000_000
