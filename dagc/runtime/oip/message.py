"""gRPC's messages to requests, and answers to messages; the same for what is only told."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, cast

from ..feed import Array
from ..settings import InferenceTensor
from .joined import Model
from .messages import Message, make
from .request import Request, Wanted, check_parameters, chosen
from .tensors import DATATYPES, Given, raw_bytes, refuse, text_bytes

_CONTENTS = {
    "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents", "INT32": "int_contents",
    "INT64": "int64_contents", "UINT8": "uint_contents", "UINT16": "uint_contents", "UINT32": "uint_contents",
    "UINT64": "uint64_contents", "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
}  # fmt: skip
"""Where a message has the elements of a datatype; FP16 only goes as bytes."""


class _Parameter(Protocol):
    def WhichOneof(self, name: str) -> str | None: ...  # noqa: N802


class _Tensor(Protocol):
    name: str
    datatype: str
    shape: Sequence[int]
    parameters: Mapping[str, _Parameter]
    contents: Message


class _Output(Protocol):
    name: str
    parameters: Mapping[str, _Parameter]


class InferRequest(Protocol):
    """What of a ModelInferRequest is read."""

    model_name: str
    model_version: str
    id: str
    parameters: Mapping[str, _Parameter]
    inputs: Sequence[_Tensor]
    outputs: Sequence[_Output]
    raw_input_contents: Sequence[bytes]


def read_message(message: InferRequest) -> Request:
    """The request of a message; `binary` when its tensors come as bytes, which its answer's then do too.

    Raises:
        BadRequest: its inputs and their contents do not match.
    """
    tensors, raw = message.inputs, message.raw_input_contents
    of_tensors = [_plain(each.parameters) for each in (*tensors, *message.outputs)]
    check_parameters(_plain(message.parameters), of_tensors)
    if raw and len(raw) != len(tensors):
        refuse(f"there are {len(tensors)} inputs and {len(raw)} of `raw_input_contents`", "raw_input_contents")
    contents: Iterable[bytes | None] = raw or [None] * len(tensors)
    given = tuple(_given(tensor, content) for tensor, content in zip(tensors, contents, strict=True))
    return Request(message.id, given, tuple(Wanted(each.name, bool(raw)) for each in message.outputs), bool(raw))


def answer_message(model: Model, request: Request, arrays: Sequence[Array]) -> Message:
    """The ModelInferResponse."""
    wanted = chosen(request, model.inference, arrays)
    as_bytes = request.binary or any(port.dtype == "f16" for port, _, _ in wanted)
    named = {"model_name": model.name, "model_version": model.version, "id": request.id}
    outputs = [_output(port, array, with_contents=not as_bytes) for port, array, _ in wanted]
    raw = [raw_bytes(array) for _, array, _ in wanted] if as_bytes else []
    return make("ModelInferResponse", **named, outputs=outputs, raw_output_contents=raw)


def tensor_metadata(tensors: object) -> list[Message]:
    """TensorMetadata of what REST's metadata say."""
    return [make("TensorMetadata", **each) for each in cast("Sequence[Mapping[str, object]]", tensors)]


def _given(tensor: _Tensor, raw: bytes | None) -> Given:
    shape, name = tuple(tensor.shape), tensor.name
    if raw is not None:
        if tensor.contents.ByteSize():
            refuse("`contents` and `raw_input_contents` stand beside each other", name[:200])
        return Given(name, tensor.datatype, shape, raw)
    field = _CONTENTS.get(tensor.datatype)
    if field is None:
        refuse("a tensor of this datatype must come as `raw_input_contents`", name[:200])
    return Given(name, tensor.datatype, shape, None, list(getattr(tensor.contents, field)))


def _output(port: InferenceTensor, array: Array, *, with_contents: bool) -> Message:
    datatype = DATATYPES[port.dtype]
    known = {"name": port.name, "datatype": datatype, "shape": list(array.shape)}
    if not with_contents:
        return make("InferOutputTensor", **known)
    elements = text_bytes(array) if array.dtype.kind == "O" else array.ravel().tolist()
    return make(
        "InferOutputTensor", **known, contents=make("InferTensorContents", **{_CONTENTS[datatype]: elements})
    )


def _plain(parameters: Mapping[str, _Parameter]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, parameter in parameters.items():
        kind = parameter.WhichOneof("parameter_choice")
        found[name] = None if kind is None else getattr(parameter, kind)
    return found
