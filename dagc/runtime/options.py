"""Where, with how many workers and how long to serve: the command line first, then the environment."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from .cpu_limit import cpu_limit
from .logs import read_share
from .settings import StartError

MOST_BY_DEFAULT = 8
"""Workers nobody asked for: a machine of 64 CPUs is rarely one service's."""


@dataclass(frozen=True, slots=True)
class Options:
    """`access_log` is the share of answers that is logged; with `open_metrics` they need no key.

    Without a `grpc_port` nothing is answered over gRPC.
    """

    host: str
    port: int
    workers: int
    drain_s: float
    access_log: float | None
    open_metrics: bool = False
    grpc_port: int | None = None


def read_options(arguments: Sequence[str]) -> Options:
    """Options from the command line, else from DAGC_HOST, DAGC_PORT, DAGC_WORKERS, DAGC_DRAIN_S and others.

    Raises:
        StartError: `bad_setting`.
    """
    parser = _Parser(description="Serve this service over HTTP.")
    env = os.environ
    parser.add_argument("--host", default=env.get("DAGC_HOST", "127.0.0.1"), help="address to listen on")
    port = env.get("DAGC_PORT", "8000")
    parser.add_argument("--port", default=port, help="port to listen on; 0 takes a free one")
    count = env.get("DAGC_WORKERS") or str(min(cpu_limit(), MOST_BY_DEFAULT))
    parser.add_argument("--workers", default=count, help="processes that serve; by default one for each CPU")
    wait = env.get("DAGC_DRAIN_S", "5")
    parser.add_argument("--drain-s", default=wait, help="seconds to keep accepting after SIGTERM")
    grpc = env.get("DAGC_GRPC_PORT") or None
    parser.add_argument("--grpc-port", default=grpc, help="port for gRPC, off without one; 0 takes a free one")
    found = parser.parse_args(arguments)
    workers = _whole(found.workers, "--workers", 1, 256)
    if workers > 1 and sys.platform != "linux":
        raise StartError("bad_setting", "`--workers` above 1 needs Linux")
    return Options(
        host=found.host,
        port=_whole(found.port, "--port", 0, 65535),
        workers=workers,
        drain_s=_number(found.drain_s, "--drain-s", 0, 3600),
        access_log=read_share(env.get("DAGC_ACCESS_LOG")),
        open_metrics=_switch("DAGC_OPEN_METRICS"),
        grpc_port=None if found.grpc_port is None else _whole(found.grpc_port, "--grpc-port", 0, 65535),
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One clear line instead of a usage text."""
        raise StartError("bad_setting", message)


def _switch(name: str) -> bool:
    text = os.environ.get(name) or "0"
    if text not in ("0", "1"):
        raise StartError("bad_setting", f"{name} must be 0 or 1")
    return text == "1"


def _whole(text: str, name: str, least: int, most: int) -> int:
    number = _number(text, name, least, most)
    if number != int(number):
        raise StartError("bad_setting", f"`{name}` must be a whole number")
    return int(number)


def _number(text: str, name: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = least - 1.0
    if not least <= number <= most:
        message = f"`{name}` must be a number from {least:g} to {most:g}, it is `{text[:40]}`"
        raise StartError("bad_setting", message)
    return number
