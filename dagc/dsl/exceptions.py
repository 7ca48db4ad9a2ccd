"""Exceptions of the user's own code as diagnostics at the user's own line, with the nearest names."""

import builtins
import re
import sys
from pathlib import Path
from traceback import walk_tb
from types import TracebackType

from dagc.diagnostics import CompileError, Diagnostic, Span
from dagc.diagnostics.suggest import closest
from dagc.trace.spans import Place, traceback_span

_LONGEST = 300
"""Characters of an exception's text that are told."""
_IN_NO_PACKAGE = "a graph file belongs to no package: give dagc a file beside the package that imports from it"


def body_failure(graph: str, error: BaseException, root: Path) -> Diagnostic:
    """E0106 for an exception that ended a graph's body."""
    return Diagnostic.at(
        "E0106",
        f"the body of graph `{graph}` raises {_described(error)}",
        traceback_span(error.__traceback__, root),
        "raised here",
        help=_nearest_name(error) or "a graph body runs on symbolic values when it is built: compute in a step",
    )


def import_failure(error: BaseException, root: Path, siblings: tuple[str, ...]) -> tuple[Diagnostic, ...]:
    """What dagc itself refused, E0103 for a syntax error, E0104 for an import that fails, E0105 for the rest."""
    if isinstance(error, CompileError):
        return tuple(_seen_from(root, found, error) for found in error.report.diagnostics)
    if isinstance(error, SyntaxError):
        return (_syntax_error(error, root),)
    span = traceback_span(error.__traceback__, root)
    if isinstance(error, ImportError):
        return (_import_error(error, span, root, siblings),)
    help = (
        _nearest_name(error) or "the file is run to read it: it must import without arguments, network or request"
    )
    return (Diagnostic.at("E0105", f"the module raises {_described(error)}", span, "raised here", help=help),)


def _seen_from(root: Path, found: Diagnostic, error: CompileError) -> Diagnostic:
    """A refusal at import; a plain call names places from the folder of its own file."""
    if found.span is not None and (root / found.span.file).is_file():
        return found
    span = traceback_span(error.__traceback__, root)
    return Diagnostic.at(found.code, found.message, span, "raised here", notes=found.notes, help=found.help)


def _syntax_error(error: SyntaxError, root: Path) -> Diagnostic:
    span: Span | None = None
    if error.filename is not None and error.lineno is not None:
        column, line = error.offset or 0, error.lineno
        end_line, end = error.end_lineno or line, error.end_offset or 0
        if column and (end_line, end) <= (line, column):
            end_line, end = line, column + 1
        span = Place(error.filename, line, column, end_line if column else 0, end if column else 0).span(root)
    return Diagnostic.at("E0103", f"this is not Python: {error.msg}", span, "here")


def _import_error(error: ImportError, span: Span | None, root: Path, siblings: tuple[str, ...]) -> Diagnostic:
    if isinstance(error, ModuleNotFoundError) and error.name:
        found = _nearest_module(error.name, root, siblings)
        return Diagnostic.at("E0104", f"there is no module `{error.name}`", span, "imported here", help=found)
    name = re.match(r"cannot import name '(\w+)'", error.msg or "")
    if name is None or error.name is None:
        help = _IN_NO_PACKAGE if "relative import" in str(error.msg) else None
        return Diagnostic.at("E0104", f"the import fails: {_described(error)}", span, "imported here", help=help)
    near = closest(name[1], _names_of(error.name))
    message = f"module `{error.name}` has no `{name[1]}`"
    help = f"did you mean `{near}`?" if near else None
    if _is_being_imported(error.name, error.__traceback__):
        message = f"module `{error.name}` has no `{name[1]}` yet: it is still being imported itself"
        help = "the two files import each other: move what both need into a third one"
    return Diagnostic.at("E0104", message, span, "imported here", help=help)


def _nearest_module(name: str, root: Path, siblings: tuple[str, ...]) -> str:
    package, _, last = name.rpartition(".")
    folder = root.joinpath(*package.split("."))
    if package and folder.is_dir():
        near = closest(last, [file.stem for file in folder.glob("*.py")])
        if near:
            return f"did you mean `{package}.{near}`?"
        return f"put `{name.replace('.', '/')}.py` beside the graph"
    if near := closest(name, siblings):
        return f"did you mean `{near}`, a file beside the graph?"
    return f"install it where dagc runs, or put `{name.split('.')[0]}.py` beside the graph"


def _is_being_imported(module: str, traceback: TracebackType | None) -> bool:
    frames = (frame for frame, _ in walk_tb(traceback))
    return any(f.f_code.co_name == "<module>" and f.f_globals.get("__name__") == module for f in frames)


def _described(error: BaseException) -> str:
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # the text of a user's exception is the user's code
        lines = []
    if not lines:
        return f"`{type(error).__name__}`"
    text = lines[0] if len(lines[0]) <= _LONGEST else f"{lines[0][:_LONGEST]}..."
    return f"`{type(error).__name__}: {text}`"


def _nearest_name(error: BaseException) -> str | None:
    """Python keeps what it did not find on the exception."""
    if isinstance(error, AttributeError) and error.name:
        near = closest(error.name, [name for name in dir(error.obj) if not name.startswith("_")])
    elif isinstance(error, NameError) and error.name:
        if error.name in sys.stdlib_module_names:
            return f"write `import {error.name}` at the top of the file"
        near = closest(error.name, _names_in_sight(error.__traceback__))
        if near is None:
            return f'define or import `{error.name}` above; if it is a text, it stands in quotes: `"{error.name}"`'
    else:
        return None
    return f"did you mean `{near}`?" if near else None


def _names_in_sight(traceback: TracebackType | None) -> list[str]:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return []
    frame = traceback.tb_frame
    return [*frame.f_locals, *frame.f_globals, *dir(builtins)]


def _names_of(module: str) -> list[str]:
    return [name for name in dir(sys.modules.get(module)) if not name.startswith("_")]
