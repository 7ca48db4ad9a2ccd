"""What is known of models whose bytes have not changed, kept on disk so that a check starts no process for them.

An entry is written whole or not at all and carries a digest of itself: a damaged, foreign or older one is as if it
were not there. Only models that were found good have entries.
"""

import hashlib
import json
import os
import tempfile
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dagc.models.known import Json

FOLDER_VARIABLE = "DAGC_CACHE"
"""Where the cache lies; empty for none. Without it, `dagc` in the user's folder for caches."""

_ASKED = ("dagc", "numpy", "onnx", "onnxruntime", "onnxruntime-extensions")


def entry_key(model_sha256: str, question: str = "") -> str:
    """The name of what was found for a model's bytes by this very code and runtime."""
    return hashlib.sha256("\n".join((model_sha256, question, _asked_by())).encode()).hexdigest()


def load_entry(key: str) -> tuple[Json, bytes] | None:
    """The entry and the bytes stored with it, or `None`."""
    folder = _folder()
    if folder is None:
        return None
    try:
        found = (folder / f"{key}.json").open("rb")
    except OSError:
        return None
    with found:
        if os.fstat(found.fileno()).st_uid != os.geteuid():
            return None  # whoever wrote it could say anything of the model
        return _entry(found.read(), key, folder)


def store_entry(key: str, content: Json, body: bytes = b"") -> None:
    """Keep an entry; a folder that cannot be written is no error."""
    folder = _folder()
    if folder is None:
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if body:
            _write(folder / f"{key}.onnx", body)
        whole: Json = {"key": key, "body": _digest(body) if body else None, "content": content}
        _write(folder / f"{key}.json", json.dumps([whole, _digest(_text(whole))]).encode())
    except OSError:
        return


def _entry(written: bytes, key: str, folder: Path) -> tuple[Json, bytes] | None:
    try:
        whole, digest = json.loads(written)
        if digest != _digest(_text(whole)) or whole["key"] != key:
            return None
        body = (folder / f"{key}.onnx").read_bytes() if whole["body"] else b""
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    intact = not whole["body"] or _digest(body) == whole["body"]
    return (whole["content"], body) if intact else None


def _write(file: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _folder() -> Path | None:
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen is not None:
        return Path(chosen, "models") if chosen else None
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    except RuntimeError:
        return None  # a user without a home
    return Path(base, "dagc", "models")


@cache
def _asked_by() -> str:
    """The runtimes, and this room's own text: whoever changes how models are looked at gets no older answers."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    text = b"".join(source.read_bytes() for source in sources)
    return " ".join((*map(_version, _ASKED), hashlib.sha256(text).hexdigest()))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _text(whole: Json) -> bytes:
    return json.dumps(whole, sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
