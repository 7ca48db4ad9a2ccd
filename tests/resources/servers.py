"""A real PostgreSQL and a real Redis, started on free ports of this machine and stopped by their process."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.running import free_port

PATIENCE_S = 60.0


@contextmanager
def server_folder() -> Iterator[Path]:
    """A folder that another user may enter, whose path is short enough for anything."""
    with tempfile.TemporaryDirectory(prefix="dagc-servers-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@dataclass
class Server:
    """A program that listens on a port of loopback; it can be stopped, frozen, and started again."""

    command: Callable[[int], Sequence[str]]
    user: str | None = None
    probe: str = "true"
    """A program that is given the port with `-p` and fails while the server takes no connections yet."""
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        self.port = self.port or free_port()
        self._process = subprocess.Popen(
            as_user(self.user, self.command(self.port)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                pytest.fail(f"{self.command(self.port)[0]} ended with {self._process.returncode}")
            with socket.socket() as probe:
                listens = probe.connect_ex(("127.0.0.1", self.port)) == 0
            if (
                listens
                and subprocess.run([self.probe, "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0
            ):
                return
            time.sleep(0.05)
        pytest.fail(f"{self.command(self.port)[0]} does not listen")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGINT)
            self._process.wait(PATIENCE_S)
            self._process = None

    def freeze(self) -> None:
        """It keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self._process.pid)], capture_output=True, text=True
        )
        for pid in (*map(int, found.stdout.split()), self._process.pid):
            os.kill(pid, number)


def as_user(user: str | None, command: Sequence[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if user is None or os.geteuid() != 0:
        return [*command]
    group = pwd.getpwnam(user).pw_gid
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *command]


def postgres(folder: Path) -> Server:
    """A cluster of the user `app`, whose password is `canary-secret`, with the database `postgres`."""
    initdb = program("initdb", "postgresql")
    user = unprivileged() if os.geteuid() == 0 else None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "password").write_text("canary-secret\n")
    if user is not None:
        owner = pwd.getpwnam(user)
        for path in (folder, folder / "password"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    made = [initdb, "-D", str(folder / "data"), "-U", "app", "-A", "scram-sha-256", "--no-sync", "-E", "UTF8"]
    subprocess.run(
        as_user(user, [*made, f"--pwfile={folder / 'password'}", "--locale=C"]), check=True, capture_output=True
    )
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
    served = [str(Path(initdb).with_name("postgres")), "-D", str(folder / "data"), *options]
    return Server(lambda port: [*served, "-p", str(port)], user, program("pg_isready", "postgresql"))


def unprivileged() -> str:
    """The user of the distribution's package, else the one that owns nothing."""
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


def redis(folder: Path) -> Server:
    """A server that keeps nothing, with the password `canary-secret`."""
    folder.mkdir(parents=True, exist_ok=True)
    name = program("redis-server", "redis-server") if not shutil.which("valkey-server") else "valkey-server"
    options = ["--bind", "127.0.0.1", "--save", "", "--requirepass", "canary-secret", "--dir", str(folder)]
    return Server(lambda port: [name, *options, "--port", str(port)])


def program(name: str, package: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    path = shutil.which(name) or (str(found[-1]) if found else None)
    if path is None:
        pytest.fail(f"`{name}` is missing: run tests/resources/install.sh as root, or install `{package}`")
    return path
