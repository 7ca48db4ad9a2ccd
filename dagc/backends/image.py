"""Dockerfile and .dockerignore of a service's folder, which is the context of its image.

No name of the user's reaches the Dockerfile but those of files, which are plain or refused, and the base's name,
which is checked where it is read.
"""

import json
import re
from hashlib import sha256

from dagc.artifacts.compose import GRPC_PORT, PORT
from dagc.artifacts.image_name import DEFAULT_BASE, image_name, slug
from dagc.artifacts.lock import Lock
from dagc.artifacts.render import render
from dagc.artifacts.tree import ArtifactTree
from dagc.backends.compose import HEALTH_CHECK, USER
from dagc.diagnostics import CompileError, Diagnostic
from dagc.plan.service_plan import Service

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_COMPILED = frozenset({"dagc", "dagc_runtime"})
_NOT_COPIED = frozenset({"requirements.txt"})
_SBOM = "sbom.cdx.json*"
"""Made with the image, when the base is known; the star lets a build by hand go without it."""


def with_image(service: Service, folder: ArtifactTree, lock: Lock | None, dagc_version: str) -> ArtifactTree:
    """The service's folder with the files that make an image of it.

    Raises:
        CompileError: a file or folder whose name a Dockerfile would not take as it is (E0605).
    """
    made = {
        "Dockerfile": _dockerfile(service, folder, lock, dagc_version).encode(),
        ".dockerignore": render("dockerignore.j2", {}).encode(),
    }
    return folder.merge(ArtifactTree(made))


def _dockerfile(service: Service, folder: ArtifactTree, lock: Lock | None, dagc_version: str) -> str:
    tops = sorted({path.partition("/")[0] for path in folder.files})
    _refuse_odd(tops)
    files = [top for top in tops if top in folder.files and top not in _NOT_COPIED]
    # The user's modules change more often than models.
    folders = [top for top in tops if top not in folder.files and top not in _COMPILED]
    folders.sort(key=lambda top: top != "models")
    base = lock.base if lock is not None and lock.base is not None else DEFAULT_BASE
    health = HEALTH_CHECK
    values = {
        "service": service.name,
        "dagc_version": dagc_version,
        "source": service.source,
        "base": image_name(base),
        "system": lock is not None and lock.system_files != (),
        "ports": [PORT, *([GRPC_PORT] if service.grpc else [])],
        "port": PORT,
        "user": USER,
        "folders": [f"{top}/ {top}/" for top in folders],
        "files": " ".join((*files, _SBOM, "./")),
        "healthcheck_options": f"--interval={health.interval} --timeout={health.timeout} "
        f"--start-period={health.start_period} --retries={health.retries}",
        "healthcheck": json.dumps(list(health.test[1:])),
        "labels": [
            f"{key}={json.dumps(value)}" for key, value in _labels(service, folder, lock, dagc_version).items()
        ],
    }
    return render("Dockerfile.j2", values)


def _labels(service: Service, folder: ArtifactTree, lock: Lock | None, dagc_version: str) -> dict[str, str]:
    """What the image was made from, by hash; the keys of the OCI image specification where it has one."""
    versions = {endpoint.version for endpoint in service.endpoints}
    found = {
        "org.opencontainers.image.title": slug(service.name),
        "dagc.source": f"sha256:{folder.digest()}",
        "dagc.version": dagc_version,
    }
    if len(versions) == 1 and _PLAIN.fullmatch(version := versions.pop()):
        found["org.opencontainers.image.version"] = version
    if lock is not None:
        found["dagc.lock"] = f"sha256:{sha256(lock.content()).hexdigest()}"
    return dict(sorted(found.items()))


def _refuse_odd(names: list[str]) -> None:
    odd = [name for name in names if not _PLAIN.fullmatch(name)]
    if odd:
        help_ = "name it with letters of English, digits, `_`, `-` and `.`"
        found = (Diagnostic("E0605", f"{name!r} cannot go into an image by that name", help=help_) for name in odd)
        raise CompileError.of(*found)
