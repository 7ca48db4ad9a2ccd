"""`dagc demo`: the whole job on the reference graph, from the source to real answers over HTTP."""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from dagc.cli.address import require_free
from dagc.cli.outcome import Format, reporting
from dagc.cli.served import served
from dagc.cli.service_process import service_folder

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
            with served(service_folder(tree), port) as running:
                typer.echo(f"serving on {running.address}\n")
                for question in _QUESTIONS:
                    _ask(running.address, source.parent / "requests" / f"{question}.json")
        typer.echo(f"stopped; `dagc serve {source}` serves it for as long as you like")


def _reference_graph() -> Path:
    """The scenario `tabular`, from the repository or from the wheel."""
    package = Path(__file__).parent.parent
    places = (package.parent / "graphs" / "tabular", package / "_graphs" / "tabular")
    return next(place for place in places if place.is_dir()) / "graph.py"


def _ask(address: str, case: Path) -> None:
    import urllib.request

    body = json.dumps(json.loads(case.read_text(encoding="utf-8"))["request"]).encode()
    request = urllib.request.Request(
        f"{address}/v1/tabular", data=body, headers={"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        typer.echo(f"POST {request.full_url}\n  {body.decode()}\n  {answer.status} {answer.read().decode()}\n")
