"""The offline optimiser: the same bytes in every process, the same numbers, nothing about this machine."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import parser

from dagc.models.model_error import ModelError
from dagc.models.optimise import optimise
from dagc.models.runner import Runner

pytestmark = pytest.mark.ort

PROGRAM = """
import hashlib, sys
from pathlib import Path
from dagc.models.optimise import optimise
print(hashlib.sha256(optimise(Path(sys.argv[1]).read_bytes())).hexdigest())
"""


def dense() -> bytes:
    """Constants to fold, an identity, a product and a sum that become one fused operator."""
    text = """
    <ir_version: 8, opset_import: ["ai.onnx.ml" : 3, "" : 17]>
    g (float[N,4] x) => (float[N,3] y)
    <float[4,3] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1.0, 2.0, 3.0}, float[3] b = {0.1, 0.2, 0.3}>
    {
        s = ai.onnx.ml.Scaler <offset = [1.0], scale = [0.5]> (x)
        two = Constant <value = float {2.0}> ()
        four = Mul(two, two)
        t = Identity(s)
        scaled = Mul(t, four)
        m = MatMul(scaled, w)
        a = Add(m, b)
        r = Relu(a)
        h = Gemm(r, r2)
        y = Relu(h)
        r2 = Constant <value = float[3,3] {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0}> ()
    }
    """
    lines = text.splitlines()
    constant = next(line for line in lines if "r2 = Constant" in line)
    lines.remove(constant)
    lines.insert(lines.index("    {") + 1, constant)
    return parser.parse_model("\n".join(lines)).SerializeToString()


def fitted() -> bytes:
    from skl2onnx import to_onnx
    from sklearn.datasets import load_wine
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data, classes = load_wine(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=20, random_state=0)).fit(
            data, classes
        )
    return to_onnx(model, data[:1].astype(np.float32), options={"zipmap": False}).SerializeToString()


@pytest.mark.parametrize("make", [dense, fitted])
def test_the_bytes_are_the_same_in_every_process(make: object, tmp_path: Path) -> None:
    content = make()  # type: ignore[operator]
    file = tmp_path / "model.onnx"
    file.write_bytes(content)
    digests = set()
    for seed in range(5):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(file)],
            capture_output=True, text=True, check=True, cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
        assert done.stderr == ""
        digests.add(done.stdout)
    assert len(digests) == 1


@pytest.mark.parametrize("make", [dense, fitted])
def test_it_computes_the_same_with_fewer_nodes(make: object) -> None:
    content = make()  # type: ignore[operator]
    better = optimise(content)
    before, after = onnx.load_model_from_string(content), onnx.load_model_from_string(better)
    assert len(after.graph.node) < len(before.graph.node)
    assert [value.name for value in after.graph.output] == [value.name for value in before.graph.output]
    name = before.graph.input[0].name
    columns = before.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    rows = np.random.default_rng(0).normal(size=(9, columns)).astype(np.float32)
    first, second = Runner(content), Runner(better)
    for a, b in zip(first.run({name: rows}, first.outputs), second.run({name: rows}, first.outputs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("make", [dense, fitted])
def test_optimising_again_changes_nothing(make: object) -> None:
    once = optimise(make())  # type: ignore[operator]
    assert optimise(once) == once


def test_nothing_of_this_machine_and_no_layout_of_one_processor_is_in_it() -> None:
    better = optimise(fitted())
    assert str(Path.cwd()).encode() not in better
    assert b"/tmp" not in better
    domains = [entry.domain for entry in onnx.load_model_from_string(better).opset_import]
    assert domains == sorted(domains)
    assert "com.microsoft.nchwc" not in domains


def test_a_model_the_runtime_cannot_load_is_an_error() -> None:
    text = (
        '<ir_version: 8, opset_import: ["" : 17, "nobody" : 1]> g (float[N] x) => (float[N] y) { y = nobody.F(x) }'
    )
    with pytest.raises(ModelError, match="E0404"):
        optimise(parser.parse_model(text).SerializeToString())
