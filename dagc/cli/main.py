"""The entry point: one typer application, one boundary behind which no traceback reaches a user."""

import os
import sys
from importlib.metadata import version
from typing import Annotated, cast

import typer

from dagc.cli import bench, build, demo, deploy, explain, graph, init, lock, profile, serve
from dagc.cli.encoding import print_anything
from dagc.cli.outcome import INTERRUPTED, USAGE, WRONG, confess

# onnxruntime's wheel carries telemetry that only this variable, set before its import, keeps off.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# Typer carries its own copy of click since 0.26 and names only this subclass of click's `UsageError` in public.
UsageError = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="dagc",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dagc {version('dagc')}")
        raise typer.Exit


@app.callback(epilog="Example: dagc check graph.py && dagc serve graph.py")
def dagc(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Compile a typed Python graph of models and steps into a checked, fused, reviewable service."""


app.command("init", short_help="write a small project to begin with")(init.init)
app.command("check", short_help="find the mistakes of a graph file")(build.check)
app.command("plan", short_help="show what a build would be, and why")(build.plan)
app.command("graph", short_help="draw the graph, before and after fusion")(graph.graph)
app.command("build", short_help="write the service to a folder")(build.build)
app.command("serve", short_help="run the service on this machine")(serve.serve)
app.command("lock", short_help="pin models and requirements by hash")(lock.lock)
app.command("profile", short_help="measure what the parts cost on this machine")(profile.profile)
app.command("bench", short_help="measure a service under load")(bench.bench)
app.command("image", short_help="make the images of a build")(deploy.image)
app.command("deploy", short_help="run a build in containers, release after release")(deploy.deploy)
app.command("status", short_help="show what is deployed")(deploy.status)
app.command("logs", short_help="show what a deployment writes")(deploy.logs)
app.command("rollback", short_help="go back to the release before")(deploy.rollback)
app.command("down", short_help="end a deployment")(deploy.down)
app.command("explain", short_help="explain a diagnostic by its code")(explain.explain)
app.command("demo", short_help="see all of it on a reference graph")(demo.demo)


def main() -> None:
    """Run the command line and exit with its code."""
    print_anything()
    try:
        code = app(prog_name="dagc", standalone_mode=False)
        sys.stdout.flush()
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except typer.Exit as leaving:
        sys.exit(leaving.exit_code)
    except BrokenPipeError:  # the reader has seen enough, as `head` does; Python would say so once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(WRONG)
    except Exception as error:  # the boundary: whatever it is, the user gets a sentence and perhaps a file
        if isinstance(error, UsageError):
            cast(typer.BadParameter, error).show()
            sys.exit(USAGE)
        confess(error)
    sys.exit(code if isinstance(code, int) else 0)
