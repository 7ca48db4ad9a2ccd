"""The builds of `graphs/`, each made once for all tests of a process."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagc.artifacts.write import write
from dagc.compile import Compilation, compile_file
from dagc.diagnostics import Report


@dataclass(frozen=True)
class Built:
    """A graph's folder, what its build made, and the tree on the disk."""

    folder: Path
    compilation: Compilation
    tree: Path

    @property
    def service(self) -> Path:
        return self.tree / "services" / self.compilation.planned.plan.services[0].name


Build = Callable[[Path], Built]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    made: dict[Path, Built] = {}

    def build(folder: Path) -> Built:
        if folder not in made:
            tree = tmp_path_factory.mktemp(folder.name) / "build"
            compilation = compile_file(folder / "graph.py", Report(), lambda _words: None)
            write(compilation.tree, tree)
            made[folder] = Built(folder, compilation, tree)
        return made[folder]

    return build
