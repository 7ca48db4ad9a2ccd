"""`onnx(...)`: a model file as a function. The file is read at the first call, so declaring one costs nothing.

Where the bytes come from is the model's `Source`; the importers bring their own (`importers.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, final, get_type_hints, overload

import numpy as np
from numpy.typing import NDArray

from dagc.diagnostics import CompileError, Diagnostic, Span
from dagc.diagnostics.suggest import closest, did_you_mean
from dagc.dsl.annotations import AnnotationError, ir_type
from dagc.dsl.complete import complete
from dagc.dsl.model_call import Callee, NamedTupleClass, record_call, run_call, unknown_answer
from dagc.dsl.model_contract import held_to
from dagc.dsl.model_source import ModelFile, ModelSource
from dagc.dsl.outputs import unknown_output
from dagc.dsl.service import Service, placed
from dagc.dsl.signatures import Declaration
from dagc.dsl.tensors import TensorSpec
from dagc.ir.agree import disagreement
from dagc.ir.ops import ModelKey
from dagc.ir.types import DType, Scalar, Tensor, Type
from dagc.models.model_error import ModelError
from dagc.models.signature import Signature
from dagc.models.store import ModelStore
from dagc.trace.conversions import has_item
from dagc.trace.recorder import mistake, recording, refuse
from dagc.trace.source import assigned_names
from dagc.trace.spans import Place, caller_place

Returned = TypeVar("Returned", bound=tuple[object, ...])
ReturnedOf = TypeVar("ReturnedOf", bound=tuple[object, ...], covariant=True)


class Model(Protocol):
    """A model with one output: give it tensors, numbers, or one record whose fields are its inputs."""

    def __call__(self, *values: object, **inputs: object) -> NDArray[np.float32]:
        """The output for one example."""


class ModelOf(Protocol[ReturnedOf]):
    """A model whose outputs are the fields of a NamedTuple."""

    def __call__(self, *values: object, **inputs: object) -> ReturnedOf:
        """The outputs for one example."""


@overload
def onnx(
    path: str,
    *,
    sha256: str | None = None,
    inputs: Mapping[str, object] | None = None,
    batch_axes: Mapping[str, int | None] | None = None,
    returns: None = None,
    on: Service | None = None,
    reload: bool = False,
) -> Model: ...
@overload
def onnx(
    path: str,
    *,
    sha256: str | None = None,
    inputs: Mapping[str, object] | None = None,
    batch_axes: Mapping[str, int | None] | None = None,
    returns: type[Returned],
    on: Service | None = None,
    reload: bool = False,
) -> ModelOf[Returned]: ...
@complete('dagc.onnx("models/score.onnx")')
def onnx(
    path: str,
    *,
    sha256: str | None = None,
    inputs: Mapping[str, object] | None = None,
    batch_axes: Mapping[str, int | None] | None = None,
    returns: type[Returned] | None = None,
    on: Service | None = None,
    reload: bool = False,
) -> Model | ModelOf[Returned]:
    """A model read from an ONNX file.

    Args:
        path: relative to the file that declares the model.
        sha256: what the file must hash to, in hex.
        inputs: declared types of inputs by name (`{"x": f32(30)}`), checked against the file.
        batch_axes: which axis counts the examples, for inputs and outputs of which it is not axis 0
            (`{"state": 1, "rate": None}`). `None`: the input has no such axis, and requests share a run only when
            they agree on it. Types are those of one example: without that axis.
        returns: a NamedTuple whose fields name the outputs and declare their types.
        on: the service that runs it; without one it follows what reads its outputs.
        reload: whether another file may take its place while the service runs; it is fused with nothing then.
    """
    source = ModelFile(path, sha256, batch_axes, reload=reload)
    return OnnxModel(source, inputs, returns, caller_place(), on, reload=reload)  # type: ignore[return-value]  # see OnnxModel


@dataclass(frozen=True, slots=True)
class _Declared:
    source: ModelSource
    inputs: Mapping[str, object] | None
    returns: object
    place: Place | None
    on: object
    reload: bool


@final
class OnnxModel(Declaration):
    """A declared model. Calling it runs it, or records its run; the two share how arguments meet inputs."""

    kind = "a model"

    def __init__(
        self,
        source: ModelSource,
        inputs: Mapping[str, object] | None,
        returns: object,
        place: Place | None,
        on: object = None,
        *,
        reload: bool = False,
    ) -> None:
        self._declared = _Declared(source, inputs, returns, place, on, reload)
        self._bytes: bytes | None = None
        recorder = recording()
        if recorder is not None:
            help = "declare it beside the graph, at the top level of the module"
            message = f"model `{self.name}` is declared in a graph body"
            mistake(Diagnostic.at("E0183", message, recorder.here(), "declared here", help=help))
        source.expect(self.folder)

    def __call__(self, *values: object, **inputs: object) -> object:
        """The outputs for one example: bare, as `returns`, or by name when there are several."""
        recorder = recording()
        root = recorder.root if recorder else self.folder
        try:
            callee = self._callee(root)
        except ModelError as error:
            if recorder is None:
                refuse(error.at(self._span(root), "declared here"))
            mistake(error.at(self._span(root), "declared here"))
            return unknown_answer(self.name, self._returns())
        except CompileError:
            if recorder is None:
                raise
            return unknown_answer(self.name, self._returns())
        if recorder is None:
            return run_call(callee, values, inputs, store_of(root), root)
        return record_call(callee, values, inputs, recorder, store_of(root))

    def __repr__(self) -> str:
        return f"<model {self.name}>"

    @property
    def name(self) -> str:
        """The variable the model is declared as, else the name of its source."""
        place = self._declared.place
        names = assigned_names(Path(place.file), place) if place else ()
        return names[0] if len(names) == 1 else self._declared.source.label

    @property
    def folder(self) -> Path:
        """The folder of the file that declares the model."""
        place = self._declared.place
        return Path(place.file).resolve().parent if place else Path.cwd()

    def read_as(self, root: Path) -> Iterator[tuple[str, ModelKey]]:
        """The source's name from `root` and its content's key, if a graph has used the model."""
        if self._bytes is not None:
            yield self._declared.source.name_from(root, self.folder), store_of(root).add(self._bytes)

    @property
    def source(self) -> ModelSource:
        """Where the model's bytes come from."""
        return self._declared.source

    def _callee(self, root: Path) -> Callee:
        """Raises ModelError, and CompileError for a declaration that contradicts the file."""
        store = store_of(root)
        if not isinstance(self._declared.reload, bool):
            text = (
                f"`reload=` of `{self.name}` is `True` or `False`, not a `{type(self._declared.reload).__name__}`"
            )
            refuse(self._wrong(text, "", root))
        if self._bytes is None:
            self._bytes = self._declared.source.read(root, self.folder, self._span(root))
            _read[root] = (*_read.get(root, ()), self)
        key = store.add(self._bytes)
        signature = store.signature(key)
        if not signature.ran:
            self._warn_of(signature, root)
        declared = self._declared_inputs(signature, root)
        signature = held_to(self._bytes, signature, declared, self.name)
        fetches, types = self._outputs(signature, root)
        placement = placed(self._declared.on, f"model `{self.name}`", root) if recording() else None
        return Callee(
            self.name, key, signature, fetches, types, self._returns(), placement, reload=self._declared.reload
        )

    def _returns(self) -> NamedTupleClass | None:
        returns = self._declared.returns
        if isinstance(returns, type) and issubclass(returns, tuple) and hasattr(returns, "_fields"):
            return returns
        return None

    def _outputs(self, signature: Signature, root: Path) -> tuple[tuple[str, ...], tuple[Type, ...]]:
        names = tuple(port.name for port in signature.outputs)
        if self._declared.returns is None:
            return names, tuple(signature.example(port) for port in signature.outputs)
        returns = self._returns()
        if returns is None:
            help = "declare `class Scores(NamedTuple): ...` with one annotated field per output"
            refuse(self._wrong(f"`returns=` of `{self.name}` is not a NamedTuple class", help, root))
        fields = self._declared_types(returns, root)
        fetches = self._fetches(tuple(fields), names, root)
        for fetch, (name, type) in zip(fetches, fields.items(), strict=True):
            self._check_field(signature, fetch, name, type, root)
        return fetches, tuple(fields.values())

    def _check_field(self, signature: Signature, fetch: str, name: str, declared: Type, root: Path) -> None:
        """A field is a tensor, compared with the file by the check room, or the item of a one-element tensor."""
        port = signature.output(fetch)
        if port is None or isinstance(declared, Tensor):
            return
        example = signature.example(port)
        if not isinstance(declared, Scalar) or not has_item(example, declared):
            text = f"field `{name}` of `returns=` of `{self.name}` is `{declared}`, and the output is `{example}`"
            refuse(self._wrong(text, "annotate the field with the tensor that the file has", root))

    def _fetches(self, fields: tuple[str, ...], names: tuple[str, ...], root: Path) -> tuple[str, ...]:
        """By name; by position when no field resembles an output's name (some exporters write `variable:0`)."""
        unknown = [field for field in fields if field not in names]
        if not unknown:
            return fields
        if len(fields) != len(names) or any(field in names or closest(field, names) for field in fields):
            refuse(unknown_output(self.name, unknown[0], names, self._span(root)))
        return names

    def _declared_types(self, returns: NamedTupleClass, root: Path) -> dict[str, Type]:
        try:
            return {name: ir_type(hint) for name, hint in get_type_hints(returns, include_extras=True).items()}
        except AnnotationError as error:
            refuse(self._wrong(f"`returns=` of `{self.name}`: {error.message}", error.help or "", root))
        except NameError as error:
            refuse(self._wrong(f"`returns=` of `{self.name}`: {error}", "define it before the graph", root))

    def _declared_inputs(self, signature: Signature, root: Path) -> dict[str, Tensor]:
        """What `inputs=` declares, by name; refuses what the file contradicts."""
        given: object = self._declared.inputs or {}
        if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
            help = 'write `inputs={"x": f32(30)}`'
            text = f"`inputs=` of `{self.name}` maps the names of inputs to types, and this does not"
            refuse(self._wrong(text, help, root))
        found = {}
        for name, declared in given.items():
            port = signature.input(name)
            if port is None:
                names = [port.name for port in signature.inputs]
                refuse(self._wrong(f"model `{self.name}` has no input `{name}`", did_you_mean(name, names), root))
            wanted = self._declared_input(name, declared, root)
            if problem := disagreement(signature.example(port), wanted):
                text = f"input `{name}` of `{self.name}` is not what `inputs=` declares: {problem}"
                refuse(self._wrong(text, "declare what the file says, or export the model again", root))
            if isinstance(wanted, Tensor):
                found[name] = wanted
        return found

    def _warn_of(self, signature: Signature, root: Path) -> None:
        recorder = recording()
        if recorder is not None:
            message = f"no example of `{self.name}` could be run, so its file alone says what it takes and gives"
            help = "declare the sizes it takes with `inputs=`; a stored request shows whether it works"
            found = Diagnostic.at(
                "W0401", message, self._span(root), "declared here", notes=signature.remarks, help=help
            )
            recorder.report.add(found)

    def _declared_input(self, name: str, declared: object, root: Path) -> Type:
        if isinstance(declared, TensorSpec):
            return Tensor(DType(declared.dtype), declared.dims)
        try:
            return ir_type(declared)
        except AnnotationError as error:
            refuse(self._wrong(f"`inputs=` of `{self.name}`: `{name}`: {error.message}", error.help or "", root))

    def _wrong(self, message: str, help: str, root: Path) -> Diagnostic:
        return Diagnostic.at("E0132", message, self._span(root), "declared here", help=help or None)

    def _span(self, root: Path) -> Span | None:
        place = self._declared.place
        return place.span(root) if place else None


_stores: dict[Path, ModelStore] = {}
_read: dict[Path, tuple[OnnxModel, ...]] = {}


def store_of(root: Path) -> ModelStore:
    """The models of one folder's graphs, read and loaded once in this process."""
    return _stores.setdefault(root, ModelStore())


def new_store(root: Path) -> ModelStore:
    """A fresh store for a folder that is loaded again."""
    _stores[root] = ModelStore()
    _read[root] = ()
    return _stores[root]


def models_read(root: Path) -> tuple[OnnxModel, ...]:
    """The models that the folder's graphs have used since its store was made, wherever they are declared."""
    return _read.get(root, ())
