"""Serves all services of a build, forked from one process that has loaded their libraries; ends them at SIGTERM.

`python apart.py BUILD FRONT`: prints where the front is ready. Numbers in the environment hold for all of them.
"""

import contextlib
import importlib
import os
import pkgutil
import runpy
import signal
import sys
from pathlib import Path
from typing import NoReturn

import numpy  # noqa: F401
import onnxruntime  # noqa: F401
import pydantic.fields  # noqa: F401
import uvicorn  # noqa: F401


def load_runtime(folders: list[Path]) -> None:
    """Load the library that each of them carries, which has to be the same everywhere: once, not in each."""
    first, *others = [
        {path.relative_to(folder): path.read_bytes() for path in (folder / "dagc_runtime").rglob("*.py")}
        for folder in folders
    ]
    if any(other != first for other in others):
        raise SystemExit("the services carry different libraries")
    sys.path.insert(0, str(folders[0]))
    library = importlib.import_module("dagc_runtime")
    for found in pkgutil.walk_packages(library.__path__, "dagc_runtime."):
        with contextlib.suppress(ImportError):  # what only some services need is not installed everywhere
            importlib.import_module(found.name)
    del sys.path[0]


def forked(folder: Path) -> tuple[int, str]:
    """The process of a service, and its address."""
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        os.dup2(write, 1)
        serve(folder)
    os.close(write)
    with os.fdopen(read) as lines:
        for line in lines:
            if " ready on " in line:
                return process, line.rpartition(" ")[2].strip()
    raise SystemExit(f"{folder.name} did not start")


def serve(folder: Path) -> NoReturn:
    """The service, in this process, until it is told to stop."""
    os.chdir(folder)
    sys.path[0] = str(folder)
    sys.argv = ["main.py", "--port", "0", "--drain-s", "0", "--workers", "1"]
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        runpy.run_path("main.py", run_name="__main__")
    finally:
        sys.stderr.flush()
        os._exit(0)


def main(build: Path, front: str) -> None:
    """All of them."""
    processes = []
    folders = sorted((build / "services").iterdir(), key=lambda folder: folder.name == front)
    load_runtime(folders)
    for folder in folders:
        process, address = forked(folder)
        processes.append(process)
        os.environ[f"DAGC_SERVICE_{folder.name.upper().replace('-', '_')}"] = address
        print(f"{folder.name} {process} {address}", flush=True)
    print(f"all ready on {address}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    for process in reversed(processes):
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
