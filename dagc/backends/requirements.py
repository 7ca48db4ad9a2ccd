"""requirements.txt of a service: exact versions with hashes from the lock, else names alone, saying so."""

from collections.abc import Iterator, Sequence

from dagc.artifacts.lock import Lock
from dagc.artifacts.pinned import Pinned

_UNLOCKED = (
    "# Not pinned: this build had no dagc.lock. Run `dagc lock`, commit the file and build again for exact",
    "# versions with hashes.",
)


CUDA = "onnxruntime-gpu"
"""onnxruntime for GPUs of NVIDIA's. It has the same modules as onnxruntime: an image has one of the two."""
CUDA_WITH_LIBRARIES = f"{CUDA}[cuda,cudnn]"
"""With the wheels of CUDA and cuDNN; the driver comes from the machine."""

_FOR_TOOLS = frozenset({"flatbuffers", "packaging", "protobuf"})
_UNUSED = {"onnxruntime": _FOR_TOOLS, CUDA: _FOR_TOOLS, "uvicorn": frozenset({"h11"})}
"""Asked for and not imported, 4 MiB: for onnxruntime's tools that make models, and in place of httptools."""


def requirements_text(wanted: Sequence[str], lock: Lock | None, *, on_gpu: bool = False) -> str:
    """The file's text: with a lock all that `wanted` needs, for `pip install --require-hashes --no-deps`."""
    names = [CUDA_WITH_LIBRARIES if on_gpu and name == "onnxruntime" else name for name in wanted]
    if lock is None:
        return "\n".join((*_UNLOCKED, *names)) + "\n"
    pins = (pin for pin in lock.needed(names, _UNUSED) if not _of_the_other(pin.name, on_gpu=on_gpu))
    return "\n".join(line for pin in pins for line in _pinned(pin)) + "\n"


def _of_the_other(name: str, *, on_gpu: bool) -> bool:
    """Whether a package is of the form of onnxruntime that this service does not have."""
    return name == "onnxruntime" if on_gpu else name == CUDA or name.startswith("nvidia-")


def _pinned(pin: Pinned) -> Iterator[str]:
    marker = f" ; {pin.marker}" if pin.marker else ""
    yield f"{pin.name}=={pin.version}{marker} \\"
    *others, last = (f"    --hash={found}" for found in pin.hashes)
    yield from (f"{line} \\" for line in others)
    yield last
