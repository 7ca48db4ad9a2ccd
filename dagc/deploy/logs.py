"""What the containers of a release write, line by line; which of them, where there are several."""

from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread

from dagc.deploy.engine import Container, Engine
from dagc.deploy.releases import SERVICE, Deployment
from dagc.diagnostics import CompileError, Diagnostic
from dagc.diagnostics.suggest import closest


def lines(engine: Engine, found: Deployment, service: str | None, tail: int, *, follow: bool) -> Iterator[str]:
    """The last `tail` lines of each container of the serving release (or the newest), then those to come.

    Raises:
        CompileError: the release has no such service (E0718).
    """
    release = found.current or next(iter(found.releases), None)
    containers = tuple(reversed(release.containers)) if release is not None else ()
    if service is not None:
        known = tuple(container.labels[SERVICE] for container in containers)
        containers = tuple(each for each in containers if each.labels[SERVICE] == service)
        if not containers:
            raise _no_service(found.name, service, known)
    stem = f"dagc-{found.name}-"
    width = max((len(each.name.removeprefix(stem)) for each in containers), default=0)
    titles = [f"{each.name.removeprefix(stem):{width}} | " if len(containers) > 1 else "" for each in containers]
    if follow:
        yield from _followed(engine, containers, titles, tail)
        return
    for container, title in zip(containers, titles, strict=True):
        yield from (f"{title}{line}" for line in engine.log(container.id, tail).splitlines(keepends=True))


def _followed(engine: Engine, containers: tuple[Container, ...], titles: list[str], tail: int) -> Iterator[str]:
    """Lines in the order in which they come, until the last container ends.

    Raises:
        CompileError: the engine is gone (E0710).
    """
    written: SimpleQueue[str | CompileError | None] = SimpleQueue()
    for container, title in zip(containers, titles, strict=True):
        Thread(target=_follow, args=(engine, container, title, tail, written), daemon=True).start()
    going = len(containers)
    while going:
        line = written.get()
        if isinstance(line, CompileError):
            raise line
        if line is None:
            going -= 1
        else:
            yield line


def _follow(
    engine: Engine, container: Container, title: str, tail: int, written: SimpleQueue[str | CompileError | None]
) -> None:
    rest = ""
    try:
        for part in engine.follow(container.id, tail):
            *whole, rest = (rest + part).split("\n")
            for line in whole:
                written.put(f"{title}{line}\n")
    except CompileError as error:
        written.put(error)
    finally:
        if rest:
            written.put(f"{title}{rest}\n")
        written.put(None)


def _no_service(deployment: str, service: str, known: tuple[str, ...]) -> CompileError:
    near = closest(service, known)
    help_ = f"did you mean `{near}`?" if near else "`dagc status` lists them"
    return CompileError.of(Diagnostic("E0718", f"`{deployment}` has no service `{service}`", help=help_))
