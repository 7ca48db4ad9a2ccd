"""The door of a deployment: a tiny container that holds its port, so that releases follow each other behind it."""

import time
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from dagc.artifacts.compose import MASQUERADE, PORT, Network
from dagc.deploy import images
from dagc.deploy.context import context
from dagc.deploy.engine import Container, Engine, Limits, Published, Wanted
from dagc.deploy.progress import Progress
from dagc.deploy.releases import DOOR, ROLE, labels
from dagc.diagnostics import CompileError, Diagnostic

FOLDER = "/run/dagc"
SOCKET = f"{FOLDER}/door.sock"
USER = 65532

_DOCKERFILE = f"""\
ARG BASE
FROM ${{BASE}}
COPY door.py /door.py
USER {USER}:{USER}
ENTRYPOINT ["python3", "-I", "-S", "/door.py", "{SOCKET}", "{PORT}"]
"""
_HOLDING = "holding port"
"""What the script says once it listens."""
_HOLDS_WITHIN_S = 10
_PAUSE_S = 0.05
_MIB = 1024 * 1024
_LIMITS = Limits(memory_bytes=64 * _MIB, nano_cpus=10**9 // 4, pids=8)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service is to be reached on this machine."""

    host: str
    port: int


def address(door: Container) -> Address | None:
    """Where an existing door is."""
    host, _, port = door.labels.get(DOOR, "").partition(" ")[0].rpartition(":")
    return Address(host, int(port)) if port.isdecimal() else None


def ensure_door(
    engine: Engine, deployment: str, at: Address, base: str, progress: Progress, old: Container | None
) -> None:
    """A door of the deployment at this address that stands open; one that does already is left as it is.

    Raises:
        CompileError: the port is in use (E0701), or the door does not come to hold it (E0714).
    """
    script = files("dagc").joinpath("runtime", "door.py").read_bytes()
    made_of = f"{at.host}:{at.port} {sha256(script + _DOCKERFILE.encode()).hexdigest()[:12]}"
    if old is not None and old.running and old.labels.get(DOOR) == made_of:
        return
    image = _image(engine, script, base, progress)
    if old is not None and (was := address(old)) is not None and was.port != at.port:
        _open(engine, deployment, at, image, made_of)  # fails while the old one still stands
        engine.remove(old.id)  # its guests end, and are started again as guests of the new one
        return
    if old is not None:
        engine.remove(old.id)
    _open(engine, deployment, at, image, made_of)


def volume(deployment: str) -> str:
    """The volume in which the door's socket lies."""
    return f"dagc-{deployment}-door"


def _open(engine: Engine, deployment: str, at: Address, image: str, made_of: str) -> None:
    name = volume(deployment)
    own = labels(deployment, "door", "door")
    engine.ensure_network(name, own, Network(driver_opts={MASQUERADE: "false"}))
    engine.ensure_volume(name, own, USER)
    container = engine.create(
        Wanted(
            name=f"{name}-{at.port}",
            image=image,
            labels={**own, DOOR: made_of},
            user=f"{USER}:{USER}",
            limits=_LIMITS,
            networks=(name,),
            volumes={name: FOLDER},
            published=Published(PORT, at.host, at.port),
        )
    )
    try:
        engine.start(container)
        engine.keep_running(container)
        _await_hold(engine, container, deployment)
    except CompileError as error:
        engine.remove(container)
        raise _at_address(error, at) from None


def _await_hold(engine: Engine, container: str, deployment: str) -> None:
    """Return once the door listens: until then the engine takes connections to its port only to reset them."""
    until = time.monotonic() + _HOLDS_WITHIN_S
    while _HOLDING not in (words := engine.log(container, 5)):
        if time.monotonic() > until:
            break
        time.sleep(_PAUSE_S)
    else:
        return
    message = f"the door of `{deployment}` does not hold its port {_HOLDS_WITHIN_S} s after its start"
    help_ = "its base image must have a `python3` that runs; see `dagc explain E0714`"
    raise CompileError.of(Diagnostic("E0714", message, notes=(words,), help=help_))


def _image(engine: Engine, script: bytes, base: str, progress: Progress) -> str:
    found = images.find_or_pull(engine, base, progress)
    content = sha256(script + _DOCKERFILE.encode() + found.id.encode()).hexdigest()
    name = f"dagc/door:{content[:12]}"
    if (image := images.find(engine, name)) is not None:
        return image.id
    with context({"Dockerfile": _DOCKERFILE.encode(), "door.py": script}, {}, ()) as archive:
        return images.build(engine, archive, name, {"BASE": base}, {ROLE: "door"}, progress).id


def _at_address(error: CompileError, at: Address) -> CompileError:
    """The same error; where the port is to blame, with its number."""
    found = error.report.errors[0]
    if found.code != "E0701":
        return error
    message = f"port {at.port} of {at.host} is in use"
    return CompileError.of(Diagnostic("E0701", message, notes=found.notes, help=found.help))
