"""What a file that is no ONNX model is instead, by its first bytes, and what to do about it.

Most of what is taken for a damaged model is a whole file of another kind: a pointer of Git LFS, a page of a web
server, a model of another framework.
"""

from dagc.models.model_error import ModelError, unreadable

_EXPORT = "export it to ONNX from its framework, or give dagc the model itself by `dagc.torch` or `dagc.sklearn`"
_BEGINNINGS = (
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "run `git lfs pull`"),
    (b"<!doctype html", "a web page", "download the file itself: the address gave a page"),
    (b"<html", "a web page", "download the file itself: the address gave a page"),
    (b"<ir_version", "ONNX in its text form", "write `onnx.save(onnx.parser.parse_model(text), path)`"),
    (b"\x89HDF", "an HDF5 file, as Keras writes models", "convert it with tf2onnx"),
    (b"PK\x03\x04", "a zip archive, as PyTorch and Keras write models", _EXPORT),
    (b"\x1f\x8b", "compressed by gzip", "unpack it: `gunzip`"),
    (b"\x80\x02", "a Python pickle", _EXPORT),
    (b"\x80\x03", "a Python pickle", _EXPORT),
    (b"\x80\x04", "a Python pickle", _EXPORT),
    (b"\x80\x05", "a Python pickle", _EXPORT),
)


def not_onnx(name: str, content: bytes, reason: str) -> ModelError:
    """E0402 for bytes that are no ONNX model, with what they are where that shows, else with the reason."""
    found = _kind(content)
    if found is None:
        return unreadable(name, reason)
    what, help = found
    return ModelError("E0402", f"`{name}` is not a readable ONNX model", (f"it is {what}",), help)


def _kind(content: bytes) -> tuple[str, str] | None:
    if not content:
        return "empty", "check that the download is complete"
    if content[4:8] == b"TFL3":
        return "a model of TensorFlow Lite", "convert it with tf2onnx: `python -m tf2onnx.convert --tflite ...`"
    if content[8:9] == b"{" and int.from_bytes(content[:8], "little") < len(content):
        return "a file of safetensors, which holds weights and no model", _EXPORT
    start = content[:32].lstrip().lower()
    for beginning, what, help in _BEGINNINGS:
        if content.startswith(beginning) or start.startswith(beginning):
            return what, help
    return None
