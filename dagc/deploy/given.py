"""What a person gives a deployment: variables, and secrets as files that only the service's user may read."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from dagc.diagnostics import CompileError, Diagnostic

SECRETS = "/run/secrets"
"""Where a service finds its secrets, one file each, as with Compose and Kubernetes."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


def variables(texts: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE` texts as variables; anybody who may look at the container can read them.

    Raises:
        CompileError: a text is not of that form (E0723).
    """
    return dict(_pairs(texts, "--env", "NAME=VALUE"))


def secrets(texts: Iterable[str]) -> dict[str, Path]:
    """`NAME=FILE` texts as files by their name.

    Raises:
        CompileError: a text is not of that form, or there is no such file (E0723).
    """
    found = {name: Path(file) for name, file in _pairs(texts, "--secret", "NAME=FILE")}
    for name, file in found.items():
        if not file.is_file():
            message = f"there is no file `{file}` for the secret `{name}`"
            raise CompileError.of(Diagnostic("E0723", message, help="give the path of a file that exists"))
    return {name: file.resolve() for name, file in found.items()}


def _pairs(texts: Iterable[str], option: str, form: str) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not value or not _NAME.fullmatch(name):
            # The value may be a secret, given to the wrong option: it is not repeated.
            message = f"`{option}` is not given as `{form}`"
            help_ = "the name is of letters of English, digits, `_`, `-` and `.`, and begins with no digit"
            raise CompileError.of(Diagnostic("E0723", message, help=help_))
        yield name, value
