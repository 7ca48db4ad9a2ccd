"""Models that people really serve: what is found of their sizes, that batches are proven, that rows stay apart.

Magika tells file types from bytes; PP-OCR finds text in pictures, turns it upright and reads it. Their files come
in the wheels of `magika` and `rapidocr-onnxruntime`.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dagc.models.read import contract, read_model
from dagc.models.store import ModelStore
from tests.models.rows.apart import assert_rows_stay_apart

pytestmark = pytest.mark.ort

Array = NDArray[np.generic]


def installed(package: str, file: str) -> Path:
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None, f"{package} is a dependency of the tests"
    return Path(spec.origin).parent / file


OCR = "rapidocr_onnxruntime"
FILES = {
    "magika": ("magika", "models/standard_v3_3/model.onnx"),
    "detection": (OCR, "models/ch_PP-OCRv4_det_infer.onnx"),
    "direction": (OCR, "models/ch_ppocr_mobile_v2.0_cls_infer.onnx"),
    "recognition": (OCR, "models/ch_PP-OCRv4_rec_infer.onnx"),
}
SIGNATURES = {
    "magika": (["bytes: i32[N, 2048]"], ["target_label: f32[N, 214]"]),
    "detection": (["x: f32[N, 3, H, W]"], ["sigmoid_0.tmp_0: f32[N, 1, 4*((H+3)//4), 4*((W+3)//4)]"]),
    "direction": (["x: f32[N, 3, H, W]"], ["save_infer_model/scale_0.tmp_1: f32[N, 2]"]),
    "recognition": (["x: f32[N, 3, H, W]"], ["softmax_11.tmp_0: f32[N, (W+3)//8, 6625]"]),
}


def whole(name: str) -> bytes:
    return read_model(installed(*FILES[name]))


@pytest.mark.parametrize("name", FILES)
def test_sizes_and_their_relations_are_found_by_running(name: str) -> None:
    store = ModelStore()
    signature = store.signature(store.add(whole(name)))
    inputs = [f"{port.name}: {port.type}" for port in signature.inputs]
    outputs = [f"{port.name}: {port.type}" for port in signature.outputs]
    assert (inputs, outputs) == SIGNATURES[name]
    assert signature.ran and not signature.remarks


@pytest.mark.parametrize("name", FILES)
def test_requests_may_share_a_run(name: str) -> None:
    store = ModelStore()
    assert store.mixing(store.add(whole(name))) is None


def some_files(random: np.random.Generator) -> Array:
    """The 2,048 bytes magika looks at, 256 where a file has no more."""
    found = random.integers(0, 256, (5, 2048)).astype(np.int32)
    found[2, 900:] = 256
    found[3, :] = 256
    return found


def pictures(height: int, width: int) -> Callable[[np.random.Generator], Array]:
    """Four pictures of noise and an empty one, as the models want them: around zero, channels first."""

    def drawn(random: np.random.Generator) -> Array:
        found = random.normal(size=(5, 3, height, width)).astype(np.float32)
        found[4] = 0
        return found

    return drawn


GIVEN: dict[str, tuple[str, Callable[[np.random.Generator], Array]]] = {
    "magika": ("bytes", some_files),
    "detection": ("x", pictures(64, 96)),
    "direction": ("x", pictures(48, 192)),
    "recognition": ("x", pictures(48, 160)),
}


@pytest.mark.parametrize("name", FILES)
def test_a_batch_answers_as_its_rows_do_alone(name: str) -> None:
    port, draw = GIVEN[name]
    assert_rows_stay_apart(whole(name), rows=5, given={port: draw(np.random.default_rng(20_261_122))})


@pytest.mark.parametrize(("width", "steps"), [(320, 40), (48, 6), (97, 12)])
def test_a_declared_width_is_run_and_gives_the_steps_the_relation_says(width: int, steps: int) -> None:
    found = contract(whole("recognition"), {"x": (3, 48, width)}, "recognise")
    assert [str(port.type) for port in found.outputs] == [f"f32[N, {steps}, 6625]"]
