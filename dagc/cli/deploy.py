"""`dagc image`, `deploy`, `status`, `logs`, `rollback` and `down`: what was built, running on an engine."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagc.cli.bars import bars
from dagc.cli.build import Profile
from dagc.cli.outcome import Format, reporting, show
from dagc.cli.serve import build_into
from dagc.diagnostics import Diagnostic, Report

if TYPE_CHECKING:
    from dagc.deploy.built_tree import BuiltTree
    from dagc.deploy.engine import Container
    from dagc.deploy.releases import Deployment


class Target(StrEnum):
    """Where a build can run."""

    DOCKER = "docker"


Source = Annotated[
    Path, typer.Argument(metavar="SOURCE", help="The graph file, or a folder that `dagc build` wrote.")
]
Where = Annotated[Target, typer.Option(help="docker: the engine of DOCKER_HOST or of the current context.")]
Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="The deployment; the only one there is by default.")
]
Base = Annotated[
    str | None, typer.Option(metavar="IMAGE", help="The image to build on; the lock's, or python:3.12-slim.")
]
Platform = Annotated[
    str | None, typer.Option(metavar="OS/ARCH", help="As linux/arm64; the engine's own by default.")
]
Timeout = Annotated[float, typer.Option(help="Seconds until a start that is not healthy has failed.", min=1)]
OutputFormat = Annotated[Format, typer.Option("--format", help="text for people, json for programs.")]


def image(
    source: Source,
    base: Base = None,
    platform: Platform = None,
    profile: Profile = None,
    push: Annotated[
        str | None, typer.Option(metavar="REPOSITORY", help="Push there too, as in 127.0.0.1:5000/team.")
    ] = None,
) -> None:
    """Make the image of each service, by content: what is there already is not made again.

    Example: dagc image build/tabular --push 127.0.0.1:5000/team
    """
    from dagc.artifacts.image_name import image_name, platform_name, repository
    from dagc.deploy import images
    from dagc.deploy.engine import Engine
    from dagc.deploy.service_image import Wish, service_image

    with reporting(Format.TEXT):
        wanted = image_name(base) if base else None
        machine = platform_name(platform) if platform else None
        place = repository(push) if push else None
    with reporting(Format.TEXT), _tree(source, profile) as tree:
        wish = Wish(wanted or tree.base, machine, tree.lock.system, tree.lock.system_files)
        engine = Engine.connect()
        with bars() as progress:
            made = [service_image(engine, service, wish, progress) for service in tree.services]
            pushed = [
                images.push(engine, each.name, f"{place}/{service.name}", each.name.rpartition(":")[2], progress)
                for service, each in zip(tree.services, made, strict=True)
                if place
            ]
    for each in made:
        state = "made" if each.made else "unchanged"
        typer.echo(f"{state}  {each.name}  {each.image.size_bytes / 2**20:.0f} MiB  {each.image.id[7:19]}")
    for name in pushed:
        typer.echo(f"pushed  {name}")


def deploy(
    source: Source,
    target: Where = Target.DOCKER,
    port: Annotated[
        int | None, typer.Option(help="Port on this machine; 8000 at first, then as it is.", min=1, max=65535)
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address on this machine; 127.0.0.1 at first, then as it is.")
    ] = None,
    grpc_port: Annotated[
        int | None,
        typer.Option(
            help="Answer gRPC on this port too, for graphs of tensors; then as it is, 0 ends it.", min=0, max=65535
        ),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Files here replace models with reload=True; then as it is."),
    ] = None,
    base: Base = None,
    platform: Platform = None,
    memory: Annotated[
        int | None, typer.Option(metavar="MIB", help="Memory of a container; the build's.", min=32)
    ] = None,
    cpus: Annotated[float | None, typer.Option(help="CPUs of a container; the build's.", min=0.1)] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME[=VALUE]", help="A variable; without a value: the one here.")
    ] = None,
    env_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Variables, one NAME=VALUE a line.")
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=FILE]", help="A secret: what the file holds, or the variable here."),
    ] = None,
    timeout: Timeout = 60.0,
    profile: Profile = None,
) -> None:
    """Build what changed, start it, and switch to it once it is healthy; no request fails on the way.

    The release before stays, stopped: `dagc rollback` goes back to it. A start that fails changes nothing.

    Example: dagc deploy graphs/tabular/graph.py --target docker --port 8000
    """
    from dagc.artifacts.image_name import image_name, platform_name
    from dagc.deploy.engine import Engine
    from dagc.deploy.given import Given, secrets, variables, variables_of_file
    from dagc.deploy.release import Options, deploy

    with reporting(Format.TEXT):
        of_file = variables_of_file(env_file) if env_file else {}
        given = Given({**of_file, **variables(env or ())}, secrets(secret or ()))
        wanted = Options(
            host=host,
            port=port,
            grpc_port=grpc_port,
            models=str(models.absolute()) if models else None,
            base=image_name(base) if base else None,
            platform=platform_name(platform) if platform else None,
            memory_mib=memory,
            cpus=cpus,
            timeout_s=timeout,
            given=given,
        )
    with reporting(Format.TEXT), _tree(source, profile) as tree:
        _warn_of_tag(wanted.base or tree.base)
        engine = Engine.connect()
        with bars() as progress:
            done = deploy(engine, tree, wanted, progress)
    state = "serves on" if done.changed else "is unchanged and serves on"
    far = f" of {engine.machine}" if engine.machine else ""
    typer.echo(
        f"`{done.name}`, release {done.number}, {state} http://{done.address.host}:{done.address.port}{far}"
    )
    if done.grpc is not None:
        typer.echo(f"gRPC on {done.grpc.host}:{done.grpc.port}{far}")
    if 0 < len(done.changed) < len(tree.services):
        typer.echo(f"new: {', '.join(f'`{name}`' for name in done.changed)}; the others go on as they are")


def status(name: Name = None, target: Where = Target.DOCKER, form: OutputFormat = Format.TEXT) -> None:
    """Show what is deployed: each release, its state, and where it is to be reached.

    Example: dagc status
    """
    with reporting(form):
        from dagc.deploy.engine import Engine
        from dagc.deploy.releases import deployments, existing

        engine = Engine.connect()
        found = (existing(engine, name),) if name else deployments(engine)
    rows = [row for each in found for row in _rows(each)]
    if form is Format.JSON:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        typer.echo("nothing is deployed on this engine")
        return
    all_keys = ("deployment", "service", "release", "state", "address", "grpc", "memory", "since")
    keys = tuple(key for key in all_keys if key != "grpc" or any(row[key] != "-" for row in rows))
    table = [tuple(key.upper() for key in keys), *(tuple(row[key] for key in keys) for row in rows)]
    widths = [max(len(row[at]) for row in table) for at in range(len(keys))]
    for line in table:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def logs(
    name: Name = None,
    target: Where = Target.DOCKER,
    service: Annotated[str | None, typer.Option(help="Only this service; all of them by default.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is written.")] = False,
    tail: Annotated[int, typer.Option(help="How many of the last lines of each container.", min=0)] = 100,
) -> None:
    """Show what the serving release writes: one JSON line a request, never a payload.

    Example: dagc logs tabular --follow
    """
    with reporting(Format.TEXT):
        from dagc.deploy.engine import Engine
        from dagc.deploy.logs import lines
        from dagc.deploy.releases import existing

        engine = Engine.connect()
        for line in lines(engine, existing(engine, name), service, tail, follow=follow):
            sys.stdout.write(line)
            sys.stdout.flush()


def rollback(name: Name = None, target: Where = Target.DOCKER, timeout: Timeout = 60.0) -> None:
    """Go back to the release before: start it, and stop the current one once it is healthy.

    Example: dagc rollback tabular
    """
    with reporting(Format.TEXT):
        from dagc.deploy.engine import Engine
        from dagc.deploy.release import rollback
        from dagc.deploy.releases import existing

        engine = Engine.connect()
        found = existing(engine, name)
        with bars() as progress:
            release = rollback(engine, found, timeout, progress)
    typer.echo(f"`{found.name}` is back at release {release.number}")


def down(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The deployment to end.")],
    target: Where = Target.DOCKER,
    images: Annotated[bool, typer.Option("--images", help="Remove the images of its releases too.")] = False,
) -> None:
    """Stop a deployment and remove its containers, networks and volumes; its images stay unless told otherwise.

    Example: dagc down tabular
    """
    with reporting(Format.TEXT):
        from dagc.deploy.engine import Engine
        from dagc.deploy.release import down
        from dagc.deploy.releases import existing

        engine = Engine.connect()
        shared = down(engine, existing(engine, name), with_images=images)
    typer.echo(f"`{name}` is down" + "".join(f"; `{each}` stays: others are in it" for each in shared))


@contextmanager
def _tree(source: Path, profile: str | None) -> Iterator["BuiltTree"]:
    """The build in folder `source`, or one made of the graph file for as long as it is needed."""
    from dagc.deploy.built_tree import read_tree

    if source.is_dir():
        if profile is not None:
            raise typer.BadParameter(f"`{source}` is built; give the graph file", param_hint="--profile")
        yield read_tree(source)
        return
    with tempfile.TemporaryDirectory(prefix="dagc-deploy-") as folder:
        tree = Path(folder) / "build"
        build_into(source, tree, profile)
        yield read_tree(tree)


def _warn_of_tag(base: str) -> None:
    if "@sha256:" not in base:
        report = Report()
        help_ = "run `dagc lock` where its registry can be reached, and commit `dagc.lock`"
        message = f"the base image `{base}` is named by a tag, so another day may bring another image"
        report.add(Diagnostic("W0701", message, help=help_))
        show(report, Format.TEXT)


def _rows(found: "Deployment") -> Iterator[dict[str, str]]:
    from dagc.deploy.door import open_at
    from dagc.deploy.releases import DOOR, GRPC_DOOR, number

    for release in found.releases:
        for container in reversed(release.containers):
            serves = release is found.current and container is release.front
            at, grpc = (open_at(found, kind) if serves else None for kind in (DOOR, GRPC_DOOR))
            yield _row(found.name, release.number, container) | {
                "address": f"http://{at.host}:{at.port}" if at else "-",
                "grpc": f"{grpc.host}:{grpc.port}" if grpc else "-",
            }
    for container in found.strays:
        yield _row(found.name, number(container), container)


def _row(name: str, release: int, container: "Container") -> dict[str, str]:
    from dagc.deploy.releases import SERVICE

    return {
        "deployment": name,
        "service": container.labels[SERVICE],
        "release": str(release),
        "state": container.health if container.running and container.health else container.status,
        "address": "-",
        "grpc": "-",
        "memory": f"{container.memory_bytes // 2**20} MiB",
        "since": container.started.isoformat() if container.started else "-",
        "container": container.name,
        "image": container.image,
    }
