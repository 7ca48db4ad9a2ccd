"""Images on the engine: found, pulled, built without a network, pushed and removed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from docker.errors import APIError, ImageNotFound

from dagc.deploy.engine import Engine
from dagc.deploy.progress import Progress
from dagc.deploy.refusals import one_line, refusals, refused
from dagc.diagnostics import CompileError, Diagnostic

_STAGE = "dagc.role=packages"
"""The label that a Dockerfile of dagc gives to all but its last stage."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image the engine has. `digests` are its names in registries, `repository@sha256:...`.

    `platform` is `linux/amd64`, or with a variant `linux/arm64/v8`.
    """

    id: str
    labels: Mapping[str, str]
    digests: tuple[str, ...]
    size_bytes: int
    platform: str = ""


def find(engine: Engine, name: str) -> Image | None:
    """The image of this name, if the engine has it."""
    with refusals(f"look at image `{name}`"):
        try:
            found = engine.client.inspect_image(name)
        except ImageNotFound:
            return None
    labels = found["Config"]["Labels"] or {}
    platform = "/".join(filter(None, (found["Os"], found["Architecture"], found.get("Variant", ""))))
    return Image(found["Id"], labels, tuple(found["RepoDigests"] or ()), found["Size"], platform)


def find_or_pull(engine: Engine, name: str, progress: Progress, platform: str | None = None) -> Image:
    """The image of this name (and platform), from its registry when the engine does not have it.

    Raises:
        CompileError: nobody has it (E0712), or the engine's disk is full (E0713).
    """
    if (found := find(engine, name)) is not None and _is_for(found, platform):
        return found
    called = f"{name} for {platform}" if platform else name
    try:
        with refusals(f"pull `{called}`"):
            answers = engine.client.pull(name, stream=True, decode=True, platform=platform)
            _watched(answers, f"pull {name}", progress)
    except CompileError as error:
        raise _no_image(called, error) from None
    if (found := find(engine, name)) is None or not _is_for(found, platform):
        raise CompileError.of(Diagnostic("E0712", f"the engine has no image `{called}`"))
    return found


def build(
    engine: Engine,
    context: IO[bytes],
    tag: str,
    arguments: Mapping[str, str],
    labels: Mapping[str, str],
    progress: Progress,
    platform: str | None = None,
) -> Image:
    """The image built from a context (a tar file) without a network, tagged.

    Raises:
        CompileError: a step failed (E0716), or the engine's disk is full (E0713).
    """
    with refusals(f"build `{tag}`"):
        answers = engine.client.build(
            fileobj=context,
            custom_context=True,
            tag=tag,
            buildargs=dict(arguments),
            labels=dict(labels),
            network_mode="none",
            platform=platform,
            rm=True,
            forcerm=True,
            decode=True,
        )
        _build_steps(answers, tag, progress)
    if (found := find(engine, tag)) is None:
        raise CompileError.of(Diagnostic("E0716", f"building `{tag}` made no image"))
    return found


def push(engine: Engine, image: str, repository: str, tag: str, progress: Progress) -> str:
    """The name by digest, `repository@sha256:...`, under which the registry now has the image.

    Raises:
        CompileError: the registry does not take it (E0720).
    """
    with refusals(f"push to `{repository}`"):
        engine.client.tag(image, repository, tag)
        try:
            answers = engine.client.push(repository, tag, stream=True, decode=True)
            digest = _watched(answers, f"push {repository}", progress)
        except CompileError as error:
            help_ = "`docker login` to it, or check its address; a registry without TLS must be on loopback"
            why = error.report.errors[0].notes
            message = f"the registry does not take `{repository}:{tag}`"
            raise CompileError.of(Diagnostic("E0720", message, notes=why, help=help_)) from None
    return f"{repository}@{digest}"


def remove_unused(engine: Engine, image: str) -> None:
    """Remove an image that nothing uses, by id or name; one in use, gone, or with other names stays as it is."""
    try:
        engine.client.remove_image(image, noprune=False)
    except APIError:
        return


def remove_stages(engine: Engine, keep: int) -> None:
    """Remove what builds of dagc left between their stages but the newest, which the next build takes up again."""
    with refusals("list images"):
        found = engine.client.images(filters={"dangling": True, "label": _STAGE})
    for each in sorted(found, key=lambda each: int(each["Created"]), reverse=True)[keep:]:
        remove_unused(engine, each["Id"])


def _is_for(image: Image, platform: str | None) -> bool:
    return platform is None or image.platform == platform or image.platform.startswith(f"{platform}/")


def _watched(answers: Iterable[dict[str, object]], task: str, progress: Progress) -> str:
    """Tells how many bytes of all layers are moved; the digest, where the answers name one."""
    layers: dict[str, tuple[int, int]] = {}
    digest = ""
    for answer in answers:
        if error := answer.get("error"):
            raise CompileError.of(refused(task, str(error)))
        detail, aux = answer.get("progressDetail"), answer.get("aux")
        if isinstance(aux, dict) and "Digest" in aux:
            digest = str(aux["Digest"])
        if isinstance(detail, dict) and isinstance(total := detail.get("total"), int) and total > 0:
            current = detail.get("current")
            layers[str(answer.get("id"))] = (min(current, total) if isinstance(current, int) else 0, total)
            progress(task, sum(c for c, _ in layers.values()), sum(t for _, t in layers.values()))
    return digest


def _build_steps(answers: Iterable[dict[str, object]], tag: str, progress: Progress) -> None:
    task = f"build {tag}"
    said: list[str] = []
    for answer in answers:
        if error := answer.get("error"):
            raise CompileError.of(_failed_build(tag, str(error), said))
        for line in str(answer.get("stream", "")).splitlines():
            said.append(line)
            if line.startswith("Step "):
                done, _, total = line.split()[1].partition("/")
                progress(task, int(done) - 1, int(total))
                last = int(total)
    if said:
        progress(task, last, last)


def _failed_build(tag: str, error: str, said: list[str]) -> Diagnostic:
    found = refused(f"build `{tag}`", error)
    if found.code != "E0721":
        return found
    steps = [line for line in said if line.startswith("Step ")][-1:]
    help_ = "the base image must have `python3`; see the Dockerfile in the service's folder"
    notes = tuple(map(one_line, (*steps, *_last_words(said), error)))
    return Diagnostic("E0716", f"the image `{tag}` cannot be built", notes=notes, help=help_)


def _last_words(said: list[str]) -> Iterator[str]:
    yield from [line for line in said if line.strip() and not line.startswith(("Step ", " --->"))][-3:]


def _no_image(name: str, error: CompileError) -> CompileError:
    found = error.report.errors[0]
    if found.code != "E0721":
        return error
    help_ = "check its name, or name one the engine has: `--base`, or `dagc lock --base` for good"
    message = f"the image `{name}` to build on cannot be had"
    return CompileError.of(Diagnostic("E0712", message, notes=found.notes, help=help_))
