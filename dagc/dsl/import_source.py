"""A model that comes out of a user's `load` function: the declaration checked, then ordered from the importers."""

import inspect
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import CodeType

from dagc.diagnostics import Diagnostic, Label, Span
from dagc.dsl.import_columns import BadColumnsError, example_rows, table_columns, tensor_columns
from dagc.dsl.signatures import import_problem
from dagc.models.importers.importing import imported
from dagc.models.importers.order import Column, ImportFailure, Order
from dagc.models.importers.samples import Rows
from dagc.trace.recorder import refuse
from dagc.trace.source import definition_place
from dagc.trace.spans import Place, character_column

_OPTIONS = frozenset({"inputs", "example", "outputs", "depends", "memory_mib", "timeout_s"})


class ImportedModel:
    """What an importer declares. A failure is kept: the next call is told the same without another process."""

    def __init__(self, framework: str, load: object, options: Mapping[str, object]) -> None:
        self.framework = framework
        self.load = load
        self._options = options
        self._failure: Diagnostic | None = None

    @property
    def label(self) -> str:
        """The function's name."""
        return getattr(self.load, "__name__", self.framework)

    def definition(self) -> tuple[str, int] | None:
        """The file of the function and its first line, that of its first decorator if it has any."""
        code = getattr(inspect.unwrap(self.load) if callable(self.load) else None, "__code__", None)
        return (code.co_filename, code.co_firstlineno) if isinstance(code, CodeType) else None

    def name_from(self, root: Path, folder: Path) -> str:
        """The function's file from `root`, and its name."""
        file = _file(self.load)
        where = file.relative_to(root).as_posix() if file and file.is_relative_to(root) else self.framework
        return f"{where}:{self.label}"

    def expect(self, folder: Path) -> None:
        """Nothing: the library is loaded in a process of its own, and only if the conversion is not cached."""

    def read(self, root: Path, folder: Path, declared: Span | None) -> bytes:
        """The converted model.

        Raises:
            CompileError: E0420 to E0427, at the user's own line where `load` raises.
        """
        if self._failure is None:
            try:
                return imported(*self._order())
            except ImportFailure as failure:
                self._failure = _told(failure, root, declared)
            except BadColumnsError as error:
                self._failure = Diagnostic.at("E0420", error.message, declared, "declared here", help=error.help)
        return refuse(self._failure)

    def _order(self) -> tuple[Order, Rows | None]:
        file = self._importable()
        module, root = _importable_from(str(getattr(self.load, "__module__", "")), file)
        columns = self._columns()
        given = self._options.get("example")
        example = None if given is None else example_rows(given, columns)
        elsewhere = [str(Path(entry or Path.cwd()).resolve()) for entry in sys.path]
        return Order(
            framework=self.framework,
            module=module,
            qualname=str(getattr(self.load, "__qualname__", "")),
            path=(str(root), *(entry for entry in elsewhere if entry != str(root))),
            folder=str(file.parent),
            source=str(file),
            columns=columns,
            outputs=self._words("outputs"),
            depends=self._words("depends") or (),
            memory_mib=int(self._number("memory_mib", 8192)),
            timeout_s=self._number("timeout_s", 600.0),
        ), example

    def _columns(self) -> tuple[Column, ...] | None:
        if self.framework == "torch":
            return tensor_columns(self._options.get("example"))
        return table_columns(self._options.get("inputs"))

    def _importable(self) -> Path:
        """The file the function is defined in; BadColumnsError for one that a process of its own cannot find."""
        unknown = sorted(set(self._options) - _OPTIONS)
        if unknown:
            raise BadColumnsError(f"`dagc.{self.framework}` takes no option `{unknown[0]}`", None)
        if not callable(self.load):
            what = f"a `{type(self.load).__name__}`"
            help = "write `def load(): ...` that returns the model, and pass `load` itself"
            raise BadColumnsError(
                f"`dagc.{self.framework}` is given {what}, not a function that returns a model", help
            )
        problem = import_problem(self.load)
        if problem is not None:
            raise BadColumnsError(f"`dagc.{self.framework}` cannot call its function: {problem[0]}", problem[1])
        try:
            inspect.signature(self.load).bind()
        except (TypeError, ValueError):
            message = f"`{self.label}` takes arguments, and an importer calls it without any"
            raise BadColumnsError(message, "give its parameters defaults, or write a function around it") from None
        file = _file(self.load)
        if file is None:
            message = f"`{self.label}` is not written in a Python file"
            raise BadColumnsError(message, "write a function with `def` that calls it")
        return file

    def _words(self, name: str) -> tuple[str, ...] | None:
        given = self._options.get(name)
        if given is None:
            return None
        if isinstance(given, str) or not isinstance(given, Sequence) or not all(isinstance(w, str) for w in given):
            raise BadColumnsError(f"`{name}=` is a list of strings", f'write `{name}=["..."]`')
        return tuple(given)

    def _number(self, name: str, default: float) -> float:
        given = self._options.get(name, default)
        if isinstance(given, bool) or not isinstance(given, int | float) or not given > 0:
            raise BadColumnsError(f"`{name}=` is a number above 0", None)
        return given


def _told(failure: ImportFailure, root: Path, declared: Span | None) -> Diagnostic:
    """The failure at the user's innermost line it passed through, else at the declaration."""
    raised = _raised(failure, root)
    if raised is None:
        return failure.at(declared, "declared here")
    others = (Label(declared, "declared here"),) if declared else ()
    return Diagnostic.at(
        failure.code, failure.message, raised, "raised here", others=others, notes=failure.notes, help=failure.help
    )


def _raised(failure: ImportFailure, root: Path) -> Span | None:
    for file, line, start, end_line, end in reversed(failure.frames):
        column, end_column = character_column(file, line, start), character_column(file, end_line, end)
        place = Place(file, line, column, end_line, end_column) if column and end_column else Place(file, line)
        if span := place.span(root):
            return span
    return None


def _file(load: object) -> Path | None:
    place = definition_place(load)
    if place is not None:
        return Path(place.file).resolve()
    file = getattr(sys.modules.get(getattr(load, "__module__", "")), "__file__", None)
    return Path(file).resolve() if isinstance(file, str) else None


def _importable_from(module: str, file: Path) -> tuple[str, Path]:
    """The module's name and the folder it is imported from; a file that was run goes by its own name."""
    parts = module.split(".")
    whole = file.parent if file.name == "__init__.py" else file.with_suffix("")
    if tuple(whole.parts[-len(parts) :]) == tuple(parts):
        return module, Path(*whole.parts[: -len(parts)])
    return file.stem, file.parent
