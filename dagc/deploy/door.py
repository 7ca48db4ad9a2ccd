"""The doors of a deployment: tiny containers that hold a port each; releases follow each other behind them."""

import time
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from dagc.artifacts.compose import GRPC_PORT, MASQUERADE, PORT, Network
from dagc.deploy import images
from dagc.deploy.context import context
from dagc.deploy.engine import Container, Engine, Limits, Published, Wanted
from dagc.deploy.progress import Progress
from dagc.deploy.releases import DOOR, GRPC_DOOR, HELD, ROLE, Deployment, labels
from dagc.diagnostics import CompileError, Diagnostic

FOLDER = "/run/dagc"
SOCKETS = {DOOR: f"{FOLDER}/door.sock", GRPC_DOOR: f"{FOLDER}/grpc.sock"}
"""Where each kind of door lends its sockets."""
USER = 65532

_PORTS = {DOOR: PORT, GRPC_DOOR: GRPC_PORT}
_DOCKERFILE = f"""\
ARG BASE
FROM ${{BASE}}
COPY door.py /door.py
USER {USER}:{USER}
ENTRYPOINT ["python3", "-I", "-S", "/door.py"]
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


def open_at(deployment: Deployment, kind: str) -> Address | None:
    """Where the deployment's door of that kind stands open, if it does."""
    found = deployment.door(kind)
    return address(found) if found is not None and found.running else None


def address(door: Container) -> Address | None:
    """Where an existing door is, open or not."""
    host, _, port = door.labels.get(HELD, "").partition(" ")[0].rpartition(":")
    return Address(host, int(port)) if port.isdecimal() else None


def ensure_door(
    engine: Engine, deployment: Deployment, kind: str, at: Address, base: str, progress: Progress
) -> bool:
    """A door of that kind at this address that stands open; one that does already is left as it is: then False.

    Raises:
        CompileError: the port is in use (E0701), or the door does not come to hold it (E0714).
    """
    script = files("dagc").joinpath("runtime", "door.py").read_bytes()
    made_of = f"{at.host}:{at.port} {sha256(script + _DOCKERFILE.encode()).hexdigest()[:12]}"
    others = {door.id: door for door in deployment.doors(kind)}
    standing = next((d for d in others.values() if d.running and d.labels.get(HELD) == made_of), None)
    if standing is not None:
        del others[standing.id]
    else:
        image = _image(engine, script, base, progress)
        for door in tuple(others.values()):
            if (was := address(door)) is None or was.port == at.port:
                engine.remove(door.id)
                del others[door.id]
        _open(engine, deployment.name, kind, at, image, made_of)  # fails while one at another port still stands
    for door in others.values():
        engine.remove(door.id)  # its guests go on behind the new one
        images.remove_unused(engine, door.image)
    return standing is None


def reopen(engine: Engine, deployment: Deployment) -> None:
    """Open the doors that are there and stand closed, as somebody may have stopped them.

    Raises:
        CompileError: the port is in use (E0701), or the door does not come to hold it (E0714).
    """
    for kind in (DOOR, GRPC_DOOR):
        found = deployment.door(kind)
        if found is not None and not found.running and (at := address(found)) is not None:
            _hold(engine, found.id, deployment.name, at)


def volume(deployment: str) -> str:
    """The volume in which the doors' sockets lie."""
    return f"dagc-{deployment}-door"


def _open(engine: Engine, deployment: str, kind: str, at: Address, image: str, made_of: str) -> None:
    shared = volume(deployment)
    own = labels(deployment, DOOR, kind)
    engine.ensure_network(shared, own, Network(driver_opts={MASQUERADE: "false"}))
    engine.ensure_volume(shared, own, USER)
    container = engine.create(
        Wanted(
            name=f"dagc-{deployment}-{kind}-{at.port}",
            image=image,
            labels={**own, HELD: made_of},
            user=f"{USER}:{USER}",
            limits=_LIMITS,
            networks=(shared,),
            command=(SOCKETS[kind], str(_PORTS[kind])),
            volumes={shared: FOLDER},
            published=Published(_PORTS[kind], at.host, at.port),
        )
    )
    try:
        _hold(engine, container, deployment, at)
    except CompileError:
        engine.remove(container)
        raise


def _hold(engine: Engine, container: str, deployment: str, at: Address) -> None:
    try:
        engine.start(container)
        engine.keep_running(container)
        _await_hold(engine, container, deployment)
    except CompileError as error:
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
