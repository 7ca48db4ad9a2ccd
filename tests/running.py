"""Built services as processes of their own, `dagc` as a command, and answers compared within a tolerance."""

import contextlib
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
DAGC = (sys.executable, "-m", "dagc")
KEYS = {"FRAUD_API_KEYS": "tests:0123456789abcdef0123456789abcdef"}
"""Keys of callers for the graphs of the repository that ask for one."""
KEY = {"x-api-key": KEYS["FRAUD_API_KEYS"].partition(":")[2]}
"""What a request to them carries."""


def dagc(*words: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`dagc words...`, ended, with what it printed; that it takes long is the machine's matter and left out."""
    done = subprocess.run(
        [*DAGC, *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    done.stderr = re.sub(r"^after \d+ s .*; Ctrl-C stops it\n", "", done.stderr, flags=re.MULTILINE)
    return done


@contextmanager
def serving(folder: Path, *words: str, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address of a built service while `python <words> main.py` runs in its folder."""
    command = [sys.executable, *words, "main.py", "--port", "0", "--drain-s", "0"]
    clean = {**os.environ, **KEYS, "PYTHONDONTWRITEBYTECODE": "1", "DAGC_ACCESS_LOG": "off"}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=clean if environment is None else environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield ready_address(process)
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors


def ready_address(process: subprocess.Popen[str]) -> str:
    """The address that a starting service prints; its errors if it ends instead."""
    assert process.stdout and process.stderr
    for line in process.stdout:
        if " ready on " in line:
            return line.rpartition(" ")[2].strip()
    raise AssertionError(process.stderr.read())


@contextmanager
def door(path: Path) -> Iterator[int]:
    """The port that a door of releases holds."""
    port = free_port()
    command = [sys.executable, "-I", "-S", str(ROOT / "dagc" / "runtime" / "door.py"), str(path), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == f"holding port {port}\n"
        yield port
        process.terminate()


def free_port() -> int:
    """A port where nobody listens, none of those that a kernel gives to whoever asks for any (from 32768 on)."""
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def until(is_so: Callable[[], object], what: str = "it has not come to pass", *, seconds: float = 60.0) -> None:
    """Returns as soon as something is so; a machine that is slow or busy is waited for."""
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, what
        time.sleep(0.01)


def near(given: object, wanted: object, tolerance: float) -> bool:
    """True when two JSON documents are equal but for numbers that are at most `tolerance` apart."""
    if isinstance(wanted, Mapping):
        same = isinstance(given, Mapping) and given.keys() == wanted.keys()
        return same and all(near(given[key], wanted[key], tolerance) for key in wanted)
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        same = isinstance(given, Sequence) and len(given) == len(wanted)
        return same and all(near(a, b, tolerance) for a, b in zip(given, wanted, strict=True))
    if isinstance(wanted, float) and isinstance(given, int | float):
        return abs(given - wanted) <= tolerance
    return given == wanted
