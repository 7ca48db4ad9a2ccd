"""`dagc.toml` beside a graph: for each environment other numbers of its services and deadlines, never other logic.

`[prod.service.compute]` overrides what `dagc.service("compute", ...)` says, `[prod.graph.fraud]` the deadline of a
graph. One file for all of them, since every check then reads them all: who renames a service hears of it for each
environment at once. What was measured (`profile.json`) is another thing.
"""

import math
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as File

from dagc.diagnostics import Diagnostic, Report
from dagc.diagnostics.suggest import did_you_mean
from dagc.dsl.service import BATCH_NUMBERS, NUMBERS, overridden
from dagc.dsl.toml_places import Path, TomlPlaces
from dagc.ir.edit import with_nodes
from dagc.ir.graph import LONGEST_DEADLINE_S, Graph
from dagc.ir.placement import Placement
from dagc.ir.regions import every_node, regions, with_regions

ENVIRONMENTS_NAME = "dagc.toml"
_KINDS = ("graph", "service")
_EXAMPLE = "`[prod.service.compute]` with lines as `cpu = 2`, or `[prod.graph.fraud]` with `deadline_s = 0.5`"


def in_environment(graphs: Sequence[Graph], root: File, name: str | None, report: Report) -> tuple[Graph, ...]:
    """The graphs with the numbers of profile `name`; as they are without one, and where anything is wrong.

    Whatever the file says of other profiles is checked too (E0523 to E0525, and E0511, E0514, E0515, E0521).
    """
    found = _read(root / ENVIRONMENTS_NAME)
    if isinstance(found, Diagnostic):
        report.add(found)
        return tuple(graphs)
    content, places = found
    checked = _Checked(graphs, places)
    environments = {key: checked.environment((key,), value) for key, value in content.items()}
    report.extend(checked.mistakes)
    if name is None or checked.mistakes:
        return tuple(graphs)
    if name not in environments:
        report.add(_unknown(name, tuple(environments)))
        return tuple(graphs)
    return tuple(environments[name].applied(graph) for graph in graphs)


def in_every_environment(graphs: Sequence[Graph], root: File) -> Iterator[Graph]:
    """The graphs as they are written, then as each profile has them; `in_environment` found nothing wrong."""
    yield from graphs
    found = _read(root / ENVIRONMENTS_NAME)
    if not isinstance(found, Diagnostic):
        content, places = found
        for name, numbers in content.items():
            yield from map(_Checked(graphs, places).environment((name,), numbers).applied, graphs)


@dataclass(frozen=True, slots=True)
class _Environment:
    """What is other than in the graph file."""

    placements: Mapping[str, Placement]
    deadlines_s: Mapping[str, float]

    def applied(self, graph: Graph) -> Graph:
        """The graph with these numbers."""
        return replace(self._placed(graph), deadline_s=self.deadlines_s.get(graph.name, graph.deadline_s))

    def _placed(self, graph: Graph) -> Graph:
        nodes = []
        for node in graph.nodes:
            inner = regions(node.op)
            op = with_regions(node.op, [self._placed(region) for region in inner]) if inner else node.op
            place = node.placement
            nodes.append(replace(node, op=op, placement=place and self.placements.get(place.name, place)))
        return with_nodes(graph, nodes)


@dataclass(slots=True)
class _Checked:
    """Reads one environment after another against the graphs and keeps what is wrong."""

    graphs: Sequence[Graph]
    places: TomlPlaces
    mistakes: list[Diagnostic] = field(default_factory=list)

    def environment(self, path: Path, content: object) -> _Environment:
        """What of it is right."""
        nodes = (node for graph in self.graphs for node in every_node(graph))
        placed = {node.placement.name: node.placement for node in nodes if node.placement}
        kinds = self._table(path, content, _KINDS)
        services = self._table((*path, "service"), kinds.get("service", {}), placed)
        graphs = self._table((*path, "graph"), kinds.get("graph", {}), [graph.name for graph in self.graphs])
        placements = {
            name: self._service((*path, "service", name), placed[name], of) for name, of in services.items()
        }
        deadlines_s = {name: self._deadline_s((*path, "graph", name), of) for name, of in graphs.items()}
        return _Environment(placements, {name: time for name, time in deadlines_s.items() if time is not None})

    def _service(self, path: Path, declared: Placement, content: object) -> Placement:
        numbers = self._table(path, content, (*NUMBERS, "batch"))
        batch = self._table((*path, "batch"), numbers.pop("batch", {}), BATCH_NUMBERS)
        found = overridden(declared, {**numbers, **batch})
        if isinstance(found, Placement):
            return found
        for code, message, help_ in found:
            self._wrong(code, (*path, *_about(code, message)), message, "given here", _in_toml(help_))
        return declared

    def _deadline_s(self, path: Path, content: object) -> float | None:
        numbers = self._table(path, content, ("deadline_s",))
        given = numbers.get("deadline_s")
        if given is None:
            return None
        number = isinstance(given, int | float) and not isinstance(given, bool)
        if number and math.isfinite(seconds := float(str(given))) and 0 < seconds <= LONGEST_DEADLINE_S:
            return seconds
        help_ = f"write seconds above 0 and at most {LONGEST_DEADLINE_S:g}"
        message = f"a deadline of `{given}` seconds cannot be kept"
        self._wrong("E0511", (*path, "deadline_s"), message, "given here", help_)
        return None

    def _table(self, path: Path, content: object, known: Collection[str]) -> dict[str, object]:
        """The members of a table that are known there; the others are reported."""
        if not isinstance(content, dict):
            self._wrong("E0525", path, f"`{'.'.join(path)}` is no table", "given here", f"write {_EXAMPLE}")
            return {}
        found: dict[str, object] = {}
        for name, value in content.items():
            if name in known:
                found[name] = value
            else:
                message = f"`{name}` is no {_kind(path)}"
                self._wrong("E0525", (*path, name), message, "named here", did_you_mean(name, known))
        return found

    def _wrong(self, code: str, path: Path, message: str, label: str, help_: str) -> None:
        self.mistakes.append(Diagnostic.at(code, message, self.places.at(path), label, help=help_))


def _about(code: str, message: str) -> Path:
    """The number that a mistake of a service is about."""
    if code == "E0515":
        return ("replicas",)
    if (number := next((name for name in NUMBERS if f"`{name}`" in message), None)) is not None:
        return (number,)
    return ("batch", "max_size" if "`max_size`" in message else "max_wait_ms")


def _in_toml(help_: str) -> str:
    """A proposal in the other language: a pair is a list there."""
    return re.sub(r"(\w+)=\((.*?)\)", r"\1 = [\2]", help_)


def _kind(path: Path) -> str:
    """What the names in the table at `path` are names of."""
    match path:
        case (_,):
            return "kind of what a profile overrides"
        case (_, "service"):
            return "service that a model or step is placed on"
        case (_, "graph"):
            return "graph of the file"
        case (_, "graph", _):
            return "number of a graph"
        case _:
            return "number of a service"


def _read(file: File) -> tuple[dict[str, object], TomlPlaces] | Diagnostic:
    try:
        text = file.read_text(encoding="utf-8")
        return tomllib.loads(text), TomlPlaces(file.name, text)
    except FileNotFoundError:
        return {}, TomlPlaces(file.name, "")
    except tomllib.TOMLDecodeError as error:
        places = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        at = TomlPlaces(file.name, "").at(())
        span = replace(at, line=int(places[1]), column=int(places[2])) if places else at
        reason = str(error).partition(" (at")[0].lower()
        return Diagnostic.at(
            "E0524", f"`{file.name}` is not TOML: {reason}", span, "here", help=f"write {_EXAMPLE}"
        )
    except (OSError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or "its bytes are not UTF-8 text").lower()
        return Diagnostic("E0524", f"`{file.name}` cannot be read: {reason}")


def _unknown(name: str, known: Sequence[str]) -> Diagnostic:
    if known:
        return Diagnostic(
            "E0523", f"`{ENVIRONMENTS_NAME}` has no profile `{name}`", help=did_you_mean(name, known)
        )
    message = f"there is no profile `{name}`: there is no `{ENVIRONMENTS_NAME}` beside the graph that names one"
    return Diagnostic("E0523", message, help=f"write {_EXAMPLE}".replace("prod", name))
