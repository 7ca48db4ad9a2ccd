"""The messages of gRPC, as the protocol's `open_inference_grpc.proto` and `grpc.health.v1` have them, as a table.

They are made in a pool of their own: a step of the user's may import another package that has the same messages
(tritonclient does), and protobuf takes two of one name for a mistake.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

__all__ = ["HEALTH", "INFERENCE", "DecodeError", "Message", "decode", "make"]

INFERENCE = "inference.GRPCInferenceService"
HEALTH = "grpc.health.v1.Health"

Fields: TypeAlias = Mapping[str, tuple[int, str]]
"""Number and type of each field: `*` after a type is `repeated`, `{}` a map of it by text, `?` one of `oneof`."""

_FIELDS: dict[str, Fields] = {
    "ServerLiveRequest": {},
    "ServerLiveResponse": {"live": (1, "bool")},
    "ServerReadyRequest": {},
    "ServerReadyResponse": {"ready": (1, "bool")},
    "ModelReadyRequest": {"name": (1, "string"), "version": (2, "string")},
    "ModelReadyResponse": {"ready": (1, "bool")},
    "ServerMetadataRequest": {},
    "ServerMetadataResponse": {"name": (1, "string"), "version": (2, "string"), "extensions": (3, "string*")},
    "ModelMetadataRequest": {"name": (1, "string"), "version": (2, "string")},
    "TensorMetadata": {"name": (1, "string"), "datatype": (2, "string"), "shape": (3, "int64*")},
    "ModelMetadataResponse": {
        "name": (1, "string"), "versions": (2, "string*"), "platform": (3, "string"),
        "inputs": (4, "TensorMetadata*"), "outputs": (5, "TensorMetadata*"),
    },
    "InferParameter": {
        "bool_param": (1, "bool?"), "int64_param": (2, "int64?"), "string_param": (3, "string?"),
        "double_param": (4, "double?"), "uint64_param": (5, "uint64?"),
    },
    "InferTensorContents": {
        "bool_contents": (1, "bool*"), "int_contents": (2, "int32*"), "int64_contents": (3, "int64*"),
        "uint_contents": (4, "uint32*"), "uint64_contents": (5, "uint64*"), "fp32_contents": (6, "float*"),
        "fp64_contents": (7, "double*"), "bytes_contents": (8, "bytes*"),
    },
    "InferInputTensor": {
        "name": (1, "string"), "datatype": (2, "string"), "shape": (3, "int64*"),
        "parameters": (4, "InferParameter{}"), "contents": (5, "InferTensorContents"),
    },
    "InferRequestedOutputTensor": {"name": (1, "string"), "parameters": (2, "InferParameter{}")},
    "ModelInferRequest": {
        "model_name": (1, "string"), "model_version": (2, "string"), "id": (3, "string"),
        "parameters": (4, "InferParameter{}"), "inputs": (5, "InferInputTensor*"),
        "outputs": (6, "InferRequestedOutputTensor*"), "raw_input_contents": (7, "bytes*"),
    },
    "InferOutputTensor": {
        "name": (1, "string"), "datatype": (2, "string"), "shape": (3, "int64*"),
        "parameters": (4, "InferParameter{}"), "contents": (5, "InferTensorContents"),
    },
    "ModelInferResponse": {
        "model_name": (1, "string"), "model_version": (2, "string"), "id": (3, "string"),
        "parameters": (4, "InferParameter{}"), "outputs": (5, "InferOutputTensor*"),
        "raw_output_contents": (6, "bytes*"),
    },
    "ModelStreamInferResponse": {"error_message": (1, "string"), "infer_response": (2, "ModelInferResponse")},
    "RepositoryIndexRequest": {"repository_name": (1, "string"), "ready": (2, "bool")},
    "ModelIndex": {
        "name": (1, "string"), "version": (2, "string"), "state": (3, "string"), "reason": (4, "string"),
    },
    "RepositoryIndexResponse": {"models": (1, "ModelIndex*")},
    # Of `grpc.health.v1`, whose `status` is an enum: the same bytes.
    "HealthCheckRequest": {"service": (1, "string")},
    "HealthCheckResponse": {"status": (1, "int32")},
}  # fmt: skip

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "inference"


def make(kind: str, /, **members: object) -> Message:
    """A message of this kind."""
    return _classes[kind](**members)


def decode(kind: str, content: bytes) -> Message:
    """The message of these bytes.

    Raises:
        DecodeError: they are none.
    """
    return _classes[kind].FromString(content)


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="open_inference.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        if any(kind.endswith("?") for _, kind in fields.values()):
            message.oneof_decl.add(name="parameter_choice")
        for field, (number, kind) in fields.items():
            message.field.append(_field(message, field, number, kind))
    return file


def _field(
    message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str
) -> descriptor_pb2.FieldDescriptorProto:
    plain = kind.rstrip("*{}?")
    made = _Field(name=name, number=number, label=_Field.LABEL_OPTIONAL)
    if kind.endswith("?"):
        made.oneof_index = 0
    if kind.endswith(("*", "{}")):
        made.label = _Field.LABEL_REPEATED
    if kind.endswith("{}"):
        plain = _entry(message, name, plain)
    if "." in plain or plain in _FIELDS:
        made.type = _Field.TYPE_MESSAGE
        made.type_name = f".{_PACKAGE}.{plain}"
    else:
        made.type = getattr(_Field, f"TYPE_{plain.upper()}")
    return made


def _entry(message: descriptor_pb2.DescriptorProto, name: str, value: str) -> str:
    """The type of a map's entries, which protobuf wants inside the message that has the map."""
    entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
    entry.options.map_entry = True
    entry.field.append(_field(entry, "key", 1, "string"))
    entry.field.append(_field(entry, "value", 2, value))
    return f"{message.name}.{entry.name}"


def _made() -> Iterator[tuple[str, type[Message]]]:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_file().SerializeToString())
    for name in _FIELDS:
        yield name, message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


_classes = dict(_made())
