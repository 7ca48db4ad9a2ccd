"""Importing from the user's folder and leaving no trace of it, so that many folders can be loaded in one process.

Inside `opened()` the folder is first on `sys.path` and its own modules are in `sys.modules`; outside, neither.
"""

import ast
import contextlib
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from importlib.util import decode_source
from pathlib import Path
from types import MappingProxyType, ModuleType

from dagc.diagnostics import Report
from dagc.diagnostics.syntax import syntax_tree
from dagc.dsl.exceptions import import_failure
from dagc.dsl.patience import watched
from dagc.trace.spans import users_file

_LIBRARIES = tuple(Path(path).resolve() for path in {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")})


class UserFolder:
    """The folder of a graph; it remembers the modules that were imported from it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.modules: dict[str, ModuleType] = {}
        self._before: dict[str, ModuleType] = {}

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """The folder is importable inside; what the user's code prints goes to standard error."""
        path, bytecode = list(sys.path), sys.dont_write_bytecode
        hidden = {name: sys.modules.pop(name) for name in self._hidden()}
        before = self._before
        self._before = before or dict(sys.modules)
        sys.modules.update(self.modules)
        sys.path.insert(0, str(self.root))
        sys.dont_write_bytecode = True  # a build leaves nothing in the user's folder
        try:
            with contextlib.redirect_stdout(sys.stderr), watched(self.root):
                yield
        finally:
            for name in self._imported():
                self.modules[name] = sys.modules.pop(name)
            self._before = before
            sys.modules.update(hidden)
            sys.path[:] = path
            sys.dont_write_bytecode = bytecode

    def imported(self) -> tuple[ModuleType, ...]:
        """The user's modules that are imported by now; only inside `opened()`."""
        return tuple(sys.modules[name] for name in self._imported())

    def siblings(self) -> tuple[str, ...]:
        """The names of modules and packages in the folder."""
        files = {file.stem for file in self.root.glob("*.py")}
        packages = {file.parent.name for file in self.root.glob("*/__init__.py")}
        return tuple(sorted(files | packages))

    def carried(
        self, first: Path, build_only: Mapping[Path, frozenset[int]] = MappingProxyType({})
    ) -> tuple[Path, ...]:
        """The user's files a service needs: `first`, what it imported, and what those import by name anywhere.

        Only inside `opened()`. Functions that begin at the lines `build_only` are never called by a service.
        A file imported only inside a function was perhaps not imported yet, so the text is asked too.
        """
        waiting = [first, *(Path(str(module.__file__)).resolve() for module in self.imported())]
        found: dict[Path, None] = {}
        while waiting:
            file = waiting.pop(0)
            if file not in found:
                found[file] = None
                waiting.extend(self._imported_by(file, build_only.get(file, frozenset())))
        rest = sorted(file for file in found if file != first)
        return (first, *rest)

    def _hidden(self) -> list[str]:
        """Modules of other places that are already imported under a name this folder uses."""
        names = set(self.siblings())
        return [
            name
            for name, module in sys.modules.items()
            if name.split(".")[0] in names and not _is_installed(module) and name not in self.modules
        ]

    def _imported(self) -> list[str]:
        # Only what came since: to find the real paths of a thousand library modules takes a tenth of a second.
        came = [(name, m) for name, m in list(sys.modules.items()) if self._before.get(name) is not m]
        return [name for name, module in came if self._is_users(module)]

    def _is_users(self, module: object) -> bool:
        file = getattr(module, "__file__", None)
        return isinstance(file, str) and users_file(file, self.root) is not None

    def _imported_by(self, file: Path, build_only: frozenset[int]) -> Iterator[Path]:
        try:
            tree = syntax_tree(file.read_bytes())
        except (OSError, SyntaxError, ValueError):
            return
        for node in _served(tree, build_only):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from self._files_of(alias.name)
            elif isinstance(node, ast.ImportFrom):
                base = self._package_of(file, node.level)
                module = ".".join(part for part in (base, node.module) if part)
                for name in (module, *(f"{module}.{alias.name}" for alias in node.names)):
                    yield from self._files_of(name)

    def _package_of(self, file: Path, level: int) -> str:
        if level == 0:
            return ""
        parts = file.relative_to(self.root).parts
        return ".".join(parts[: len(parts) - level])

    def _files_of(self, module: str) -> Iterator[Path]:
        """The files that importing a dotted name runs: every package on the way, then the module."""
        at = self.root
        for part in [part for part in module.split(".") if part]:
            plain, package = at / f"{part}.py", at / part / "__init__.py"
            if package.is_file():
                yield package
            elif plain.is_file():
                yield plain
            at = at / part


def _served(tree: ast.Module, build_only: frozenset[int]) -> Iterator[ast.AST]:
    """Every node but those inside functions that begin at these lines."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first in build_only:
                continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def imported(file: Path, folder: UserFolder, report: Report) -> ModuleType | None:
    """The module of a file, run under its stem inside `opened()`; nothing after reporting why it cannot be."""
    module = ModuleType(file.stem)
    module.__file__ = str(file)
    sys.modules[file.stem] = module
    try:
        # Decoded first: Python counts the columns of a syntax error in bytes when it is given bytes.
        code = compile(_source_text(file), str(file), "exec", dont_inherit=True)
        exec(code, vars(module))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a user's class may stand right below it
        report.extend(import_failure(error, folder.root, folder.siblings()))
        return None
    return module


def _source_text(file: Path) -> str:
    """The text of a Python file; a SyntaxError with its line where it is none."""
    content = file.read_bytes()
    try:
        text = decode_source(content)
    except UnicodeDecodeError as error:
        reason = f"its bytes are not {error.encoding} text"
        raise _not_text(file, reason, content[: error.start].count(b"\n") + 1) from None
    except SyntaxError as error:  # two marks of encoding that disagree, or an encoding nobody knows
        raise _not_text(file, error.msg, error.lineno or 1) from None
    if (at := text.find("\0")) >= 0:
        raise _not_text(file, "it holds a NUL character", text[:at].count("\n") + 1)
    return text


def _not_text(file: Path, reason: str, line: int) -> SyntaxError:
    return SyntaxError(reason, (str(file), line, 0, None))


def _is_installed(module: object) -> bool:
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return True
    path = Path(file).resolve()
    return any(path.is_relative_to(library) for library in _LIBRARIES)
