"""What a model takes and gives. Dims are kept as stored, batch axis first; `Signature.example` drops it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagc.ir.types import Dim, Tensor
from dagc.models.dtypes import from_onnx
from dagc.models.model_error import ModelError
from dagc.models.proto import parse, plain_domain

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a model; `type.dims` includes the batch axis."""

    name: str
    type: Tensor


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs and outputs of a model in the file's order, and the versions it is written in."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    opset: int
    ml_opset: int | None
    ir_version: int

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
    for kind, ports in (("input", inputs), ("output", outputs)):
        for port in ports:
            _has_batch_axis(kind, port)
    return Signature(inputs, outputs, opsets.get("", 1), opsets.get("ai.onnx.ml"), proto.ir_version)


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


def _not_a_tensor(kind: str, value: "onnx.ValueInfoProto") -> ModelError:
    import onnx

    type = value.type
    if type.HasField("tensor_type"):
        what = f"a tensor of {onnx.TensorProto.DataType.Name(type.tensor_type.elem_type).lower()}"
    else:
        what = f"a {(type.WhichOneof('value') or 'value without a type').removesuffix('_type')}"
    return ModelError(
        "E0407",
        f"{kind} `{value.name}` is {what}, not a tensor of a served element type",
        help="classifiers of scikit-learn: convert with `options={'zipmap': False}`"
        if type.HasField("sequence_type")
        else None,
    )


def _has_batch_axis(kind: str, port: Port) -> None:
    dims = port.type.dims
    if dims is None or (dims and dims[0] in (None, 1)) or (dims and isinstance(dims[0], str)):
        return
    shown = f"`{port.type}` has no axis" if not dims else f"axis 0 of `{port.type}` is fixed to {dims[0]}"
    raise ModelError(
        "E0405",
        f"{kind} `{port.name}` has no batch axis: {shown}",
        notes=("a model is served many examples at once; they lie along axis 0 of every input and output",),
        help=f"export the model with a free axis 0 on `{port.name}` (`dynamic_axes`, or a `None` in the shape)",
    )
