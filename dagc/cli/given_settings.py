"""Whether the settings that a built service cannot start without are given to a command that starts it here."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from dagc.diagnostics import CompileError, Diagnostic

_SECRETS = Path("/run/secrets")


def require_settings(folder: Path) -> None:
    """Return when every setting is given that the service in `folder` needs.

    Raises:
        CompileError: E0376, one for each that is not.
    """
    if missing := tuple(_missing(folder)):
        raise CompileError.of(*missing)


def _missing(folder: Path) -> Iterator[Diagnostic]:
    described = json.loads((folder / "service.json").read_bytes())
    for setting in described.get("settings", ()):
        name = setting["name"]
        if setting["needed"] and not _given(name):
            message = f"setting `{name}` is not given, and service `{folder.name}` needs it: {setting['meaning']}"
            example = (
                f'`{name}="me:$(openssl rand -hex 16)"`'
                if "keys of callers" in setting["meaning"]
                else f"`{name}`"
            )
            help = f"set {example} in the environment, or name a file with it in `{name}_FILE`"
            yield Diagnostic("E0376", message, help=help)


def _given(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE")) or (_SECRETS / name).exists()
