"""What a model takes and gives. Dims are kept as stored, batch axis first; `Signature.example` drops it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagc.ir.types import Dim, Tensor
from dagc.models.dim_names import computed
from dagc.models.dtypes import from_onnx
from dagc.models.model_error import ModelError
from dagc.models.proto import all_nodes, parse, plain_domain

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a model; `type.dims` includes the batch axis."""

    name: str
    type: Tensor


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs and outputs of a model in the file's order, and the versions it is written in.

    Of a model that was read as a file, the sizes are what running it showed (`models/probe.py`): an output's free
    size is an expression of the inputs' (`W//8`). `remarks` are sentences on what the file did not say; `ran` is
    whether any example could be run. `operators` counts those of its bodies too.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    opset: int
    ml_opset: int | None
    ir_version: int
    remarks: tuple[str, ...] = ()
    ran: bool = True
    operators: int = 0

    def input(self, name: str) -> Port | None:
        """The input of that name, if there is one."""
        return next((port for port in self.inputs if port.name == name), None)

    def output(self, name: str) -> Port | None:
        """The output of that name, if there is one."""
        return next((port for port in self.outputs if port.name == name), None)

    def example(self, port: Port) -> Tensor:
        """The type of one example at `port`: axis 0 is the batch."""
        dims = port.type.dims
        return Tensor(port.type.dtype, None if dims is None else dims[1:])

    def answers(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The types of one example's outputs when its inputs, by name, are `given`.

        Of `f32[3, 48, W] -> f32[W//8, 6625]` and a picture `f32[3, 48, 320]` it makes `f32[40, 6625]`. An input's
        size that contradicts another's of the same name, or is not known, makes what follows from it unknown.
        """
        sizes: dict[str, Dim] = {}
        for port in self.inputs:
            example, actual = self.example(port), given.get(port.name)
            if actual is None or actual.dims is None or len(actual.dims) != len(example.dims or ()):
                continue
            for dim, size in zip(example.dims or (), actual.dims, strict=True):
                if isinstance(dim, str):
                    sizes[dim] = size if sizes.get(dim, size) == size else None
        return {port.name: _at(self.example(port), sizes) for port in self.outputs}


def read_signature(model: bytes) -> Signature:
    """The signature of a model.

    Raises:
        ModelError: E0402 for bytes that hold no model, E0405 for an input or output without a batch axis, E0407
            for one that is not a tensor of a served element type.
    """
    return signature_of(parse(model))


def signature_of(proto: "onnx.ModelProto") -> Signature:
    """The signature of a parsed model; raises like `read_signature`."""
    opsets = {plain_domain(entry.domain): entry.version for entry in proto.opset_import}
    stored = {tensor.name for tensor in proto.graph.initializer}
    inputs = tuple(_port("input", value) for value in proto.graph.input if value.name not in stored)
    outputs = tuple(_port("output", value) for value in _outputs(proto))
    _have_batch_axes(inputs, outputs)
    operators = sum(1 for _ in all_nodes(proto.graph.node))
    versions = (opsets.get("", 1), opsets.get("ai.onnx.ml"), proto.ir_version)
    return Signature(inputs, outputs, *versions, operators=operators)


def _outputs(proto: "onnx.ModelProto") -> Sequence["onnx.ValueInfoProto"]:
    """The declared outputs; where a type or shape is missing, what shape inference finds."""
    import onnx

    declared: Sequence[onnx.ValueInfoProto] = proto.graph.output
    if all(value.type.tensor_type.HasField("shape") for value in declared if value.type.HasField("tensor_type")):
        return declared
    try:
        inferred: Sequence[onnx.ValueInfoProto] = onnx.shape_inference.infer_shapes(proto).graph.output
    except Exception:  # inference raises bare RuntimeErrors; what is declared is then all there is
        return declared
    return inferred


def _port(kind: str, value: "onnx.ValueInfoProto") -> Port:
    tensor = value.type.tensor_type
    dtype = from_onnx(tensor.elem_type) if value.type.HasField("tensor_type") else None
    if dtype is None:
        raise _not_a_tensor(kind, value)
    if not tensor.HasField("shape"):
        return Port(value.name, Tensor(dtype, None))
    return Port(value.name, Tensor(dtype, tuple(_dim(dim) for dim in tensor.shape.dim)))


def _dim(dim: "onnx.TensorShapeProto.Dimension") -> Dim:
    if dim.HasField("dim_value"):
        return dim.dim_value if dim.dim_value >= 0 else None  # -1 is an old spelling of "any"
    return dim.dim_param or None


_WORDS = {
    "sequence_type": "a sequence",
    "map_type": "a map",
    "optional_type": "an optional value",
    "sparse_tensor_type": "a sparse tensor",
    "opaque_type": "an opaque value",
}


def _not_a_tensor(kind: str, value: "onnx.ValueInfoProto") -> ModelError:
    import onnx

    type = value.type
    if type.HasField("tensor_type"):
        number = type.tensor_type.elem_type
        known = number in onnx.TensorProto.DataType.values()
        what = f"a tensor of {onnx.TensorProto.DataType.Name(number).lower() if known else f'type {number}'}"
    else:
        what = _WORDS.get(type.WhichOneof("value") or "", "a value without a type")
    return ModelError(
        "E0407",
        f"{kind} `{value.name}` is {what}, not a tensor of a served element type",
        help="classifiers of scikit-learn: convert with `options={'zipmap': False}`"
        if type.HasField("sequence_type")
        else None,
    )


def _at(type: Tensor, sizes: Mapping[str, Dim]) -> Tensor:
    dims = type.dims
    return Tensor(type.dtype, None if dims is None else tuple(computed(dim, sizes) for dim in dims))


def _have_batch_axes(inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
    """One error for the whole model: the first port without a batch axis in front, the others in its notes."""
    without = [("input", port) for port in inputs if not _has_batch_axis(port.type)]
    without += [("output", port) for port in outputs if not _has_batch_axis(port.type)]
    if not without:
        return
    (kind, first), *others = without
    raise ModelError(
        "E0405",
        f"{kind} `{first.name}` has no batch axis: {_lack(first)}",
        (
            *(f"{kind} `{port.name}`: {_lack(port)}" for kind, port in others),
            "a model is served many examples at once; they lie along axis 0 of every input and output unless "
            "`batch_axes=` says where",
        ),
        _remedy(without),
    )


def _has_batch_axis(type: Tensor) -> bool:
    dims = type.dims
    return dims is None or (bool(dims) and (dims[0] in (None, 1) or isinstance(dims[0], str)))


def _lack(port: Port) -> str:
    dims = port.type.dims
    if not dims:
        return f"`{port.type}` has no axis"
    free = _free_axes(port)
    elsewhere = f", and the batch seems to lie along axis {free[0]}" if len(free) == 1 else ""
    return f"axis 0 of `{port.type}` is fixed to {dims[0]}{elsewhere}"


def _free_axes(port: Port) -> list[int]:
    return [axis for axis, dim in enumerate(port.type.dims or ()) if not isinstance(dim, int)]


def _remedy(without: Sequence[tuple[str, Port]]) -> str:
    """A declaration, where there is one for all that is without, else another export."""
    declared = [text for kind, port in without if (text := _declaration(kind, port)) is not None]
    if len(declared) == len(without):
        help = f"say so: `batch_axes={{{', '.join(declared)}}}`"
        agreed = "; `None`: requests share a run only when they agree on it"
        return f"{help}{agreed}" if any(not port.type.dims for _, port in without) else help
    first = next((port for _, port in without if port.type.dims), without[0][1])
    export = f"export the model with a free axis 0 on `{first.name}` (`dynamic_axes`, or a `None` in the shape)"
    scalar = next((port for _, port in without if not port.type.dims), first)
    return export if scalar is first else f"{export}, and with `{scalar.name}` as a constant"


def _declaration(kind: str, port: Port) -> str | None:
    """What `batch_axes=` may say of it, where that can be guessed."""
    if port.type.dims == ():
        return f'"{port.name}": None' if kind == "input" else None
    free = _free_axes(port)
    return f'"{port.name}": {free[0]}' if len(free) == 1 else None
