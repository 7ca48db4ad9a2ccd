"""The rooms of the house and who may enter them: the import rules as a table that only gets tighter."""

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

DAGC = Path(__file__).parent.parent / "dagc"

ROOMS: dict[str, set[str]] = {
    "diagnostics": set(),
    "runtime": set(),
    # The very classes that a built service has: it imports nothing of dagc but itself.
    "resources": set(),
    "ir": {"diagnostics"},
    "models": {"diagnostics", "ir"},
    "evaluate": {"diagnostics", "ir", "models"},
    "trace": {"diagnostics", "ir"},
    # The kernels of `evaluate` are the eager arithmetic of the language: one meaning for each operator.
    "dsl": {"diagnostics", "ir", "models", "evaluate", "trace", "resources"},
    "check": {"diagnostics", "ir", "models"},
    "passes": {"diagnostics", "ir", "models"},
    "plan": {"diagnostics", "ir"},
    "pictures": {"diagnostics", "ir"},
    "artifacts": {"diagnostics"},
    # A client of what was built: it measures services, and writes down what the plan reads.
    "bench": {"diagnostics", "plan"},
    "backends": {"diagnostics", "plan", "artifacts"},
    "deploy": {"diagnostics", "artifacts"},
    "frontend": {"diagnostics", "dsl", "check"},
    "plan_facts": {"ir", "models", "dsl", "evaluate", "plan"},
    "proofs": {"diagnostics", "ir", "dsl", "evaluate"},
    "compile": {
        "diagnostics",
        "frontend",
        "plan_facts",
        "proofs",
        "ir",
        "models",
        "dsl",
        "passes",
        "evaluate",
        "plan",
        "artifacts",
        "backends",
    },
    # It draws the plan, whose data and picture are the plan's and the backends'.
    "cli": {
        "diagnostics",
        "frontend",
        "compile",
        "evaluate",
        "plan",
        "pictures",
        "backends",
        "artifacts",
        "bench",
        "deploy",
    },
    "__init__": {"diagnostics", "dsl", "resources"},
    "__main__": {"cli"},
}

FENCED: dict[str, set[str]] = {
    "onnx": {"models"},
    "onnxscript": {"models"},
    "onnxruntime": {"models", "runtime"},
    "uvicorn": {"runtime"},
    "sqlalchemy": {"resources"},
    "asyncpg": {"resources"},
    "redis": {"resources"},
    "aiohttp": {"resources"},
    "httptools": {"runtime"},
    "docker": {"deploy"},
    "jinja2": {"artifacts"},
    "yaml": {"artifacts"},
    "aiosqlite": {"resources"},
    "jwt": {"runtime"},
    "grpclib": {"runtime"},
    "h2": {"runtime"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
}

CONVERTED = {"lightgbm", "onnxmltools", "pandas", "skl2onnx", "sklearn", "torch", "xgboost"}
"""Libraries whose models are converted: extras, which only the process that converts them imports."""


def room_of(file: Path) -> str:
    return file.relative_to(DAGC).parts[0].removesuffix(".py")


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = sorted(DAGC.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DAGC)))
def test_a_room_imports_only_the_rooms_it_may_enter(file: Path) -> None:
    room = room_of(file)
    reached = {parts[1] for name in imports(file) if len(parts := name.split(".")) > 1 and parts[0] == "dagc"}
    rooms = {name for name in reached if name in ROOMS} - {room}
    assert rooms <= ROOMS[room], f"{room} may not enter {sorted(rooms - ROOMS[room])}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DAGC)))
def test_third_parties_stay_behind_their_fences(file: Path) -> None:
    tops = {name.split(".")[0] for name in imports(file)}
    outside = {top for top in tops & FENCED.keys() if room_of(file) not in FENCED[top]}
    assert not outside


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DAGC)))
def test_libraries_that_are_converted_from_stay_with_the_importers(file: Path) -> None:
    if file.relative_to(DAGC).parts[:2] != ("models", "importers"):
        assert not {name.split(".")[0] for name in imports(file)} & CONVERTED


def test_the_rooms_form_one_line_without_circles() -> None:
    graphlib.TopologicalSorter(ROOMS).prepare()


def test_every_room_is_in_the_table() -> None:
    assert {room_of(file) for file in FILES} <= ROOMS.keys()


def test_the_map_shows_every_room_and_files_that_exist() -> None:
    rows = re.findall(
        r"^\| \[`(\w+)/`\]\((\w+)\) \|.*\| ([^|]*) \|$", (DAGC / "README.md").read_text(), re.MULTILINE
    )
    assert {room for room, _, _ in rows} == {room for room in ROOMS if (DAGC / room).is_dir()}
    for room, folder, first in rows:
        assert room == folder
        assert all((DAGC / room / name).is_file() for name in re.findall(r"`([^`]+)`", first)), room


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DAGC)))
def test_our_own_modules_are_imported_at_the_top_outside_the_cli(file: Path) -> None:
    if room_of(file) in {"cli", "__init__"}:
        return
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    late = [
        node.lineno
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("dagc"))
    ]
    assert not late, f"imports of dagc inside functions at lines {late}"
