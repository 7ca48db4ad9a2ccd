"""The base image: what Python and which Debian packages are in it, asked of the image itself."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from docker.errors import APIError

from dagc.artifacts.system_package import SystemFile
from dagc.deploy.engine import Engine, Limits, Wanted
from dagc.deploy.images import Image, find, find_or_pull
from dagc.deploy.progress import Progress
from dagc.deploy.refusals import one_line, refusals
from dagc.diagnostics import CompileError, Diagnostic

_WAIT_S = 60
_MIB = 1024 * 1024
_OF_ANOTHER_MACHINE = "exec format error"

# Runs inside the base with nothing but the standard library; distroless images keep one file a package.
_SURVEY = """
import glob, json, platform, sys
def fields(text):
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line and not line.startswith(" "))
packages = []
for path in ["/var/lib/dpkg/status", *sorted(glob.glob("/var/lib/dpkg/status.d/*"))]:
    if path.endswith(".md5sums"):
        continue
    try:
        paragraphs = open(path, encoding="utf-8", errors="replace").read().split("\\n\\n")
    except OSError:
        continue
    for found in map(fields, paragraphs):
        if "Package" in found and "Version" in found and "not-installed" not in found.get("Status", ""):
            packages.append([found["Package"], found["Version"], found.get("Architecture", "")])
try:
    system = platform.freedesktop_os_release()
except OSError:
    system = {}
print(json.dumps({
    "python": list(sys.version_info[:3]), "machine": platform.machine(), "libc": platform.libc_ver(),
    "system": [system.get("ID", ""), system.get("VERSION_ID", ""), system.get("VERSION_CODENAME", "")],
    "packages": sorted(packages),
}))
"""


@dataclass(frozen=True, slots=True)
class SystemPackage:
    """A package of the base's distribution."""

    name: str
    version: str
    architecture: str


@dataclass(frozen=True, slots=True)
class Base:
    """A base image and what is in it. `glibc` is its version (2, 36), or nothing for another C library."""

    name: str
    image: Image
    python: tuple[int, int, int]
    machine: str
    glibc: tuple[int, int] | None
    system: tuple[str, str, str]
    """Name, version and code name of the distribution, as /etc/os-release has them."""
    packages: tuple[SystemPackage, ...]


def survey(engine: Engine, name: str, progress: Progress, platform: str | None = None) -> Base:
    """What is in the base image of this name.

    Raises:
        CompileError: it cannot be had (E0712), has no Python (E0719), or its programs do not run here (E0727).
    """
    image = find_or_pull(engine, name, progress, platform)
    code, answer = _asked(engine, image)
    if _OF_ANOTHER_MACHINE in answer:
        help_ = "install QEMU's `binfmt` handlers on the engine's machine, or build on a machine of that kind"
        message = f"the `python3` of `{name}` is for another kind of machine than the engine's"
        raise CompileError.of(Diagnostic("E0727", message, notes=(one_line(answer),), help=help_))
    try:
        found = json.loads(answer) if code == 0 else None
    except ValueError:
        found = None
    if found is None:
        help_ = "build on an image with Python 3.11 or later, such as `python:3.12-slim`"
        message = f"the image `{name}` has no `python3` that runs"
        raise CompileError.of(Diagnostic("E0719", message, notes=(one_line(answer),), help=help_))
    libc, version = found["libc"]
    major, _, minor = str(version).partition(".")
    return Base(
        name=name,
        image=image,
        python=tuple(found["python"]),
        machine=str(found["machine"]),
        glibc=(int(major), int(minor.partition(".")[0])) if libc == "glibc" else None,
        system=tuple(found["system"]),
        packages=tuple(SystemPackage(*each) for each in found["packages"]),
    )


def with_files(base: Base, files: Iterable[SystemFile]) -> Base:
    """The base with packages unpacked on top; one that was there in another version is replaced."""
    new = {file.name: SystemPackage(file.name, file.version, file.architecture) for file in files}
    kept = (package for package in base.packages if package.name not in new)
    return replace(base, packages=tuple(sorted((*kept, *new.values()), key=lambda package: package.name)))


def has_packages(base: Base, wanted: tuple[str, ...]) -> None:
    """Return when all these packages (`libgl1`, `libgl1=1.6.0-1`) are in the base.

    Raises:
        CompileError: one is not (E0726).
    """
    versions = {package.name: package.version for package in base.packages}
    missing = []
    for package in wanted:
        name, _, version = package.partition("=")
        if name not in versions:
            missing.append(f"`{name}` is not in it")
        elif version and versions[name] != version:
            missing.append(f"`{name}` is there as {versions[name]}, and {version} is needed")
    if missing:
        help_ = "run `dagc lock` where it can resolve them, or make a base with them; see `dagc explain E0726`"
        message = f"the base `{base.name}` has not all system packages the lock names"
        raise CompileError.of(Diagnostic("E0726", message, notes=tuple(missing), help=help_))


def pinned(engine: Engine, name: str) -> str:
    """`name` with its digest: that of the image the engine has, else what the registry says, else without."""
    if "@sha256:" in name:
        return name
    image = find(engine, name)
    if image is not None:
        known = (digest.partition("@") for digest in image.digests)
        repository = _repository(name)
        return next((f"{name}@{digest}" for of, _, digest in known if of == repository), name)
    try:
        digest = engine.client.inspect_distribution(name)["Descriptor"]["digest"]
    except (APIError, KeyError):
        return name
    return f"{name}@{digest}"


def _repository(name: str) -> str:
    """`name` without its tag; a colon before a slash is the host's port."""
    head, colon, tail = name.rpartition(":")
    return head if colon and "/" not in tail else name


def _asked(engine: Engine, image: Image) -> tuple[int, str]:
    limits = Limits(memory_bytes=256 * _MIB, nano_cpus=10**9, pids=16)
    wanted = Wanted(
        name="",
        image=image.id,
        labels={"dagc.role": "survey"},
        user="65532:65532",
        limits=limits,
        command=("python3", "-I", "-S", "-c", _SURVEY),
    )
    container = engine.create(wanted)
    try:
        with refusals("look into the base image"):
            try:
                engine.client.start(container)
            except APIError as error:  # no such program
                return 127, str(error.explanation)
            code = engine.client.wait(container, timeout=_WAIT_S)["StatusCode"]
            answer = engine.client.logs(container, stdout=True, stderr=code != 0)
        return int(code), bytes(answer).decode("utf-8", "replace")
    finally:
        engine.remove(container)
