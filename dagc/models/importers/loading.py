"""Calls the user's `load` in the child and remembers which files it read, so that the cache knows what counts."""

import hashlib
import importlib
import os
import sys
import sysconfig
import traceback
from dataclasses import dataclass
from pathlib import Path

from dagc.models.importers.order import Frame, ImportFailure, Order

_OURS = Path(__file__).resolve().parents[2]
_LIBRARIES = tuple(
    Path(path).resolve()
    for path in {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)
_NOT_FILES = tuple(Path(path) for path in ("/proc", "/sys", "/dev"))
_MEMORY_WORDS = ("bad_alloc", "can't allocate memory", "out of memory", "cannot allocate memory")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `load` returned, and the files that were read for it."""

    original: object
    opened: dict[str, None]

    def files(self, order: Order) -> dict[str, str]:
        """The SHA-256 of each file, by path relative to the folder of the module where it lies in there."""
        modules = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
        paths = [*self.opened, *(file for file in modules if isinstance(file, str)), *order.depends]
        found: dict[str, str] = {}
        for path in sorted({Path(order.folder, path).resolve() for path in paths}):
            if not _counts(path):
                continue
            name = path.relative_to(order.root).as_posix() if path.is_relative_to(order.root) else str(path)
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found


def load_original(order: Order) -> Loaded:
    """What the user's function returns.

    Raises:
        ImportFailure: E0422 with the user's frames when it raises, E0426 when its memory does not suffice.
    """
    sys.path[:] = list(order.path)
    sys.dont_write_bytecode = True
    os.chdir(order.folder)
    opened: dict[str, None] = {}
    _watch_opened(opened)
    step = f"importing `{order.module}` to call `{order.qualname}`"
    try:
        found: object = importlib.import_module(order.module)
        for part in order.qualname.split("."):
            found = getattr(found, part)
        if not callable(found):
            raise TypeError(f"`{order.qualname}` is not callable")
        step = f"`{order.qualname}`"
        return Loaded(found(), opened)
    except (Exception, SystemExit) as error:  # the user's own code raises what it likes
        if isinstance(error, MemoryError) or any(word in str(error).lower() for word in _MEMORY_WORDS):
            raise out_of_memory(order, error) from None
        raise ImportFailure(
            "E0422",
            f"{step} raises {described(error)}",
            help="call it in a Python session: it must return a fitted model without arguments",
            frames=frames(error),
        ) from None


def out_of_memory(order: Order, error: BaseException) -> ImportFailure:
    """E0426 for an allocation that the limit refused."""
    return ImportFailure(
        "E0426",
        f"importing `{order.qualname}` needs more than {order.memory_mib} MiB",
        (f"the process said {described(error)}",),
        "allow it more, for example `memory_mib=16384`, or load a smaller model",
        frames=frames(error),
    )


def described(error: BaseException) -> str:
    """The kind of an exception and its first line."""
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
    return f"`{text}`"


def frames(error: BaseException) -> tuple[Frame, ...]:
    """Every place the exception passed through, outermost first."""
    found = []
    for frame in traceback.extract_tb(error.__traceback__):
        line = frame.lineno or 0
        start, end = frame.colno or 0, frame.end_colno or 0
        found.append((frame.filename, line, start, frame.end_lineno or line, end))
    return tuple(found)


def _watch_opened(opened: dict[str, None]) -> None:
    """Remember the path of every file Python opens for reading from now on; a hook cannot be taken off again."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        """Note a file that is opened to be read."""
        if event == "open" and isinstance(arguments[0], str | os.PathLike):
            mode = arguments[1] if len(arguments) > 1 else None
            if mode is None or (isinstance(mode, str) and "r" in mode):
                opened[os.fspath(arguments[0])] = None

    sys.addaudithook(hook)


def _counts(path: Path) -> bool:
    """Whether a file is the user's: neither installed, nor compiled, nor no file at all."""
    if any(path.is_relative_to(place) for place in (*_LIBRARIES, *_NOT_FILES, _OURS)):
        return False
    if "site-packages" in path.parts or "__pycache__" in path.parts:
        return False
    try:
        return path.is_file()
    except OSError:
        return False
