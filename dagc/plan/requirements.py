"""The distributions a built service needs: the runtime's own, and those the user's modules import.

Found in the source (no module runs here) and in the metadata of what is installed; nothing is looked up outside.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import PurePosixPath
from types import MappingProxyType

from dagc.diagnostics import CompileError, Diagnostic, Span
from dagc.diagnostics.syntax import syntax_tree
from dagc.plan.installed import providers

RUNTIME = (
    "httptools",
    "msgspec",
    "numpy",
    "onnxruntime",
    "pydantic",
    "uvicorn==0.54.0",
    "uvloop==0.22.1",
)
"""What `dagc_runtime` imports. The two pins follow pyproject.toml, which says why."""

_OURS = "dagc"


@dataclass(frozen=True, slots=True)
class _Import:
    module: str
    span: Span
    optional: bool


def requirements(
    sources: Mapping[str, bytes],
    build_only: Mapping[str, frozenset[int]] = MappingProxyType({}),
    libraries: Iterable[str] = (),
) -> tuple[str, ...]:
    """Requirements of the runtime, of models (`libraries`) and of the user's modules (path -> source), sorted.

    An import that may fail (inside `try` with `except ImportError`) counts only when it is installed. Functions
    that no service calls (path -> first lines) count nothing: what loads a model for an importer.

    Raises:
        CompileError: an import no installed distribution provides (E0503).
    """
    own = {PurePosixPath(path).parts[0].removesuffix(".py") for path in sources}
    installed = providers()
    found = set(libraries)
    missing: list[Diagnostic] = []
    for wanted in _third_party(sources, own, build_only):
        top = wanted.module.partition(".")[0]
        if top in installed:
            found.update(_providers(wanted.module, installed[top]))
        elif not wanted.optional:
            missing.append(_not_installed(wanted))
    if missing:
        raise CompileError.of(*missing)
    of_runtime = {_name(requirement) for requirement in RUNTIME}
    return tuple(sorted((*RUNTIME, *(found - of_runtime - {_OURS})), key=_name))


def _third_party(
    sources: Mapping[str, bytes], own: set[str], build_only: Mapping[str, frozenset[int]]
) -> Iterator[_Import]:
    skipped = own | sys.stdlib_module_names | {_OURS, "__main__"}
    for path in sorted(path for path in sources if path.endswith(".py")):
        text = sources[path].decode("utf-8", "replace")
        reading = _Reading(path, text.splitlines(), build_only.get(path, frozenset()))
        for found in reading.imports(syntax_tree(sources[path]).body, optional=False):
            if found.module.partition(".")[0] not in skipped:
                yield found


def _first_line(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


@dataclass(frozen=True, slots=True)
class _Reading:
    """A file being read; functions that begin at the lines `build_only` are passed over."""

    path: str
    lines: Sequence[str]
    build_only: frozenset[int]

    def imports(self, body: Sequence[ast.AST], *, optional: bool) -> Iterator[_Import]:
        """The modules that running these statements imports."""
        for node in body:
            match node:
                case ast.Import(aliases):
                    span = _span(node, self.path, self.lines)
                    yield from (_Import(alias.name, span, optional) for alias in aliases)
                case ast.ImportFrom(str() as module, aliases, 0):
                    span = _span(node, self.path, self.lines)
                    yield from (_Import(f"{module}.{alias.name}", span, optional) for alias in aliases)
                case ast.Try() if _survives_import_error(node):
                    yield from self.imports(node.body, optional=True)
                    yield from self.imports((*node.handlers, *node.orelse, *node.finalbody), optional=True)
                case ast.If(test=test) if _only_for_type_checkers(test):
                    yield from self.imports(node.orelse, optional=optional)
                case ast.FunctionDef() if _first_line(node) in self.build_only:
                    continue
                case ast.expr():
                    continue  # an expression imports nothing
                case _:
                    yield from self.imports(list(ast.iter_child_nodes(node)), optional=optional)


def _survives_import_error(node: ast.Try) -> bool:
    caught = [handler.type for handler in node.handlers]
    names = {n.id for kind in caught if kind is not None for n in ast.walk(kind) if isinstance(n, ast.Name)}
    return None in caught or bool(names & {"ImportError", "ModuleNotFoundError", "Exception"})


def _only_for_type_checkers(test: ast.expr) -> bool:
    match test:
        case ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
        case _:
            return False


def _span(node: ast.Import | ast.ImportFrom, path: str, lines: Sequence[str]) -> Span:
    line = lines[node.lineno - 1] if node.lineno <= len(lines) else ""
    start = len(line.encode()[: node.col_offset].decode("utf-8", "ignore")) + 1
    return Span(path, node.lineno, start, node.lineno, max(start + 1, len(line.rstrip()) + 1))


def _providers(module: str, candidates: Sequence[str]) -> set[str]:
    """The candidates that hold `module`; a namespace such as `google` is shared by many, and one is wanted."""
    names = {_name(candidate) for candidate in candidates}
    if len(names) == 1:
        return names
    parts = module.split(".")
    for depth in range(len(parts), 1, -1):
        stem = "/".join(parts[:depth])
        if holders := {name for name in names if _holds(distribution(name), stem)}:
            return holders
    return names


def _holds(found: Distribution, stem: str) -> bool:
    paths = (file.as_posix() for file in found.files or ())
    return any(path == f"{stem}.py" or path.startswith((f"{stem}/", f"{stem}.")) for path in paths)


def _not_installed(wanted: _Import) -> Diagnostic:
    top = wanted.module.partition(".")[0]
    return Diagnostic.at(
        "E0503",
        f"no installed package provides `{top}`",
        wanted.span,
        "imported here",
        notes=("a service installs only packages that are named in its requirements",),
        help=f"install the package that provides `{top}`, or put the module beside `graph.py`",
    )


def _name(requirement: str) -> str:
    """The normalised name (PEP 503) a requirement begins with."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]).lower()
