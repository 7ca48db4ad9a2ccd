"""Where the engine is, as the `docker` command would find it: DOCKER_HOST, DOCKER_CONTEXT, the current context."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from docker.context import ContextAPI
from docker.context.config import get_current_context_name
from docker.utils import kwargs_from_env

from dagc.deploy.refusals import no_engine
from dagc.diagnostics import CompileError, Diagnostic


def engine_address() -> dict[str, object]:
    """What a client of docker-py is told: `base_url`, and `tls` where certificates belong to it.

    Raises:
        CompileError: there is no context of the name that is asked for, or it is to be reached over SSH (E0710).
    """
    found = _told()
    if str(found["base_url"]).startswith("ssh://"):
        raise CompileError.of(_over_ssh(str(found["base_url"]).removeprefix("ssh://")))
    return found


def machine(address: Mapping[str, object]) -> str:
    """The machine of an address such as `tcp://far:2376`, or nothing for this one."""
    host = urlsplit(str(address["base_url"])).hostname or ""
    return "" if host in {"localhost", "::1"} or host.startswith("127.") else host


def _told() -> dict[str, object]:
    found: dict[str, object] = kwargs_from_env()
    if "base_url" in found:
        return found
    name = os.environ.get("DOCKER_CONTEXT") or get_current_context_name()
    if (context := ContextAPI.get_context(name)) is None:
        raise CompileError.of(no_engine(f"there is no docker context `{name}`"))
    found["base_url"] = context.Host
    return found | ({"tls": context.TLSConfig} if context.TLSConfig else {})


def _over_ssh(target: str) -> Diagnostic:
    """docker-py opens a session a request: sshd's MaxSessions of 10 and broken pipes end a deployment halfway."""
    where = f"`ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock {target}`"
    help_ = f"let {where} forward the engine's socket, and set DOCKER_HOST=unix:///tmp/engine.sock"
    return Diagnostic("E0710", "dagc does not speak to an engine over `ssh://` by itself", help=help_)
