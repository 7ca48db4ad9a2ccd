"""The protocol's REST bodies, JSON alone or with the bytes of tensors behind it, to requests and from answers.

`data` of a tensor is read once its shape is known to be right, so that no list is made of what is refused.
"""

import base64
import re
from collections.abc import Mapping, Sequence

import msgspec

from ..answer import Answer
from ..body import flaw
from ..codec import BadRequest
from ..feed import Array
from ..settings import InferenceTensor
from .joined import Model
from .request import Request, Wanted, check_parameters, chosen
from .tensors import DATATYPES, Given, raw_bytes, refuse

HEADER_LENGTH = b"inference-header-content-length"
_LENGTH = re.compile(rb"[0-9]{1,10}")
_NOTHING = b""

Parameters = dict[str, bool | int | float | str | None]


class _Tensor(msgspec.Struct):
    name: str
    datatype: str
    shape: list[int]
    parameters: Parameters = {}
    data: msgspec.Raw = msgspec.Raw(_NOTHING)


class _Output(msgspec.Struct):
    name: str
    parameters: Parameters = {}


class _Body(msgspec.Struct):
    inputs: list[_Tensor]
    id: str = ""
    parameters: Parameters = {}
    outputs: list[_Output] = []


_read = msgspec.json.Decoder(_Body).decode
_read_data = msgspec.json.Decoder(list[object]).decode


def read_body(body: bytes, fields: Mapping[bytes, bytes], max_depth: int) -> Request:
    """The request of a body.

    Raises:
        BadRequest: it is none.
    """
    head, rest = _parted(body, fields.get(HEADER_LENGTH))
    if (refused := flaw(head, max_depth)) is not None:
        raise BadRequest(refused)
    try:
        found = _read(head)
    except (msgspec.MsgspecError, RecursionError) as error:
        refuse(f"the body is no inference request: {error}")
    check_parameters(
        found.parameters,
        [
            *(each.parameters for each in found.inputs),
            *(each.parameters for each in found.outputs),
        ],
    )
    binary = found.parameters.get("binary_data_output") is True
    outputs = [Wanted(each.name, _flag(each.parameters, otherwise=binary)) for each in found.outputs]
    return Request(found.id, tuple(_given(found.inputs, rest)), tuple(outputs), binary)


def write_answer(
    model: Model, request: Request, arrays: Sequence[Array], headers: Sequence[tuple[bytes, bytes]]
) -> Answer:
    """The 200 answer; its body is JSON, or begins with it and says in a header how long that is."""
    outputs: list[dict[str, object]] = []
    pieces: list[bytes] = []
    for port, array, binary in chosen(request, model.inference, arrays):
        output: dict[str, object] = {
            "name": port.name, "datatype": DATATYPES[port.dtype], "shape": list(array.shape)
        }  # fmt: skip
        if binary:
            pieces.append(raw_bytes(array))
            output["parameters"] = {"binary_data_size": len(pieces[-1])}
        else:
            output["data"] = _listed(port, array)
        outputs.append(output)
    document: dict[str, object] = {"model_name": model.name, "model_version": model.version, "outputs": outputs}
    if request.id:
        document["id"] = request.id
    head = msgspec.json.encode(document)
    if not pieces:
        return Answer(200, head, tuple(headers))
    return Answer(200, b"".join((head, *pieces)), ((HEADER_LENGTH, b"%d" % len(head)), *headers))


def _parted(body: bytes, length: bytes | None) -> tuple[bytes, memoryview]:
    if length is None:
        return body, memoryview(_NOTHING)
    if not _LENGTH.fullmatch(length) or int(length) > len(body):
        refuse("`inference-header-content-length` is not a number of bytes that the body has")
    return body[: int(length)], memoryview(body)[int(length) :]


def _given(tensors: Sequence[_Tensor], rest: memoryview) -> list[Given]:
    """The inputs, with the bytes behind the JSON cut up among those that say they have some."""
    found: list[Given] = []
    for tensor in tensors:
        shape = tuple(tensor.shape)
        size = tensor.parameters.get("binary_data_size")
        data = bytes(tensor.data)
        if size is None:
            found.append(Given(tensor.name, tensor.datatype, shape, None, _values(tensor.name, data)))
            continue
        if type(size) is not int or not 0 <= size <= len(rest) or data:
            message = "`binary_data_size` is not a number of bytes that the body has, or `data` stands beside it"
            refuse(message, tensor.name[:200])
        found.append(Given(tensor.name, tensor.datatype, shape, rest[:size]))
        rest = rest[size:]
    if len(rest):
        refuse("the body is longer than its JSON and its inputs' `binary_data_size` say")
    return found


def _values(name: str, data: bytes) -> object:
    try:
        return _read_data(data)
    except (msgspec.MsgspecError, RecursionError):
        refuse("`data` is not a list", name[:200])


def _flag(parameters: Parameters, *, otherwise: bool) -> bool:
    found = parameters.get("binary_data")
    return found if isinstance(found, bool) else otherwise


def _listed(port: InferenceTensor, array: Array) -> list[object]:
    """The elements, row-major; floats as the shortest decimals that read back as the same number."""
    if port.dtype in ("f16", "f32"):
        return list(map(float, map(str, array.ravel())))
    if port.dtype == "bytes":
        return [base64.urlsafe_b64encode(piece).decode() for piece in array.ravel().tolist()]
    listed: list[object] = array.ravel().tolist()
    return listed
