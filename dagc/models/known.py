"""Signatures of models that have been looked at, by content: in this process, and as JSON for other ones.

What comes back from disk or from the process that looks at models is checked field by field before it is used.
"""

from collections.abc import Sequence

from dagc.ir.types import Dim, DType, Tensor
from dagc.models.model_error import ModelError
from dagc.models.signature import Port, Signature

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]

_LONGEST_TEXT = 2000
_signatures: dict[str, Signature] = {}


class NotAnAnswerError(Exception):
    """The JSON is not what it should be."""


def remember(sha256: str, signature: Signature) -> None:
    """Keep the signature of the model with these bytes for this process."""
    _signatures[sha256] = signature


def recalled(sha256: str) -> Signature | None:
    """The signature kept for these bytes, if the model was read as a file."""
    return _signatures.get(sha256)


def signature_json(signature: Signature) -> Json:
    """The signature as JSON."""
    return {
        "inputs": [_port_json(port) for port in signature.inputs],
        "outputs": [_port_json(port) for port in signature.outputs],
        "opset": signature.opset,
        "ml_opset": signature.ml_opset,
        "ir_version": signature.ir_version,
        "remarks": list(signature.remarks),
        "ran": signature.ran,
        "operators": signature.operators,
    }


def signature_from(json: Json) -> Signature:
    """The signature in the JSON; raises `NotAnAnswerError`."""
    ml_opset = _member(json, "ml_opset")
    return Signature(
        tuple(_port(port) for port in _items(_member(json, "inputs"))),
        tuple(_port(port) for port in _items(_member(json, "outputs"))),
        _number(_member(json, "opset")),
        None if ml_opset is None else _number(ml_opset),
        _number(_member(json, "ir_version")),
        tuple(_text(remark) for remark in _items(_member(json, "remarks"))),
        _member(json, "ran") is True,
        _number(_member(json, "operators")),
    )


def error_json(error: ModelError) -> Json:
    """The error as JSON."""
    return {"code": error.code, "message": error.message, "notes": list(error.notes), "help": error.help}


def error_from(json: Json) -> ModelError:
    """The error in the JSON; raises `NotAnAnswerError`."""
    code, help = _text(_member(json, "code")), _member(json, "help")
    if not (len(code) == 5 and code.startswith("E04") and code[3:].isdigit()):
        raise NotAnAnswerError
    notes = tuple(_text(note) for note in _items(_member(json, "notes")))
    return ModelError(code, _text(_member(json, "message")), notes, None if help is None else _text(help))


def _port_json(port: Port) -> Json:
    dims = port.type.dims
    return {"name": port.name, "dtype": port.type.dtype.value, "dims": None if dims is None else list(dims)}


def _port(json: Json) -> Port:
    dims = _member(json, "dims")
    try:
        dtype = DType(_text(_member(json, "dtype")))
    except ValueError as error:
        raise NotAnAnswerError from error
    shape = None if dims is None else tuple(_dim(dim) for dim in _items(dims))
    return Port(_text(_member(json, "name")), Tensor(dtype, shape))


def _dim(json: Json) -> Dim:
    return json if json is None else _text(json) if isinstance(json, str) else _number(json)


def _member(json: Json, name: str) -> Json:
    if not isinstance(json, dict) or name not in json:
        raise NotAnAnswerError
    return json[name]


def _items(json: Json) -> Sequence[Json]:
    if not isinstance(json, list):
        raise NotAnAnswerError
    return json


def _number(json: Json) -> int:
    if type(json) is not int:
        raise NotAnAnswerError
    return json


def _text(json: Json) -> str:
    """Text that a terminal may be given: a model's names are part of what its runtime says."""
    if not isinstance(json, str):
        raise NotAnAnswerError
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in json[:_LONGEST_TEXT])
