"""A worker as the guest of a door: it serves the door's sockets beside its own port, and goes when that goes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from .settings import StartError

WAIT_S = 30.0
"""After a restart of the machine the door and the service begin in any order."""
_PAUSE_S = 0.1
_MOST_SOCKETS = 64


class Guest:
    """A connection to the door and the sockets of it that this worker is to serve."""

    def __init__(self, connection: socket.socket, listeners: tuple[socket.socket, ...]) -> None:
        self._connection = connection
        self.listeners = listeners

    @classmethod
    def of_door(cls, worker: int, workers: int) -> Guest | None:
        """The guest of the door that DAGC_DOOR names, if it names one: worker `worker` of `workers`.

        Raises:
            StartError: `no_door`, nobody opens within 30 seconds.
        """
        path = os.environ.get("DAGC_DOOR")
        if not path:
            return None
        connection = _connected(path)
        listeners = lent(connection, worker, workers)
        if not listeners:
            raise StartError("no_door", f"the door at `{path}` lends no sockets")
        connection.setblocking(False)
        return cls(connection, listeners)

    def watched(self, announce: Callable[[], None]) -> Callable[[], None]:
        """`announce`, after which the end of the door ends this process, to be started again."""

        def watch() -> None:
            asyncio.get_running_loop().add_reader(self._connection, self._leave)
            announce()

        return watch

    def _leave(self) -> NoReturn:
        asyncio.get_running_loop().remove_reader(self._connection)
        line = {"level": "error", "code": "door_closed", "message": "the door is gone, and the port with it"}
        print(json.dumps(line), file=sys.stderr, flush=True)
        sys.exit(1)


def lent(connection: socket.socket, worker: int, workers: int) -> tuple[socket.socket, ...]:
    """The sockets that worker `worker` of `workers` is to serve, of those that come over this connection."""
    _, descriptors, _, _ = socket.recv_fds(connection, 1, _MOST_SOCKETS)
    listeners = [socket.socket(fileno=number) for number in descriptors]
    if not listeners:
        return ()
    mine = shared(len(listeners), worker, workers)
    for at, listener in enumerate(listeners):
        if at not in mine:
            listener.close()
    return tuple(listeners[at] for at in mine)


def shared(sockets: int, worker: int, workers: int) -> tuple[int, ...]:
    """Which of so many sockets a worker serves: each socket has a worker, and each worker a socket."""
    return tuple(range(worker, sockets, workers)) or (worker % sockets,)


def _connected(path: str) -> socket.socket:
    until = time.monotonic() + WAIT_S
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(path)
        except OSError as error:
            connection.close()
            if time.monotonic() > until:
                message = f"nobody opens the door at `{path}`: {error.strerror}"
                raise StartError("no_door", message) from None
            time.sleep(_PAUSE_S)
        else:
            return connection
