"""The entry point: one typer application, one boundary behind which no traceback reaches a user."""

import os
import sys

import click
import typer

from dagc.cli import build, demo, explain, lock, serve
from dagc.cli.outcome import USAGE, confess

# onnxruntime's wheel carries telemetry that only this variable, set before its import, keeps off.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

app = typer.Typer(
    name="dagc",
    help="Compile a typed Python graph of models and steps into a checked, fused, reviewable service.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("check")(build.check)
app.command("build")(build.build)
app.command("plan")(build.plan)
app.command("serve")(serve.serve)
app.command("lock")(lock.lock)
app.command("explain")(explain.explain)
app.command("demo")(demo.demo)


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        code = app(standalone_mode=False)
    except click.UsageError as error:
        error.show()
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except Exception as error:  # the boundary: whatever it is, the user gets a sentence and a file
        confess(error)
    sys.exit(code if isinstance(code, int) else 0)
