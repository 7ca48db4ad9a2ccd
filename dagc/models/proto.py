"""ONNX's protobuf messages from and to bytes. Bytes written here are a function of the model's meaning alone."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dagc.models.model_error import ModelError

if TYPE_CHECKING:
    import onnx


def parse(model: bytes) -> "onnx.ModelProto":
    """The message in the bytes; raises `ModelError` E0402 when there is none."""
    import onnx

    try:
        return onnx.load_model_from_string(model)
    except Exception as error:  # protobuf's DecodeError, whose module has no types
        raise ModelError("E0402", "the bytes are not an ONNX model") from error


def canonical_bytes(proto: "onnx.ModelProto") -> bytes:
    """The model's bytes, equal for equal models.

    Who made it, when and why is dropped; opset imports are sorted, because their order is that of a hash table
    in onnxruntime, which protobuf's `deterministic` does not cover. Changes `proto`.
    """
    used = forget_origin(proto)
    used |= {plain_domain(node.domain) for function in proto.functions for node in all_nodes(function.node)}
    versions = {plain_domain(entry.domain): entry.version for entry in proto.opset_import}
    del proto.opset_import[:]
    for domain in sorted(versions):
        if domain in used or domain == "":
            proto.opset_import.add(domain=domain, version=versions[domain])
    written: bytes = proto.SerializeToString(deterministic=True)
    return written


def forget_origin(proto: "onnx.ModelProto") -> set[str]:
    """Drop from a model who made it, when and why; returns the domains its nodes use."""
    for name in ("producer_name", "producer_version", "domain", "doc_string", "model_version", "metadata_props"):
        proto.ClearField(name)
    used: set[str] = set()
    for graph in all_graphs(proto.graph):
        for name in ("doc_string", "metadata_props"):
            graph.ClearField(name)
        for node in graph.node:
            node.ClearField("doc_string")
            node.ClearField("metadata_props")
            used.add(node.domain)
    return {plain_domain(domain) for domain in used}


def plain_domain(domain: str) -> str:
    """The domain by its one name: `ai.onnx` is the long form of the default domain."""
    return "" if domain == "ai.onnx" else domain


def all_nodes(nodes: Sequence["onnx.NodeProto"]) -> Iterator["onnx.NodeProto"]:
    """Every node, those of nested graphs after the node that holds them."""
    for node in nodes:
        yield node
        if node.attribute:  # most nodes of a large graph have none
            for graph in bodies(node):
                yield from all_nodes(graph.node)


def all_graphs(graph: "onnx.GraphProto") -> Iterator["onnx.GraphProto"]:
    """The graph and every graph nested in it."""
    yield graph
    for node in graph.node:
        for body in bodies(node):
            yield from all_graphs(body)


def bodies(node: "onnx.NodeProto") -> Iterator["onnx.GraphProto"]:
    """The graphs directly inside a node: branches and loop bodies."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
