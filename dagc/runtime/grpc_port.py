"""The gRPC port, where one is given: bound with the HTTP port, its packages loaded before workers are forked."""

from __future__ import annotations

import asyncio
import importlib
import socket
from dataclasses import dataclass
from typing import Protocol, cast

from uvicorn.server import ServerState

from .front import Front
from .guest import Guest
from .listening import bind
from .served import Served
from .settings import StartError


class Connect(Protocol):
    """Makes a connection of a worker; see `oip/grpc_connection.py`."""

    def __call__(self, front: Front, server_state: ServerState) -> asyncio.Protocol:
        """A connection that is to be made."""


@dataclass(frozen=True, slots=True)
class GrpcPort:
    """One worker's socket, what makes its connections, and the door (DAGC_GRPC_DOOR) whose sockets it has too."""

    listener: socket.socket
    connect: Connect
    door: Guest | None = None


def grpc_listeners(service: Served, host: str, port: int | None, count: int) -> tuple[socket.socket, ...]:
    """A bound socket for each worker, or none where no port is given.

    Raises:
        StartError: `bad_setting`, no graph of the service is in the protocol; `port_in_use`, `cannot_bind`.
    """
    if port is None:
        return ()
    if not service.models:
        message = "`--grpc-port` is for graphs of tensors, and no graph of this service is one; see `dagc plan`"
        raise StartError("bad_setting", message)
    return bind(host, port, count)


def grpc_port(listener: socket.socket | None, worker: int = 0, workers: int = 1) -> GrpcPort | None:
    """The port of worker `worker` of `workers`; loads what it needs.

    Raises:
        StartError: `grpc_missing`, a package is not installed.
    """
    if listener is None:
        return None
    try:
        # By name: who gives no such port shall not wait 0.1 s for its packages.
        module = importlib.import_module(".oip.grpc_connection", __package__)
    except ImportError as error:
        message = f"`--grpc-port` needs grpclib and protobuf, and `{error.name}` cannot be imported"
        raise StartError("grpc_missing", message) from None
    door = Guest.of("DAGC_GRPC_DOOR", worker, workers)
    return GrpcPort(listener, cast(Connect, module.GrpcConnection), door)
