"""What a person gives a deployment: variables, and secrets that become files only the service's user may read."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dagc.deploy.built_tree import BuiltService
from dagc.diagnostics import CompileError, Diagnostic

SECRETS = "/run/secrets"
"""Where a service finds its secrets, one file each, as with Compose and Kubernetes."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Given:
    """Values by name. No form of it that is printed shows one."""

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def of(self, service: BuiltService, deployment: "tuple[BuiltService, ...]") -> "Given":
        """What of it `service` gets: its own settings, and what is a setting of none of the services.

        A setting that is secret is a file, however it was given.
        """
        own = {setting.name: setting.secret for setting in service.settings}
        others = {setting.name for each in deployment for setting in each.settings} - own.keys()
        files = {name for name, secret in own.items() if secret}
        variables = {name: value for name, value in self.variables.items() if name not in others | files}
        secrets = {name: value for name, value in self.secrets.items() if name not in others}
        moved = {name: self.variables[name].encode() for name in files & self.variables.keys()}
        return Given(variables, {**moved, **secrets})


NOTHING = Given()


def variables(texts: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE` texts as variables, `NAME` alone as that of this process.

    Raises:
        CompileError: a text is not of that form, or there is no such variable (E0723).
    """
    return {name: _own(name) if value is None else value for name, value in _pairs(texts, "--env", "NAME=VALUE")}


def variables_of_file(file: Path) -> dict[str, str]:
    """The lines `NAME=VALUE` of a file, as they stand; empty lines and those that begin with `#` say nothing.

    Raises:
        CompileError: a line is not of that form, or the file cannot be read (E0723).
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise _no_file(file, "`--env-file`") from None
    said = (line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    return variables(said)


def secrets(texts: Iterable[str]) -> dict[str, bytes]:
    """What is in the files of `NAME=FILE` texts, by name; `NAME` alone: what the variable of this process holds.

    Raises:
        CompileError: a text is not of that form, or there is no such file or variable (E0723).
    """
    return {
        name: _own(name).encode() if file is None else _content(Path(file), name)
        for name, file in _pairs(texts, "--secret", "NAME=FILE")
    }


def needed_is_given(services: tuple[BuiltService, ...], given: Given) -> None:
    """Return when every setting without a default has a value.

    Raises:
        CompileError: one has none (E0724).
    """
    names = given.variables.keys() | given.secrets.keys()
    missing = {
        setting.name: setting
        for service in services
        for setting in service.settings
        if setting.needed and setting.name not in names
    }
    if not missing:
        return
    raise CompileError.of(
        *(
            Diagnostic(
                "E0724",
                f"the setting `{name}` has no value" + (f": {setting.meaning}" if setting.meaning else ""),
                help=f"give it with `--secret {name}=FILE`, or `--secret {name}` when it is in your environment"
                if setting.secret
                else f"give it with `--env {name}=VALUE`",
            )
            for name, setting in sorted(missing.items())
        )
    )


def _own(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        help_ = f"set it, or give its value in the same word: `{name}=...`"
        raise CompileError.of(Diagnostic("E0723", f"there is no variable `{name}` here", help=help_))
    return value


def _content(file: Path, name: str) -> bytes:
    try:
        with file.open("rb") as opened:
            held = opened.read(_MOST_BYTES + 1)
    except OSError:
        raise _no_file(file, f"the secret `{name}`") from None
    if len(held) > _MOST_BYTES:
        message = f"the file `{file}` for the secret `{name}` has more than {_MOST_BYTES // 1024} KiB"
        raise CompileError.of(Diagnostic("E0723", message, help="a secret is a key, a password or an address"))
    return held


def _no_file(file: Path, use: str) -> CompileError:
    message = f"there is no file `{file}` for {use}"
    return CompileError.of(Diagnostic("E0723", message, help="give the path of a file that exists"))


def _pairs(texts: Iterable[str], option: str, form: str) -> Iterator[tuple[str, str | None]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if (equals and not value) or not _NAME.fullmatch(name):
            # The value may be a secret, given to the wrong option: it is not repeated.
            message = f"`{option}` is not given as `{form}`"
            help_ = "the name is of letters of English, digits, `_`, `-` and `.`, and begins with no digit"
            raise CompileError.of(Diagnostic("E0723", message, help=help_))
        yield name, value if equals else None
