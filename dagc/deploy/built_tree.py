"""A build on the disk, as deploy reads it: its services with their folders, and how each is to run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from dagc.artifacts.compose import (
    COMPOSE_NAME,
    GRPC_PORT,
    Compose,
    ComposeService,
    Network,
    address_variable,
    read_compose,
)
from dagc.artifacts.image_name import DEFAULT_BASE, slug
from dagc.artifacts.lock import LOCK_NAME, Lock, read_lock
from dagc.artifacts.tree import ArtifactTree
from dagc.diagnostics import CompileError, Diagnostic

_NOT_OF_THE_BUILD = frozenset({"packages", "system-packages", "__pycache__", "sbom.cdx.json"})
"""What a build by hand leaves in a service's folder."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value a service reads when it starts; one that is `needed` has no default."""

    name: str
    meaning: str
    secret: bool
    needed: bool


@dataclass(frozen=True, slots=True)
class BuiltService:
    """One service: `tree` is its folder, `name` the slug all its names are made of."""

    name: str
    folder: Path
    tree: ArtifactTree
    runs: ComposeService
    networks: Mapping[str, Network]
    """Those it is in, by their names in the compose file."""
    models: Mapping[str, str]
    """SHA-256 of each model by its path."""

    @property
    def calls(self) -> Mapping[str, str]:
        """The services it calls, and for each the variable that says where it is."""
        return {callee: address_variable(callee) for callee in self.runs.depends_on}

    @property
    def speaks_grpc(self) -> bool:
        """Whether a graph of it is one of tensors, which gRPC reaches."""
        return any(port.target == GRPC_PORT for port in self.runs.ports)

    @property
    def follows_models(self) -> bool:
        """Whether files may replace models of it while it serves."""
        return any(session.get("reload") for session in self._settings["sessions"])

    @property
    def settings(self) -> tuple[Setting, ...]:
        """What it is to be given from outside."""
        return tuple(Setting(**each) for each in json.loads(self.tree.files["service.json"]).get("settings", ()))

    @property
    def dagc_version(self) -> str:
        """The version of the dagc whose runtime is in its folder."""
        return str(json.loads(self.tree.files["service.json"])["dagc_version"])

    @property
    def version(self) -> str:
        """The version its graphs have, or nothing when they differ."""
        versions = {str(endpoint["version"]) for endpoint in self._settings["endpoints"]}
        return versions.pop() if len(versions) == 1 else ""

    @property
    def _settings(self) -> dict[str, list[dict[str, object]]]:
        found: dict[str, list[dict[str, object]]] = json.loads(self.tree.files["service.json"])
        return found


@dataclass(frozen=True, slots=True)
class BuiltTree:
    """A whole build; `name` is that of the deployment it makes.

    The first of its services is the front, the only one that is called from outside.
    """

    name: str
    services: tuple[BuiltService, ...]
    lock: Lock

    @property
    def front(self) -> BuiltService:
        """The service that is called from outside."""
        return self.services[0]

    @property
    def callees_first(self) -> tuple[BuiltService, ...]:
        """The services in an order in which they can be started."""
        by_name = {service.name: service for service in self.services}
        calls = {service.name: sorted(service.calls) for service in self.services}
        return tuple(by_name[name] for name in TopologicalSorter(calls).static_order())

    @property
    def base(self) -> str:
        """The image its images are built on."""
        return self.lock.base or DEFAULT_BASE


def read_tree(build: Path) -> BuiltTree:
    """The build in folder `build`.

    Raises:
        CompileError: it is none (E0704), it was made without a lock (E0711), or its compose file is not dagc's
            (E0604).
    """
    folders = sorted(main.parent for main in build.glob("services/*/main.py"))
    if not folders:
        help_ = "build it again with `dagc build`, or give the graph file"
        raise CompileError.of(Diagnostic("E0704", f"`{build}` holds no service", help=help_))
    lock = read_lock(build / LOCK_NAME)
    if lock is None:
        message = "an image holds exact versions by hash, and this build has no `dagc.lock`"
        raise CompileError.of(
            Diagnostic("E0711", message, help="run `dagc lock`, commit the file and build again")
        )
    compose = read_compose(build / COMPOSE_NAME)
    services = [_service(folder, compose) for folder in folders]
    services.sort(key=lambda service: list(compose.services).index(service.name))
    return BuiltTree(compose.name, tuple(services), lock)


def _service(folder: Path, compose: Compose) -> BuiltService:
    name = slug(folder.name)
    tree = ArtifactTree(dict(_files(folder)))
    settings = json.loads(tree.files["service.json"])
    if name not in compose.services:
        help_ = "build it again with `dagc build`"
        message = f"`{COMPOSE_NAME}` does not say how `{name}` runs"
        raise CompileError.of(Diagnostic("E0604", message, help=help_))
    return BuiltService(
        name=name,
        folder=folder,
        tree=tree,
        runs=compose.services[name],
        networks={each: compose.networks[each] for each in compose.services[name].networks},
        models={session["model"]: session["sha256"] for session in settings["sessions"]},
    )


def _files(folder: Path) -> list[tuple[str, bytes]]:
    """Every file of the folder by its path; links are not followed and not taken."""
    found = []
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if _NOT_OF_THE_BUILD & set(path.parts) or file.is_symlink() or not file.is_file():
            continue
        found.append((path.as_posix(), file.read_bytes()))
    return found
