"""Reads a user's `graph.py`: imports it, finds its graphs and steps, and traces every graph.

Whatever is wrong is in the report afterwards at the user's own line; nothing of theirs escapes as a traceback.
"""

import contextlib
import inspect
import linecache
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import decode_source
from pathlib import Path
from types import ModuleType

from dagc.diagnostics import Diagnostic, Report
from dagc.diagnostics.suggest import closest
from dagc.dsl.annotations import AnnotationError, request_adapter, response_adapter
from dagc.dsl.auth import ways
from dagc.dsl.body_rules import body_mistakes
from dagc.dsl.graph import GraphFunction
from dagc.dsl.import_source import ImportedModel
from dagc.dsl.ingress import Ingress, declared_ingress, forget_ingress
from dagc.dsl.model import OnnxModel, models_read, new_store, store_of
from dagc.dsl.redefinitions import redefinitions
from dagc.dsl.resource_parameters import Asked
from dagc.dsl.signatures import Function, annotation_mistakes, definition_span, unusual_kind
from dagc.dsl.step import Step
from dagc.dsl.step_resources import declared_mistakes, default_files
from dagc.dsl.step_rules import step_mistakes
from dagc.dsl.traced import Traced
from dagc.dsl.tracing import trace
from dagc.dsl.user_folder import UserFolder, imported
from dagc.ir.graph import Graph
from dagc.ir.ops import CallStep, ModelKey
from dagc.ir.regions import every_node
from dagc.trace.spans import users_file

_TAKEN = ("main", "dagc", "dagc_runtime")
"""Modules of a built service, beside which the user's file is imported under its own name."""


def load(path: Path, report: Report) -> tuple[Traced, ...]:
    """The graphs the file defines, in its order; those with mistakes are left out, and `report` says why."""
    if problem := _unusable(path):
        report.add(problem)
        return ()
    file = path.resolve()
    root = file.parent
    report.root = str(root)
    linecache.checkcache()
    users_file.cache_clear()
    new_store(root)
    forget_ingress()
    folder = UserFolder(root)
    with folder.opened():
        module = imported(file, folder, report)
        if module is None:
            return ()
        graphs = _own_graphs(module)
        _check_definitions(folder, report)
        if not graphs and not report.errors:
            report.add(_no_graph(file, root))
        traced = [(function, graph) for function in graphs if (graph := _traced(function, root, report))]
        front, wrong = declared_ingress(folder.imported(), module.__name__, [g.name for g in graphs], root)
        report.extend(wrong)
        finished = (_finished(function, graph, folder, file, report, front) for function, graph in traced)
        return tuple(t for t in finished if t)


def _unusable(path: Path) -> Diagnostic | None:
    if path.is_dir():
        inside = path / "graph.py"
        help = f"did you mean `{inside}`?" if inside.is_file() else "give the Python file that defines the graph"
        return Diagnostic.at("E0101", f"`{path}` is a folder, not a graph file", None, help=help)
    if not path.is_file():
        beside = [file.name for file in path.parent.glob("*.py")] if path.parent.is_dir() else []
        near = closest(path.name, beside)
        help = (
            f"did you mean `{path.parent / near}`?" if near else "give the path of the file that defines the graph"
        )
        return Diagnostic.at("E0100", f"there is no file `{path}`", None, help=help)
    if path.suffix != ".py":
        return Diagnostic.at(
            "E0101", f"`{path}` is not a Python file", None, help="graphs are defined in a `.py` file"
        )
    stem = path.resolve().stem
    if not stem.isidentifier() or stem in _TAKEN or stem in sys.stdlib_module_names:
        what = "is the name of another module of a service" if stem.isidentifier() else "is not a module name"
        help = "rename the file, for example to `graph.py`: a service imports it by its name"
        return Diagnostic.at("E0101", f"`{stem}` {what}", None, help=help)
    return None


def _own_graphs(module: ModuleType) -> list[GraphFunction]:
    """The graphs a file defines; a file without any definition stands for those it gathers from other modules."""
    found = {id(value): value for value in vars(module).values() if isinstance(value, GraphFunction)}
    defined = [v for v in vars(module).values() if getattr(v, "__module__", None) == module.__name__]
    return [
        graph
        for graph in found.values()
        if not defined or not inspect.isfunction(graph.function) or graph in defined
    ]


def _no_graph(file: Path, root: Path) -> Diagnostic:
    return Diagnostic.at(
        "E0102",
        f"`{file.relative_to(root)}` defines no graph",
        None,
        help="decorate a function at its top level with `@dagc.graph`",
    )


def _check_definitions(folder: UserFolder, report: Report) -> None:
    """The signatures of all steps and graphs, the bodies of graphs, and the resources of the user's modules."""
    root = folder.root
    report.extend(declared_mistakes(folder.imported(), root))
    for module in folder.imported():
        file = Path(str(module.__file__))
        report.extend(redefinitions(module, file, users_file(str(file), root) or file.name))
        for value in list(vars(module).values()):
            if isinstance(value, Step | GraphFunction):
                report.extend(value.mistakes(root))
                report.extend(_mistakes_in_text(value, root))
            elif isinstance(value, type) and value.__module__ == module.__name__:
                report.extend(_graphs_in_class(value, root))


def _graphs_in_class(owner: type, root: Path) -> Iterator[Diagnostic]:
    """Nobody finds a graph inside a class: only the names of a module are served."""
    for value in tuple(vars(owner).values()):  # pydantic may finish the class while it is looked at
        graph = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        if isinstance(graph, GraphFunction):
            message = f"graph `{graph.name}` is defined in class `{owner.__name__}`"
            span = definition_span(graph.function, root)
            help = "move it to the top level of the module, without `self`"
            yield Diagnostic.at("E0107", message, span, "defined here", help=help)


def _mistakes_in_text(declared: Step | GraphFunction, root: Path) -> Iterable[Diagnostic]:
    code = getattr(declared.function, "__code__", None)
    relative = users_file(code.co_filename, root) if code is not None else None
    if relative is None:
        return ()
    source = decode_source((root / relative).read_bytes())
    find = body_mistakes if isinstance(declared, GraphFunction) else step_mistakes
    return tuple(find(declared.function, source, relative))


def _traced(function: GraphFunction, root: Path, report: Report) -> Graph | None:
    static = _mistakes_in_text(function, root)
    never_returns = inspect.iscoroutinefunction(function.function) or unusual_kind(function.function)
    if never_returns or any(function.mistakes(root)):
        return None
    found = Report(report.root)
    graph = trace(function, root, found)
    report.extend(d for d in found.diagnostics if not _already_told(d, report.errors))
    return None if static else graph


def _already_told(dynamic: Diagnostic, reported: Sequence[Diagnostic]) -> bool:
    """Whether the text of the body already showed what running it shows again at the same lines.

    What fails in a graph fails again where another graph takes it in.
    """
    span = dynamic.span
    if dynamic.code == "E0106" and any((other.code, other.span) == ("E0106", span) for other in reported):
        return True
    others = (other for other in reported if other.code.startswith("E01") and other.code != dynamic.code)
    told = (label.span for other in others for label in other.labels)
    return span is not None and any(
        shown.file == span.file
        and shown.line <= (span.end_line or span.line)
        and span.line <= (shown.end_line or shown.line)
        for shown in told
    )


def _finished(
    function: GraphFunction,
    graph: Graph,
    folder: UserFolder,
    file: Path,
    report: Report,
    front: Ingress | None,
) -> Traced | None:
    declared = function.contract()
    try:
        request, body = request_adapter(declared)
        response = response_adapter(declared)
    except AnnotationError as error:
        # A record with a name that nothing defines has no JSON form either.
        if not any(found.code == "E0214" for found in report.errors):
            report.extend(annotation_mistakes(function.function, error, folder.root))
        return None
    build_only = _build_only(folder)
    return Traced(
        graph,
        store_of(folder.root),
        _steps(graph),
        function.function,
        folder.root,
        (
            *folder.carried(file, {folder.root / path: lines for path, lines in build_only.items()}),
            *default_files(_asked(folder)),
        ),
        body,
        request,
        response,
        _models(folder.root),
        build_only,
        folder,
        auth=ways(function.auth),
        ingress=front,
    )


def _models(root: Path) -> dict[str, ModelKey]:
    """The model files that were read, by their path from `root`."""
    return {path: key for model in models_read(root) for path, key in model.read_as(root)}


def _build_only(folder: UserFolder) -> dict[str, frozenset[int]]:
    """The first lines of the functions that importers call, by their file's path from the folder."""
    sources = [model.source for model in (*_declared_models(folder), *models_read(folder.root))]
    places = [source.definition() for source in sources if isinstance(source, ImportedModel)]
    found: dict[str, frozenset[int]] = {}
    for file, line in filter(None, places):
        relative = users_file(file, folder.root)
        if relative is not None:
            found[relative] = found.get(relative, frozenset()) | {line}
    return found


def _declared_models(folder: UserFolder) -> list[OnnxModel]:
    return [v for module in folder.imported() for v in vars(module).values() if isinstance(v, OnnxModel)]


def _asked(folder: UserFolder) -> Iterator[Asked]:
    """What the steps of the user's modules ask for; a step whose signature is wrong asks for nothing yet."""
    for step in (value for module in folder.imported() for value in vars(module).values()):
        if isinstance(step, Step):
            with contextlib.suppress(AnnotationError):
                yield from step.contract().asked


def _steps(graph: Graph) -> dict[tuple[str, str], Function]:
    called = [node.op for node in every_node(graph) if isinstance(node.op, CallStep)]
    keys = {(op.module, op.qualname) for op in called}
    keys |= {op.guard.fallback for op in called if op.guard is not None and op.guard.fallback is not None}
    return {key: _function(*key) for key in sorted(keys)}


def _function(module: str, qualname: str) -> Function:
    """The undecorated function; that it can be found by name was checked when it was called."""
    found: object = sys.modules[module]
    for part in qualname.split("."):
        found = getattr(found, part)
    function = found.function if isinstance(found, Step) else found
    if not callable(function):
        raise TypeError(f"step `{module}.{qualname}` is not callable")
    return function
