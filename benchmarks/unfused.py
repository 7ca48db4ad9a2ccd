"""A graph built as ever, but with no two models fused: `python -m benchmarks.unfused GRAPH OUT`."""

import sys
from pathlib import Path

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report
from dagc.passes import pipeline
from dagc.passes.fuse_models import FuseModels


def main(source: Path, out: Path) -> None:
    """Write the build; every other pass, and the proof, is as in `dagc build`."""
    kept = tuple(step for step in pipeline.PIPELINE if not isinstance(step, FuseModels))
    pipeline.PIPELINE = kept
    write(compile_file(source, Report(str(source.parent)), lambda _words: None, unmeasured=True).tree, out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
