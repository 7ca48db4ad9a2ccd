"""A loaded graph with everything later stages need of the user's file: models, functions, JSON adapters."""

import contextlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue, TypeAdapter

from dagc.dsl.auth import Auth
from dagc.dsl.ingress import Ingress
from dagc.dsl.json_bytes import WrittenSchema
from dagc.dsl.misfit import misfit
from dagc.dsl.user_folder import UserFolder
from dagc.ir.graph import Graph, Node
from dagc.ir.ops import ModelKey, RunModel
from dagc.ir.regions import every_node
from dagc.models.store import ModelStore
from dagc.resources.surroundings import embedded_only

Function = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Traced:
    """One graph of the user's file.

    `steps` are the user's own functions by (module, qualified name), `function` the undecorated graph, `modules`
    the user's files a service carries, the graph's own first. `body` names the parameter that is the whole JSON
    body, or is `None` when the body is an object with a member for each parameter. `models` are the files that
    the module's graphs read, by path relative to `root`. `build_only` are the first lines of functions that no
    service calls, by path relative to `root`: those that load models for importers. `auth` are the ways of knowing
    its callers; `ingress` is the application in front, of all graphs of the file.
    """

    graph: Graph
    store: ModelStore
    steps: Mapping[tuple[str, str], Function]
    function: Function
    root: Path
    modules: tuple[Path, ...]
    body: str | None
    request: TypeAdapter[object]
    response: TypeAdapter[object]
    models: Mapping[str, ModelKey]
    build_only: Mapping[str, frozenset[int]]
    folder: UserFolder = field(repr=False)
    auth: tuple[Auth, ...] = ()
    ingress: Ingress | None = None

    @contextlib.contextmanager
    def importable(self) -> Iterator[None]:
        """Steps run inside as a build runs them: neighbouring files can be imported, and no server is asked."""
        with self.folder.opened(), embedded_only():
            yield

    def sources(self) -> dict[str, bytes]:
        """The user's files a service carries, by posix path relative to `root`."""
        return {file.relative_to(self.root).as_posix(): file.read_bytes() for file in self.modules}

    def nodes(self) -> tuple[Node, ...]:
        """The nodes of the graph, those inside branches too."""
        return tuple(every_node(self.graph))

    def called_models(self) -> frozenset[ModelKey]:
        """The models that the graph runs, of all that the file declares."""
        return frozenset(node.op.model for node in self.nodes() if isinstance(node.op, RunModel))

    def model_remarks(self) -> tuple[str, ...]:
        """What looking at the file's models has shown that their files do not say, each with its path."""
        found = sorted(self.models.items())
        return tuple(f"{path}: {remark}" for path, key in found for remark in self.store.signature(key).remarks)

    def summary(self) -> str:
        """The first line of the graph's docstring, or nothing."""
        return next(iter((inspect.getdoc(self.function) or "").splitlines()), "")

    def arguments(self, body: JsonValue) -> Mapping[str, object]:
        """The graph's arguments of a JSON body, as the service reads it.

        Raises:
            pydantic.ValidationError: the body is not what the graph takes.
        """
        value = self.request.validate_json(json.dumps(body))
        if self.body is not None:
            return {self.body: value}
        if not isinstance(value, Mapping):
            raise TypeError(f"a body of several parameters is a mapping, not `{type(value).__name__}`")
        parameters = inspect.signature(self.function).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
        return {**defaults, **value}

    def answer(self, result: object) -> JsonValue:
        """The JSON form of the graph's result, as the service writes it."""
        answer: JsonValue = json.loads(self.response.dump_json(result, by_alias=True, warnings="none"))
        return answer

    def misfit(self, result: object) -> str | None:
        """What of the result is not of the annotated type, if anything; it is written all the same."""
        return misfit(self.response, result)

    def request_schema(self) -> JsonValue:
        """The JSON schema of the body."""
        return _json(self.request.json_schema(mode="validation", schema_generator=WrittenSchema))

    def response_schema(self) -> JsonValue:
        """The JSON schema of the answer."""
        return _json(self.response.json_schema(mode="serialization", schema_generator=WrittenSchema))


def _json(schema: Mapping[str, object]) -> JsonValue:
    plain: JsonValue = json.loads(json.dumps(schema))
    return plain
