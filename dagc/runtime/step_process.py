"""A process that runs the user's steps for a worker; its arguments are a socket's number and the service's folder.

It imports the user's modules as the service does and answers one question at a time on a socket of its own, until
the socket ends. What a step raises goes back as a name and a place, without its text, which may hold values.
"""

import contextlib
import ctypes
import os
import pkgutil
import signal
import socket
import struct
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import cast

from .crossing import Types, pack, unpack
from .executor import NICE

_SIZE = struct.Struct(">Q")
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Answer until nobody asks any more."""
    descriptor, folder = int(sys.argv[1]), sys.argv[2]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the worker says when it is over, by closing the socket
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.nice(NICE)
        Path("/proc/self/oom_score_adj").write_text("500")  # where memory ends, it goes before its worker
    sys.path.insert(0, folder)
    with socket.socket(fileno=descriptor) as connection:
        while (question := receive(connection)) is not None:
            send(connection, _answer(question))


def send(connection: socket.socket, frame: bytes) -> None:
    """Write a frame behind its length."""
    connection.sendall(_SIZE.pack(len(frame)))
    connection.sendall(frame)


def receive(connection: socket.socket) -> bytearray | None:
    """The next frame; `None` where the other end has gone.

    Raises:
        TimeoutError: it does not come in the socket's time.
    """
    head = _exactly(connection, _SIZE.size)
    return None if head is None else _exactly(connection, *_SIZE.unpack(head))


def function_of(step: str) -> tuple[Callable[..., object], Types]:
    """The user's function of the step `module.name` and its types; of a step of lists that of the lists."""
    found = pkgutil.resolve_name(step)
    function = cast("Callable[..., object]", getattr(found, "__dagc_lists__", found))
    return function, Types(function)


_function_of = cache(function_of)


def _answer(question: bytearray) -> bytes:
    asked = cast("dict[str, object]", unpack(question))
    try:
        if "load" in asked:
            return pack({"result": [_function_of(step)[0].__name__ for step in cast("list[str]", asked["load"])]})
        function, types = _function_of(cast(str, asked["step"]))
        arguments = types.arguments(cast("dict[str, object]", asked["arguments"]))
        return pack({"result": types.plain_result(function(**arguments))})
    except BaseException as error:  # also SystemExit: it ends a request, not this process
        return pack(_told(error))


def _told(error: BaseException) -> dict[str, object]:
    if any(kind.__name__ == "Refuse" for kind in type(error).__mro__):
        field = getattr(error, "field", None)
        reason, status = str(getattr(error, "reason", "")), getattr(error, "status", 422)
        return {"refused": [reason, None if field is None else str(field), status]}
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = "" if at is None else f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}"
    return {"failed": [type(error).__name__, place]}


def _exactly(connection: socket.socket, size: int) -> bytearray | None:
    found = bytearray(size)
    view = memoryview(found)
    while view:
        count = connection.recv_into(view)
        if not count:
            return None
        view = view[count:]
    return found
