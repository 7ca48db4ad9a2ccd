"""A plan to the tree of a build: one folder per service that runs where dagc is not installed."""

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from dagc.artifacts.canonical import json_bytes
from dagc.artifacts.compose import COMPOSE_NAME
from dagc.artifacts.lock import LOCK_NAME, Lock
from dagc.artifacts.tree import ArtifactTree
from dagc.backends.compose import compose
from dagc.backends.dashboard import dashboard
from dagc.backends.glue import glue
from dagc.backends.image import with_image
from dagc.backends.openapi import openapi
from dagc.backends.readme import readme
from dagc.backends.requirements import requirements_text
from dagc.backends.settings import settings
from dagc.diagnostics import CompileError, Diagnostic
from dagc.plan.outside import Resource
from dagc.plan.service_plan import Service, ServicePlan

_GENERATED_FILES = frozenset({"main.py"})
_GENERATED_FOLDERS = frozenset({"dagc", "dagc_runtime"})
_SHIM = "shim"
_EMBEDDED = "sqlite:///"


def render_service(
    plan: ServicePlan, models: Mapping[str, bytes], sources: Mapping[str, bytes], *, lock: Lock | None = None
) -> ArtifactTree:
    """The whole tree of `plan` but for the equivalence report.

    `models` holds each session's model by its SHA-256, `sources` the user's files by posix path, as in the plan.

    Raises:
        CompileError: a file of the user's has the name of a generated one (E0602).
    """
    _refuse_clashes(sources)
    tree = ArtifactTree(
        {"README.md": readme(plan, lock).encode(), "plan.json": json_bytes(plan.model_dump(mode="json"))}
    )
    if lock is not None:
        tree = tree.merge(ArtifactTree({LOCK_NAME: lock.content()}))
    digests: dict[str, str] = {}
    for service in plan.services:
        carried = _carried(service, plan, sources)
        folder = with_image(
            service, _folder(service, plan.dagc_version, models, carried, lock), lock, plan.dagc_version
        )
        digests[service.name] = folder.digest()
        tree = tree.merge(folder.under(f"services/{service.name}"))
        tree = tree.merge(ArtifactTree({f"dashboards/{service.name}.json": dashboard(service, plan.dagc_version)}))
    return tree.merge(ArtifactTree({COMPOSE_NAME: compose(plan, models, digests).content()}))


def _folder(
    service: Service,
    dagc_version: str,
    models: Mapping[str, bytes],
    sources: Mapping[str, bytes],
    lock: Lock | None,
) -> ArtifactTree:
    generated = {
        "main.py": glue(service, dagc_version).encode(),
        "service.json": settings(service, dagc_version),
        "openapi.json": openapi(service),
        "requirements.txt": requirements_text(
            service.requirements, lock, on_gpu=service.capacity is not None and service.capacity.gpu > 0
        ).encode(),
    }
    sessions = {session.model: models[session.sha256] for session in service.sessions}
    return ArtifactTree({**sources, **sessions, **generated, **dict(_library())})


def _carried(service: Service, plan: ServicePlan, sources: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The user's files that the service needs; of the embedded stores only those that its own steps read."""
    if not service.modules:
        return {}  # a service of models alone does not change when the user's Python does
    left = _stores(resource for each in plan.services for resource in each.resources) - _stores(service.resources)
    return {path: content for path, content in sources.items() if path not in left}


def _stores(found: Iterable[Resource]) -> set[str]:
    defaults = (each.default or "" for each in found)
    return {default.removeprefix(_EMBEDDED) for default in defaults if default.startswith(_EMBEDDED)}


def _library() -> Iterator[tuple[str, bytes]]:
    """The runtime and the inert `dagc`, read as files: importing them here would make the compiler need them."""
    package = files("dagc")
    runtime = package.joinpath("runtime")
    for path, content in _modules(runtime):
        if not path.startswith(f"{_SHIM}/"):
            yield f"dagc_runtime/{path}", content
    for path, content in _modules(runtime.joinpath(_SHIM)):
        yield f"dagc/{path}", content
    for shared in ("tensors.py", "unserved.py"):
        yield f"dagc/{shared}", package.joinpath("dsl", shared).read_bytes()
    for path, content in _modules(package.joinpath("resources")):
        yield f"dagc/resources/{path}", content


def _modules(folder: Traversable) -> Iterator[tuple[str, bytes]]:
    """Python files under `folder` by path, in name order."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from ((f"{entry.name}/{path}", content) for path, content in _modules(entry))
        elif entry.name.endswith((".py", ".typed")):
            yield entry.name, entry.read_bytes()


def _refuse_clashes(sources: Mapping[str, bytes]) -> None:
    clashes = [path for path in sorted(sources) if _clashes(path)]
    if clashes:
        help_ = "rename the file, and what imports it"
        found = (Diagnostic("E0602", f"`{path}` has the name of a generated file", help=help_) for path in clashes)
        raise CompileError.of(*found)


def _clashes(path: str) -> bool:
    return path in _GENERATED_FILES or path.removesuffix(".py").partition("/")[0] in _GENERATED_FOLDERS
