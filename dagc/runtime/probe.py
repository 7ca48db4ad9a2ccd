"""The health check of a container: exit code 0 when the service in it is ready. A script that needs no shell."""

import os
import socket
import sys

TIMEOUT_S = 2.0


def main() -> None:
    """Ask /ready of this container's own port."""
    port = int(os.environ.get("DAGC_PORT", "8000"))
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
            connection.sendall(b"GET /ready HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
            status = connection.recv(64).split(b" ")[1:2]
    except OSError as error:
        sys.exit(f"no answer from port {port}: {error.strerror or type(error).__name__}")
    if status != [b"200"]:
        sys.exit(f"/ready answers {b''.join(status).decode('ascii', 'replace')}")


if __name__ == "__main__":
    main()
