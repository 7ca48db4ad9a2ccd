"""`dagc demo`: the whole job on the reference graph, from the source to real answers over HTTP."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from dagc.cli.address import require_free
from dagc.cli.outcome import Format, reporting
from dagc.cli.serve import failed_service, service_folder, start_service
from dagc.diagnostics import CompileError

_QUESTIONS = ("budget", "middle", "premium")


def demo(
    port: Annotated[
        int, typer.Option(help="Port for the demonstration; 0 takes a free one.", min=0, max=65535)
    ] = 0,
) -> None:
    """Build a reference graph, show its plan and its proof, serve it, ask it, and stop.

    Example: dagc demo
    """
    from dagc.artifacts.write import write
    from dagc.cli.build import compiled
    from dagc.cli.pictures import plan_text, proof_text

    with reporting(Format.TEXT):
        require_free("127.0.0.1", port)
        source = _reference_graph()
        typer.echo(f"building {source}\n")
        compilation = compiled(source)
        typer.echo(plan_text(compilation.planned))
        typer.echo("proof")
        for proof in compilation.proofs:
            typer.echo(proof_text(proof))
        with tempfile.TemporaryDirectory(prefix="dagc-demo-") as folder:
            tree = Path(folder) / "build"
            write(compilation.tree, tree)
            with _serving(service_folder(tree), port) as address:
                typer.echo(f"serving on {address}\n")
                for question in _QUESTIONS:
                    _ask(address, source.parent / "requests" / f"{question}.json")
        typer.echo(f"stopped; `dagc serve {source}` serves it for as long as you like")


def _reference_graph() -> Path:
    """The scenario `tabular`, from the repository or from the wheel."""
    package = Path(__file__).parent.parent
    places = (package.parent / "graphs" / "tabular", package / "_graphs" / "tabular")
    return next(place for place in places if place.is_dir()) / "graph.py"


@contextmanager
def _serving(folder: Path, port: int) -> Iterator[str]:
    """The address of the running service, stopped at the end; its log is shown if it does not start."""
    with tempfile.TemporaryFile("w+") as log:
        process = start_service(folder, "127.0.0.1", port, stdout=subprocess.PIPE, stderr=log)
        try:
            ready = process.stdout.readline() if process.stdout else ""
            if " ready on " not in ready:
                code = process.wait()
                log.seek(0)
                sys.stderr.write(log.read())
                raise CompileError.of(failed_service(folder.name, code))
            yield ready.rpartition(" ")[2].strip()
        finally:
            process.terminate()
            process.wait(timeout=30)


def _ask(address: str, case: Path) -> None:
    import urllib.request

    body = json.dumps(json.loads(case.read_text(encoding="utf-8"))["request"]).encode()
    request = urllib.request.Request(
        f"{address}/v1/tabular", data=body, headers={"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        typer.echo(f"POST {request.full_url}\n  {body.decode()}\n  {answer.status} {answer.read().decode()}\n")
