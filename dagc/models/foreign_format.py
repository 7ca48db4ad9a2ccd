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
    (b"<?xml", "XML, as OpenVINO and PMML write models", _EXPORT),
    (b"gguf", "a file of GGUF, which holds weights and no model", "export it to ONNX from its framework"),
    (b"tree\nversion=", "a model of LightGBM", "give it to dagc itself: `dagc.lightgbm`"),
    (b'{"learner"', "a model of XGBoost", "give it to dagc itself: `dagc.xgboost`"),
    (b"{l\x00\x00\x00\x00\x00\x00\x00\x07learner", "a model of XGBoost", "give it to dagc itself: `dagc.xgboost`"),
    (b"cbm1", "a model of CatBoost", 'write `save_model(path, format="onnx")`'),
    (b"\x93numpy", "an array of NumPy", _EXPORT),
    (b"\x89HDF", "an HDF5 file, as Keras writes models", "convert it with tf2onnx"),
    (b"PK\x03\x04", "a zip archive, as PyTorch and Keras write models", _EXPORT),
    (b"\x1f\x8b", "compressed by gzip", "unpack it: `gunzip`"),
    *((bytes([0x80, protocol]), "a Python pickle", _EXPORT) for protocol in range(2, 6)),
    *(
        (bytes([0x78, level]), "compressed by zlib, as joblib writes estimators", _EXPORT)
        for level in (1, 0x9C, 0xDA)
    ),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard", "unpack it: `unzstd`"),
    (b"\xfd7zXZ", "compressed by xz", "unpack it: `unxz`"),
    (b"BZh", "compressed by bzip2", "unpack it: `bunzip2`"),
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
    if content[4:8] == b"ORTM":
        return "a model in onnxruntime's own format", "give dagc the ONNX file it was made from"
    if content[4:8] == b"TFL3":
        return "a model of TensorFlow Lite", "convert it with tf2onnx: `python -m tf2onnx.convert --tflite ...`"
    if content[8:9] == b"{" and int.from_bytes(content[:8], "little") < len(content):
        return "a file of safetensors, which holds weights and no model", _EXPORT
    start = content[:32].lstrip().lower()
    for beginning, what, help in _BEGINNINGS:
        if content.startswith(beginning) or start.startswith(beginning):
            return what, help
    return None
