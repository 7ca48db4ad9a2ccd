"""Virtual environments made on demand, one per peer and one per set of a service's requirements, kept in a cache.

An environment's folder is named by what went into it, so a changed pin makes a new one.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE / ".cache"


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment, its size on disk, and the packages in it."""

    folder: Path
    size_mb: float
    packages: dict[str, str]

    @property
    def programs(self) -> Path:
        """Where `python` and the packages' commands are."""
        return self.folder / "bin"


def environment(name: str, requirements: Path) -> Environment:
    """The environment `name` with these requirements installed; made now if it is not there."""
    wanted = requirements.read_bytes() + platform.python_version().encode()
    folder = CACHE / "environments" / f"{name}-{hashlib.sha256(wanted).hexdigest()[:10]}"
    facts = folder / "benchmark.json"
    if not facts.exists():
        print(f"making the environment of {name}", flush=True)
        _make(folder, requirements)
        found = {"size_mb": _size_mb(folder), "packages": _packages(folder)}
        facts.write_text(json.dumps(found), encoding="utf-8")
    known = json.loads(facts.read_text(encoding="utf-8"))
    return Environment(folder, known["size_mb"], known["packages"])


def _make(folder: Path, requirements: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", os.fspath(folder)], check=True)
    pip = (os.fspath(folder / "bin" / "python"), "-m", "pip", "-qq", "--disable-pip-version-check")
    # What dagc locked is all that is needed, and less than the packages themselves ask for.
    complete = ["--no-deps"] if "--hash=" in requirements.read_text(encoding="utf-8") else []
    subprocess.run([*pip, "install", *complete, "-r", os.fspath(requirements)], check=True)


def _packages(folder: Path) -> dict[str, str]:
    command = [
        os.fspath(folder / "bin" / "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "list",
        "--format",
        "json",
    ]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    return {each["name"].lower(): each["version"] for each in json.loads(listed.stdout)}


def _size_mb(folder: Path) -> float:
    """Size on disk in MB (2**20 bytes), less pip, which no server needs at run time."""
    blocks = 0
    for file in folder.rglob("*"):
        if not {"pip", "setuptools"} & set(file.parts) and not file.is_symlink():
            blocks += file.stat().st_blocks
    return round(blocks * 512 / 2**20, 1)
