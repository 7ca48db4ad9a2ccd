"""Where models run: on the CPU, and by CUDA only where it was asked for and is there."""

import logging

import onnxruntime
import pytest

from dagc.runtime.session import _providers

pytestmark = pytest.mark.ort


def test_models_run_on_the_cpu_alone_unless_a_gpu_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGC_GPU", raising=False)
    assert _providers(onnxruntime) == ["CPUExecutionProvider"]


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="CUDA is here")
def test_without_cuda_they_run_on_the_cpu_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DAGC_GPU", "1")
    with caplog.at_level(logging.WARNING, "dagc.runtime"):
        assert _providers(onnxruntime) == ["CPUExecutionProvider"]
    assert "no CUDA" in caplog.text
