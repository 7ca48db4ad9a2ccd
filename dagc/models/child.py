"""The process that looks at models: `python -m dagc.models.child`. Bytes come in by a pipe, JSON goes out.

It gives up what it does not need before the first byte of a model, and renews its limits for each.
"""

import gc
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from dagc.ir.types import Dim
from dagc.models.acceptance import Pins, accept
from dagc.models.batch_axes import BatchAxes
from dagc.models.extensions import MODULE, installed
from dagc.models.frames import BrokenFrameError, read_frame, write_frame
from dagc.models.known import Json, error_json, signature_json
from dagc.models.limits import Limits, hold_to, let_go, memory_exceeded, renounce
from dagc.models.model_error import ModelError, unreadable

_WORN_OUT_KIB = 1_000_000
"""Peak memory at which a process is not used for further models, whose limits its leftovers would eat up."""


def main() -> None:
    """Answer until the pipe ends."""
    requests, answers = _own_pipes()
    for module in ("numpy", "onnx", "onnx.checker", "onnx.shape_inference", "onnxruntime"):
        import_module(module)
    if installed():
        import_module(MODULE)
    renounce()
    write_frame(answers, {"ready": True})
    _silence_errors()
    while True:
        try:
            request = read_frame(requests)
        except BrokenFrameError:
            return
        if request is None:
            return
        head, body = _answer(*request)
        last = head.pop("starved", False) is True or _peak_kib() > _WORN_OUT_KIB
        write_frame(answers, {**head, "last": last}, body)
        del request, body
        gc.collect()
        if last:
            return
        let_go()


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two ends, out of the reach of libraries that print: theirs lead nowhere."""
    requests, answers = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")


def _silence_errors() -> None:
    """What native libraries say on their way down is for nobody; until here it tells why a start failed."""
    os.dup2(1, 2)


def _answer(head: dict[str, Json], content: bytes) -> tuple[dict[str, Json], bytes]:
    limits = Limits(_whole(head.get("memory_mib")), _whole(head.get("seconds")))
    hold_to(limits)
    name, folder = str(head.get("name")), Path(str(head.get("folder")))
    try:
        accepted = accept(content, name, folder, _pins(head.get("pins")), _axes(head.get("batch_axes")))
    except (MemoryError, RecursionError) as error:
        return {
            "starved": isinstance(error, MemoryError),
            "error": error_json(_exceeded(name, error, limits)),
        }, b""
    except ModelError as error:
        if error.code == "E0412":
            return {"starved": True, "error": error_json(_exceeded(name, error, limits))}, b""
        return {"error": error_json(error)}, b""
    except Exception as error:  # protobuf and NumPy have many ways to say that a message makes no sense
        reason = f"reading it fails with {type(error).__name__}: {' '.join(str(error).split())}"
        return {"error": error_json(unreadable(name, reason))}, b""
    found: dict[str, Json] = {"signature": signature_json(accepted.signature), "external": accepted.external}
    return {**found, "rewritten": accepted.rewritten is not None}, accepted.rewritten or b""


def _exceeded(name: str, error: Exception, limits: Limits) -> ModelError:
    if isinstance(error, RecursionError):
        return ModelError("E0415", f"`{name}` is nested too deeply", ("no service runs such a model",))
    notes = error.notes if isinstance(error, ModelError) else ()
    return memory_exceeded(name, limits, notes)


def _pins(json: Json) -> Pins:
    pins = json if isinstance(json, dict) else {}
    return {name: tuple(_dims(dims)) for name, dims in pins.items() if isinstance(dims, list)}


def _dims(json: Sequence[Json]) -> Sequence[Dim]:
    return [size if isinstance(size, int) else None for size in json]


def _axes(json: Json) -> BatchAxes:
    axes = json if isinstance(json, dict) else {}
    return {name: axis if isinstance(axis, int) else None for name, axis in axes.items()}


def _whole(json: Json) -> int:
    return json if isinstance(json, int) else 1


def _peak_kib() -> int:
    """The most memory this process has had; what getrusage says begins with the peak of who started it."""
    with suppress(OSError):
        found = re.search(
            r"^VmHWM:\s*(\d+) kB$", Path("/proc/self/status").read_text(encoding="utf-8"), re.MULTILINE
        )
        if found:
            return int(found[1])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
