"""Serves all services of a build, forked from one process that has loaded the libraries; ends them at SIGTERM.

`python apart.py BUILD FRONT`: prints where the front is ready. Numbers in the environment hold for all of them.
"""

import os
import runpy
import signal
import sys
from pathlib import Path
from typing import NoReturn

import numpy  # noqa: F401
import onnxruntime  # noqa: F401
import pydantic  # noqa: F401
import uvicorn  # noqa: F401


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
    for folder in sorted((build / "services").iterdir(), key=lambda folder: folder.name == front):
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
