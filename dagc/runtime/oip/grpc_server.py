"""The gRPC port of one worker; importing this imports grpclib, h2 and protobuf, which nothing else here does."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

from uvicorn.server import ServerState

from ..front import Front
from .grpc_connection import GrpcConnection
from .grpc_methods import Methods


async def listen(front: Front, server_state: ServerState, listener: socket.socket, backlog: int) -> asyncio.Server:
    """The server of `listener`, whose connections are the worker's."""
    connect = partial(GrpcConnection, front, Methods(front), server_state)
    return await asyncio.get_running_loop().create_server(connect, sock=listener, backlog=backlog)
