"""Values a service is given from outside, by name: from the environment, or from a file that holds a secret.

Files are how Docker, Kubernetes and systemd hand secrets over: they do not show in `docker inspect`, and children
do not inherit them.
"""

import os
from pathlib import Path

from .settings import StartError

SECRETS = Path("/run/secrets")
MOST_BYTES = 65_536
"""A list of keys fits; a file that was named by mistake does not fill the memory."""


def setting(name: str) -> str | None:
    """A setting's value: of the variable `name`, of the file that `name`_FILE names, or of /run/secrets/`name`.

    One newline at a file's end is no part of it. `None` where there is none of the three; an empty variable or
    file counts as none.

    Raises:
        StartError: `setting`, a file is there (or named) and cannot be read, is no text or holds over 64 KiB. What
            it holds is never repeated.
    """
    if text := os.environ.get(name):
        return text
    named = os.environ.get(f"{name}_FILE")
    if named:
        return _of_file(Path(named), f"the file that {name}_FILE names")
    mounted = SECRETS / name
    return _of_file(mounted, f"`{mounted}`") if mounted.exists() else None


def _of_file(path: Path, called: str) -> str | None:
    try:
        with path.open("rb") as file:
            held = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise StartError("setting", f"{called} cannot be read: {error.strerror}") from None
    if len(held) > MOST_BYTES:
        raise StartError("setting", f"{called} holds more than {MOST_BYTES} bytes")
    try:
        text = held.decode()
    except UnicodeDecodeError:
        raise StartError("setting", f"{called} is no text in UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r") or None
