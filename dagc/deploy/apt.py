"""Packages of the base's distribution, by the apt of this machine: resolved for the base, and fetched by hash.

apt works on folders of its own here, with the base's packages as the installed ones and this machine's sources and
keys; nothing of this machine changes and no root is needed.
"""

import os
import platform
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from dagc.artifacts.system_package import SystemFile
from dagc.deploy.base import Base
from dagc.deploy.refusals import one_line
from dagc.diagnostics import CompileError, Diagnostic

_LISTED = re.compile(r"'[^']+' (?P<name>[^_ ]+)_(?P<version>[^_ ]+)_(?P<architecture>[^_ ]+)\.deb \d+ \S+")
_NEW_FORM = "run `dagc lock` again; a distribution's servers keep only its newest packages"
_TIMEOUT_S = 600


def why_not(base: Base) -> str | None:
    """Why this machine's apt cannot resolve packages for the base, if so."""
    try:
        system = platform.freedesktop_os_release()
        subprocess.run(["apt-get", "--version"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "this machine has no apt"
    here = system.get("ID", ""), system.get("VERSION_CODENAME", "")
    there = base.system[0], base.system[2]
    if here != there:
        return f"this machine's apt is of `{' '.join(here)}`, and the base is of `{' '.join(there)}`"
    return None


def resolved(base: Base, wanted: tuple[str, ...]) -> tuple[SystemFile, ...]:
    """The files that give the base the packages `wanted` (`libgl1`, `libgl1=1.6.0-1`), by name; needs a network.

    Raises:
        CompileError: apt does not find or fetch them (E0731), or one cannot be just unpacked (E0732).
    """
    inside = {(package.name, package.version) for package in base.packages}
    with _apt(base) as apt:
        listed = apt.run("install", "--yes", "--no-install-recommends", "--no-remove", "--print-uris", *wanted)
        found = (_LISTED.fullmatch(line) for line in listed.splitlines())
        new = [
            (each["name"], each["version"].replace("%3a", ":"), each["architecture"])
            for each in found
            if each and (each["name"], each["version"].replace("%3a", ":")) not in inside
        ]
        files = []
        for name, version, architecture in sorted(new):
            content = apt.download(name, version, architecture)
            files.append(
                SystemFile(
                    name=name, version=version, architecture=architecture, sha256=sha256(content).hexdigest()
                )
            )
            _keep(content)
    scripted = [file for file in files if _scripts(_kept(file))]
    if scripted:
        names = ", ".join(f"`{file.name}`" for file in scripted)
        help_ = "make a base with them and lock it with `dagc lock --base`; `dagc explain E0732` shows how"
        message = "some system packages set themselves up by a script when they are installed, which no build runs"
        raise CompileError.of(Diagnostic("E0732", message, notes=(names,), help=help_))
    return tuple(files)


def unpacked(base: Base, files: Sequence[SystemFile], target: Path) -> None:
    """Fill `target` with a `NAME.tar` of the files and a `NAME.control` of the fields of each package.

    What was fetched before is taken from the cache of this user.

    Raises:
        CompileError: a file cannot be had, or is not the one that was locked (E0731).
    """
    target.mkdir()
    machine = _architecture(base)
    for file in files:
        if file.architecture not in {machine, "all"}:
            message = f"system packages are locked for `{file.architecture}`, and the base is for `{machine}`"
            raise CompileError.of(_refused(message, f"`{file.name}` {file.version}"))
    missing = [file for file in files if not _kept(file).is_file()]
    if missing:
        if (reason := why_not(base)) is not None:
            raise CompileError.of(_refused("the locked system packages cannot be fetched", reason))
        with _apt(base) as apt:
            for file in missing:
                content = apt.download(file.name, file.version, file.architecture)
                if sha256(content).hexdigest() != file.sha256:
                    raise CompileError.of(_refused(f"`{file.name}` is not the file that was locked", file.version))
                _keep(content)
    for file in files:
        (target / f"{file.name}.tar").write_bytes(_dpkg("--fsys-tarfile", _kept(file)))
        (target / f"{file.name}.control").write_bytes(_dpkg("--field", _kept(file)))


@dataclass(frozen=True, slots=True)
class _Apt:
    folder: Path
    options: tuple[str, ...]

    def run(self, *words: str) -> str:
        """What `apt-get` prints."""
        done = subprocess.run(
            ["apt-get", "--quiet=2", *self.options, *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
        if done.returncode != 0:
            raise CompileError.of(_refused("apt cannot get the system packages", done.stderr))
        return done.stdout

    def download(self, name: str, version: str, architecture: str) -> bytes:
        """The package file, which apt has checked against its signed index."""
        for old in self.folder.glob("*.deb"):
            old.unlink()
        of = "" if architecture == "all" else f":{architecture}"
        self.run("download", f"{name}{of}={version}")
        (file,) = self.folder.glob("*.deb")
        return file.read_bytes()


@contextmanager
def _apt(base: Base) -> Iterator[_Apt]:
    """The apt for the base's machine, which knows the newest packages and those in the base."""
    with TemporaryDirectory(prefix="dagc-apt-") as name:
        folder = Path(name)
        (folder / "state" / "lists" / "partial").mkdir(parents=True)
        (folder / "cache" / "archives" / "partial").mkdir(parents=True)
        paragraphs = (
            f"Package: {each.name}\nStatus: install ok installed\nVersion: {each.version}\n"
            f"Architecture: {each.architecture}\n"
            for each in base.packages
        )
        (folder / "status").write_text("\n".join(paragraphs), encoding="utf-8")
        settings = {
            "Dir::State": folder / "state",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "APT::Architecture": _architecture(base),
            "APT::Architectures": _architecture(base),
            "APT::Sandbox::User": "root",  # nobody else reads the folder
            "Debug::NoLocking": "1",
        }
        apt = _Apt(folder, tuple(f"--option={key}={value}" for key, value in settings.items()))
        apt.run("update")
        yield apt


def _architecture(base: Base) -> str:
    return next((each.architecture for each in base.packages if each.architecture not in {"", "all"}), "amd64")


def _scripts(package: Path) -> bool:
    """Whether a package does more at its installation than being unpacked."""
    listed = subprocess.run(
        ["tar", "--list"], input=_dpkg("--ctrl-tarfile", package), capture_output=True, check=True
    ).stdout.decode()
    return any(Path(line).name in {"preinst", "postinst"} for line in listed.splitlines())


def _dpkg(what: str, package: Path) -> bytes:
    try:
        return subprocess.run(["dpkg-deb", what, str(package)], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise CompileError.of(
            _refused("`dpkg-deb` of this machine does not unpack a package", str(error))
        ) from None


def _keep(content: bytes) -> None:
    folder = _cache()
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / f"{sha256(content).hexdigest()}.{os.getpid()}"
    written.write_bytes(content)
    written.replace(written.with_suffix(".deb"))


def _kept(file: SystemFile) -> Path:
    return _cache() / f"{file.sha256}.deb"


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dagc" / "system"


def _refused(message: str, reason: str) -> Diagnostic:
    lines = [one_line(line) for line in reason.splitlines() if line.strip() and not line.startswith("W:")]
    return Diagnostic("E0731", message, notes=tuple(lines[:4]), help=_NEW_FORM)
