"""The address a service will listen on, tried before the build, so that a port in use is told at once."""

import errno
import socket

from dagc.diagnostics import CompileError, Diagnostic


def require_free(host: str, port: int) -> None:
    """Bind `port` of `host` for an instant, as the service will.

    Raises:
        CompileError: something listens there (E0701), or this machine cannot listen there at all (E0702).
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        help_ = "use `127.0.0.1` for this machine only, `0.0.0.0` for its whole network"
        message = f"`{host}` is not an address of this machine"
        raise CompileError.of(Diagnostic("E0702", message, help=help_)) from None
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise CompileError.of(_refused(host, port, error)) from None


def _refused(host: str, port: int, error: OSError) -> Diagnostic:
    if error.errno == errno.EADDRINUSE:
        help_ = "stop what listens there, choose another port, or take a free one with `--port 0`"
        return Diagnostic("E0701", f"port {port} of {host} is in use", help=help_)
    reason = (error.strerror or type(error).__name__).lower()
    higher = "ports below 1024 belong to the system: choose a higher one"
    help_ = higher if error.errno == errno.EACCES else "use an address of this machine, or `127.0.0.1`"
    return Diagnostic("E0702", f"this machine cannot listen on port {port} of {host}: {reason}", help=help_)
