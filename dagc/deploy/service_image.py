"""The image of a service: made when its content, its base or its platform changed, and not otherwise."""

import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from dagc.artifacts.system_package import SystemFile
from dagc.deploy import apt, images, packages
from dagc.deploy import base as bases
from dagc.deploy.built_tree import BuiltService
from dagc.deploy.context import context
from dagc.deploy.engine import Engine
from dagc.deploy.images import Image
from dagc.deploy.progress import Progress
from dagc.deploy.sbom import SBOM_NAME, sbom

CONTENT_LABEL = "dagc.content"
"""SHA-256 over everything that went into the image: the service's folder and the base image."""


@dataclass(frozen=True, slots=True)
class ServiceImage:
    """An image of a service; `made` is false when the engine had it already."""

    name: str
    image: Image
    content: str
    made: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """What images are built on: an image, for a platform (that of the engine), with the files of system packages.

    With these it has the packages `system`.
    """

    base: str
    platform: str | None = None
    system: tuple[str, ...] = ()
    files: tuple[SystemFile, ...] = ()


def service_image(engine: Engine, service: BuiltService, wish: Wish, progress: Progress) -> ServiceImage:
    """The image of `service`, built if need be, under the name its compose file has for it.

    Raises:
        CompileError: E0712, E0713, E0716, E0717, E0719, E0726, E0727 or E0731.
    """
    name = service.runs.image
    content = _content(service, images.find_or_pull(engine, wish.base, progress, wish.platform))
    found = images.find(engine, name)
    if found is not None and found.labels.get(CONTENT_LABEL) == content:
        return ServiceImage(name, found, content, made=False)
    return ServiceImage(name, _built(engine, service, wish, content, progress), content, made=True)


def _content(service: BuiltService, base: Image) -> str:
    return sha256(f"{service.tree.digest()} {base.id}".encode()).hexdigest()


def _built(engine: Engine, service: BuiltService, wish: Wish, content: str, progress: Progress) -> Image:
    surveyed = bases.survey(engine, wish.base, progress, wish.platform)
    beneath = bases.with_files(surveyed, wish.files)
    bases.has_packages(beneath, wish.system)
    task = f"packages for {service.name}"
    with tempfile.TemporaryDirectory(prefix="dagc-image-") as folder:
        progress(task, 0, 1)
        folders = {name: Path(folder) / name for name in ("packages", "system-packages")}
        packages.install(service.folder / "requirements.txt", surveyed, folders["packages"])
        apt.unpacked(surveyed, wish.files, folders["system-packages"])
        progress(task, 1, 1)
        document = sbom(service, beneath, packages.installed(folders["packages"]))
        name = service.runs.image
        labels = {
            CONTENT_LABEL: content,
            "dagc.service": service.name,
            "dagc.sbom": f"sha256:{sha256(document).hexdigest()}",
            "org.opencontainers.image.base.name": surveyed.name.partition("@")[0],
            "org.opencontainers.image.base.digest": _digest(surveyed),
        }
        files = {**service.tree.files, SBOM_NAME: document}
        ignored = service.tree.files[".dockerignore"].decode().splitlines()
        with context(files, folders, ignored) as archive:
            arguments = {"BASE": surveyed.name}
            return images.build(engine, archive, name, arguments, labels, progress, wish.platform)


def _digest(base: bases.Base) -> str:
    """The base's digest in its registry, or its id on the engine when it came from none."""
    return next((digest.partition("@")[2] for digest in base.image.digests), base.image.id)
