"""The door of a deployed service: it holds the port and lends its sockets to whoever serves.

A release that begins and one that ends share these sockets for a moment; they stay open when either is gone, so
whoever connects meanwhile waits and is not refused. The same idea as systemd's socket activation, over a Unix
socket (SCM_RIGHTS), so that a service may have no network at all. Run as a script; it imports nothing of its own.
"""

import selectors
import signal
import socket
import sys
from pathlib import Path

SOCKETS = 8
"""As many as a service has workers at most by default; the kernel spreads connections over them."""
BACKLOG = 2048
_LONGEST_QUEUE = 64


def main() -> None:
    """Hold port `argv[2]` and lend it at the Unix socket `argv[1]`, until SIGTERM.

    It is that of the address `argv[3]`, without one of all of this container. Port 0 takes a free one.
    """
    path, port = Path(sys.argv[1]), int(sys.argv[2])
    host = sys.argv[3] if len(sys.argv) > 3 else "0.0.0.0"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    first = _listening(host, port)
    port = first.getsockname()[1]
    sockets = [first, *(_listening(host, port) for _ in range(SOCKETS - 1))]
    path.unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    door.bind(str(path))
    path.chmod(0o600)
    door.listen(_LONGEST_QUEUE)
    print(f"holding port {port}", flush=True)
    _lend(door, sockets)


def _listening(host: str, port: int) -> socket.socket:
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.setblocking(False)
    listener.bind(address)
    listener.listen(BACKLOG)
    return listener


def _lend(door: socket.socket, sockets: list[socket.socket]) -> None:
    """Each guest gets all sockets; its connection stays open, so that its end tells it that the door is gone."""
    guests = selectors.DefaultSelector()
    guests.register(door, selectors.EVENT_READ)
    while True:
        for key, _ in guests.select():
            if key.fileobj is door:
                guest, _ = door.accept()
                guest.setblocking(False)
                try:
                    socket.send_fds(guest, [b"\0"], [each.fileno() for each in sockets])
                except OSError:
                    guest.close()
                    continue
                guests.register(guest, selectors.EVENT_READ)
            elif isinstance(key.fileobj, socket.socket):  # a guest says nothing: it has left
                guests.unregister(key.fileobj)
                key.fileobj.close()


if __name__ == "__main__":
    main()
