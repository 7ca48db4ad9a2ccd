"""Writes trees over and over until it is killed: `python killed_writer.py OUT`. A tree agrees with itself only."""

import itertools
import sys
from pathlib import Path

from dagc.artifacts.tree import ArtifactTree
from dagc.artifacts.write import write

if __name__ == "__main__":
    for number in itertools.count():
        text = f'{{"dagc_version": "0", "services": [], "number": {number}}}'.encode()
        write(ArtifactTree({"plan.json": text, **{f"f/{at}": text for at in range(20)}}), Path(sys.argv[1]))
        print(number, flush=True)
