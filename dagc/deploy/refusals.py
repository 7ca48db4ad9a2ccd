"""What an engine refuses, as diagnostics: one place that knows its words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from docker.errors import APIError, DockerException

from dagc.diagnostics import CompileError, Diagnostic

_NO_SPACE = "no space left on device"
_NO_ADDRESS = "cannot assign requested address"
_NO_FOLDER = "bind source path does not exist"
_TOO_MANY_CPUS = "Range of CPUs"
_NO_DEVICE = "could not select device driver"
_PORT_TAKEN = re.compile(r"port is already allocated|address already in use|failed to bind host port")
_NAME_TAKEN = re.compile(r"[Cc]onflict\. The container name")


@contextmanager
def refusals(doing: str) -> Iterator[None]:
    """Turn what the engine refuses inside the block into a `CompileError`; `doing` completes "cannot ..."."""
    try:
        yield
    except APIError as error:
        raise CompileError.of(refused(doing, str(error.explanation or error))) from None
    except (DockerException, requests.RequestException) as error:
        raise CompileError.of(no_engine(str(error))) from None


def refused(doing: str, why: str) -> Diagnostic:
    """What to say when the engine cannot do something, by its own words."""
    note = one_line(why)
    if _NO_SPACE in why:
        help_ = "`docker system df` shows what takes the space; `docker system prune` frees what nothing uses"
        return Diagnostic("E0713", f"the engine's disk is full: it cannot {doing}", notes=(note,), help=help_)
    if _PORT_TAKEN.search(why):
        help_ = "stop what listens there, or choose another port with `--port`"
        return Diagnostic("E0701", "the port is in use on the engine's machine", notes=(note,), help=help_)
    if _NAME_TAKEN.search(why):
        help_ = "wait until it is done, then deploy again; remove the container with `docker rm` if nobody is"
        return Diagnostic("E0722", "another deployment of the same name is at work", notes=(note,), help=help_)
    if _NO_ADDRESS in why:
        help_ = "`--host` is an address of the machine on which the engine runs: 127.0.0.1 for that machine alone"
        return Diagnostic("E0730", "the engine's machine has no such address", notes=(note,), help=help_)
    if _NO_FOLDER in why:
        help_ = "make it there, and let user 65532 read it; `--models` names a folder of the engine's machine"
        return Diagnostic("E0730", "the engine's machine has no such folder", notes=(note,), help=help_)
    if _TOO_MANY_CPUS in why:
        help_ = "deploy with fewer, `--cpus`, or say fewer in `dagc.service(..., cpu=)`"
        message = "a service wants more CPUs than the engine's machine has"
        return Diagnostic("E0721", message, notes=(note,), help=help_)
    if _NO_DEVICE in why:
        return no_gpu(note)
    return Diagnostic("E0721", f"the engine cannot {doing}", notes=(note,))


def one_line(text: str) -> str:
    """The engine's words as one printable line of at most 300 characters."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:300]


def no_engine(why: str) -> Diagnostic:
    """What to say when nobody answers."""
    help_ = (
        "start it (`systemctl start docker`, or Docker Desktop), or point DOCKER_HOST at it; "
        "your user must be allowed to use it"
    )
    return Diagnostic("E0710", "no container engine answers", notes=(one_line(why),), help=help_)


def no_gpu(*notes: str) -> Diagnostic:
    """What to say when a service needs a GPU and the engine gives none."""
    help_ = "install NVIDIA's container toolkit on the engine's machine, or build without `gpu=`"
    return Diagnostic("E0725", "the engine has no GPU to give to a container", notes=notes, help=help_)
