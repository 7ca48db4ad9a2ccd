"""Names of images and containers: what a user may write, and what dagc makes of a service's name."""

import re
from hashlib import sha256

from dagc.diagnostics import CompileError, Diagnostic

DEFAULT_BASE = "python:3.12-slim"
"""What an image is built on when neither the lock nor the command says otherwise."""

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/)?"
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_TAG = r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
REPOSITORY = re.compile(rf"{_HOST}{_PART}(?:/{_PART})*")
IMAGE_NAME = re.compile(rf"{REPOSITORY.pattern}{_TAG}(?:@sha256:[0-9a-f]{{64}})?")
"""The grammar of the distribution specification's reference, with SHA-256 as the only digest."""

_PLATFORM = re.compile(r"linux/[a-z0-9]{2,16}(?:/[a-z0-9]{1,8})?")
_LONGEST_SLUG = 40


def image_name(text: str) -> str:
    """`text`, if it names an image: `python:3.12-slim`, `127.0.0.1:5000/team/base@sha256:...`.

    Raises:
        CompileError: it does not (E0603).
    """
    if len(text) <= 255 and IMAGE_NAME.fullmatch(text):
        return text
    help_ = "write it as `python:3.12-slim` or, better, with its digest: `python:3.12-slim@sha256:...`"
    raise CompileError.of(Diagnostic("E0603", f"{text!r} is not the name of an image", help=help_))


def repository(text: str) -> str:
    """`text`, if it names a repository: a host and path without tag or digest.

    Raises:
        CompileError: it does not (E0603).
    """
    if len(text) <= 255 and REPOSITORY.fullmatch(text):
        return text
    help_ = "write host and path without a tag, as in `127.0.0.1:5000/team`"
    raise CompileError.of(Diagnostic("E0603", f"{text!r} is not the name of a repository", help=help_))


def platform_name(text: str) -> str:
    """`text`, if it names a platform: `linux/amd64`, `linux/arm64`, `linux/arm64/v8`.

    Raises:
        CompileError: it does not (E0603).
    """
    if _PLATFORM.fullmatch(text):
        return text
    help_ = "write it as `linux/amd64` or `linux/arm64`"
    raise CompileError.of(Diagnostic("E0603", f"{text!r} is not the name of a platform", help=help_))


def slug(name: str) -> str:
    """`name` as a part of the names of images, containers and networks; different names stay different."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_SLUG].strip("-")
    return plain if plain == name else f"{plain or 'x'}-{sha256(name.encode()).hexdigest()[:6]}"
