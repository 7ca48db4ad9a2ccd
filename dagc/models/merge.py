"""Several models as one: wires by name, one graph, nothing computed twice.

Values are numbered as they are met: a node that computes what an earlier one does is not placed, its readers read
the earlier one. `onnx.compose` accepts wrong dtypes and ranks; here the wires are checked first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagc.diagnostics.progress import counted
from dagc.models.assembly import Assembly
from dagc.models.fragment import Fragment, fragment
from dagc.models.functions import InliningRefused, inlined
from dagc.models.model_error import ModelError
from dagc.models.opset import OpsetRefused, newest_opsets, raise_opset
from dagc.models.proto import all_graphs, parse
from dagc.models.wire import MergeRefused

if TYPE_CHECKING:
    import onnx

__all__ = ["MergeRefused", "Part", "merge"]


@dataclass(frozen=True, slots=True)
class Part:
    """A model to merge. `feeds` and `fetches` are pairs of the model's own name and the wire's name."""

    name: str
    model: bytes
    feeds: tuple[tuple[str, str], ...]
    fetches: tuple[tuple[str, str], ...]


def merge(parts: Sequence[Part], feeds: tuple[str, ...], fetches: tuple[str, ...], name: str) -> bytes:
    """One model computing what the parts compute one after another.

    Its inputs are the wires `feeds`, all of them and in this order; its outputs are the wires `fetches`, each
    once. Every wire has one source: `feeds`, or the fetch of an earlier part. A model is read once however many
    parts it is. Takes time linear in all nodes.

    Raises:
        MergeRefused: the parts cannot be brought to one version of an operator domain, disagree about a wire's
            type, or hold something that cannot be moved.
    """
    fragments = _fragments(parts)
    assembly = Assembly(name, feeds, fetches)
    for part in counted(parts, "merging models"):
        assembly.add(part.name, fragments[part.model], part.feeds, part.fetches)
    model = assembly.finished()
    _verify(model)
    return model


def _fragments(parts: Sequence[Part]) -> Mapping[bytes, Fragment]:
    """Each distinct model at the newest opsets of all."""
    names: dict[bytes, str] = {}
    for part in parts:
        names.setdefault(part.model, part.name)
    protos = {model: _parsed(model, name) for model, name in names.items()}
    opsets = newest_opsets(list(protos.values()))
    return {model: fragment(_raised(names[model], proto, opsets)) for model, proto in protos.items()}


def _parsed(model: bytes, name: str) -> "onnx.ModelProto":
    try:
        proto = parse(model)
    except ModelError as error:
        raise MergeRefused(f"`{name}` is not an ONNX model") from error
    if any(graph.sparse_initializer for graph in all_graphs(proto.graph)):
        raise MergeRefused(f"`{name}` holds sparse tensors")
    return _shaped(_inlined(proto, name))


def _inlined(proto: "onnx.ModelProto", name: str) -> "onnx.ModelProto":
    """The model without functions of its own, whose names could clash with another part's."""
    try:
        whole = inlined(proto)
    except InliningRefused as refused:
        raise MergeRefused(f"the functions of `{name}` cannot be inlined: {refused}") from refused
    if whole.functions:  # it leaves those be that are written in another opset than the model
        left = whole.functions[0]
        raise MergeRefused(f"function `{left.name}` of `{name}` is written in another opset than the model")
    return whole


def _shaped(proto: "onnx.ModelProto") -> "onnx.ModelProto":
    """The model with the shapes of its outputs, which some exporters leave out, where inference finds them."""
    from onnx import shape_inference

    if all(value.type.tensor_type.HasField("shape") for value in proto.graph.output):
        return proto
    try:
        return shape_inference.infer_shapes(proto)
    except Exception:  # inference raises bare RuntimeErrors; the merged model is checked as a whole
        return proto


def _raised(name: str, proto: "onnx.ModelProto", opsets: Mapping[str, int]) -> "onnx.ModelProto":
    try:
        return raise_opset(proto, opsets)
    except OpsetRefused as refused:
        raise MergeRefused(f"`{name}` cannot share a model with the others: {refused}") from refused


def _verify(model: bytes) -> None:
    from onnx import checker

    try:
        checker.check_model(model, full_check=True)
    except Exception as error:  # the checker raises its own errors and bare RuntimeErrors
        first = str(error).strip().splitlines()[0]
        raise MergeRefused(f"the merged model does not pass ONNX's checker: {first}") from error
