"""The builds of `graphs/`, each made once for all tests of a process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

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


def unhurried(built: Built, folder: Path, *, within_s: float = 20.0) -> Path:
    """The service copied into a folder, with deadlines of a minute and its quorum's 50 ms longer.

    For answers of graphs whose own times a slow machine may not meet.
    """
    service = copytree(built.service, folder / built.service.name)
    glue, numbers = service / "main.py", service / "service.json"
    glue.write_text(
        glue.read_text(encoding="utf-8").replace("within_s=0.05", f"within_s={within_s}"), encoding="utf-8"
    )
    document = json.loads(numbers.read_text(encoding="utf-8"))
    for endpoint in document["endpoints"]:
        endpoint["limits"]["deadline_s"] = 60.0
    numbers.write_text(json.dumps(document), encoding="utf-8")
    return service


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
