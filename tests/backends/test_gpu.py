"""A service on a GPU: onnxruntime for CUDA instead of the other one, and a build that says what it did not try."""

from dagc.artifacts.lock import make_lock
from dagc.artifacts.pinned import Pinned
from dagc.backends.readme import readme
from dagc.backends.requirements import requirements_text
from dagc.plan.service_plan import Capacity

HASH = "sha256:" + "a" * 64
NAMES = ("numpy", "nvidia-cublas", "onnxruntime", "onnxruntime-gpu", "packaging")
NEEDS = {"onnxruntime": ("numpy", "packaging"), "onnxruntime-gpu": ("numpy", "nvidia-cublas", "packaging")}
PINS = [Pinned(name=name, version="1", hashes=(HASH,), needs=NEEDS.get(name, ())) for name in NAMES]
LOCK = make_lock({}, PINS, dagc_version="0.1.0")


def names(text: str) -> list[str]:
    return [line.partition("==")[0] for line in text.splitlines() if "==" in line]


def test_an_image_has_one_onnxruntime():
    assert names(requirements_text(("onnxruntime",), LOCK)) == ["numpy", "onnxruntime"]
    assert names(requirements_text(("onnxruntime",), LOCK, on_gpu=True)) == [
        "numpy",
        "nvidia-cublas",
        "onnxruntime-gpu",
    ]
    assert "onnxruntime-gpu[cuda,cudnn]" in requirements_text(("onnxruntime",), None, on_gpu=True)


def test_the_readme_says_that_it_was_not_tried(plan):
    service = plan.services[0].model_copy(update={"capacity": Capacity(gpu=1)})
    text = readme(plan.model_copy(update={"services": (service,)}), None)
    assert "`graph` is given a GPU" in text and "not run on one here" in text
    assert "is given a GPU" not in readme(plan, None)
