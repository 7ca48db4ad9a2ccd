"""The port: one socket for each worker, all bound before any of them listens.

The first is bound alone, so that a port another service holds is told; only then is it shared (SO_REUSEPORT). The
kernel spreads connections over the sockets, which no single shared one does.
"""

import errno
import socket

from .settings import StartError


def bind(host: str, port: int, count: int = 1) -> tuple[socket.socket, ...]:
    """`count` bound sockets of one port that do not listen yet. Port 0 takes a free one.

    Raises:
        StartError: `port_in_use`, `cannot_bind`.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise StartError("cannot_bind", f"`{host}` is not an address of this machine") from None
    bound: list[socket.socket] = []
    try:
        for _ in range(count):
            listener = socket.socket(family, kind)
            bound.append(listener)
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if listener is not bound[0]:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                address = bound[0].getsockname()
            listener.bind(address)
            if count > 1 and listener is bound[0]:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        for listener in bound:
            listener.close()
        raise cannot_bind(host, port, error) from None
    return tuple(bound)


def cannot_bind(host: str, port: int, error: OSError) -> StartError:
    """Why this port cannot be listened on."""
    if error.errno == errno.EADDRINUSE:
        message = f"port {port} of {host} is in use; stop what listens there, or take a free port with `--port 0`"
        return StartError("port_in_use", message)
    return StartError("cannot_bind", f"cannot listen on port {port} of {host}: {error.strerror}")
