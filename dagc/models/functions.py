"""A model with its own functions in place of their calls.

onnx's inliner forgets the attributes that a function has a default for where a call leaves them out, and the
operators inside take theirs. So the defaults are written into the calls first.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dagc.models.proto import all_nodes, plain_domain

if TYPE_CHECKING:
    import onnx

_Key = tuple[str, str, str]


class InliningRefused(Exception):
    """The functions cannot be put in place of their calls; the text says why."""


def inlined(proto: "onnx.ModelProto") -> "onnx.ModelProto":
    """The model without functions but those in another opset than its own, which stay; `proto` may be changed.

    Raises:
        InliningRefused: the inliner fails, or a call with a default is given an attribute that may be missing.
    """
    if not proto.functions:
        return proto
    from onnx import inliner

    _write_defaults(proto)
    try:
        return inliner.inline_local_functions(proto)
    except Exception as error:  # the inliner raises bare RuntimeErrors of many texts
        raise InliningRefused((str(error).strip().splitlines() or [type(error).__name__])[0]) from error


def _write_defaults(proto: "onnx.ModelProto") -> None:
    """Complete every call, also inside bodies and other functions."""
    defaults = {
        (plain_domain(function.domain), function.name, function.overload): tuple(function.attribute_proto)
        for function in proto.functions
    }
    for call in all_nodes(proto.graph.node):
        _complete(call, defaults.get(_called(call), ()))
    for function in proto.functions:
        own = {attribute.name for attribute in function.attribute_proto}
        for call in all_nodes(function.node):
            missing = defaults.get(_called(call), ())
            _refuse_doubt(function.name, call, own, missing)
            _complete(call, missing)


def _called(call: "onnx.NodeProto") -> _Key:
    return plain_domain(call.domain), call.op_type, call.overload


def _complete(call: "onnx.NodeProto", defaults: "Sequence[onnx.AttributeProto]") -> None:
    given = {attribute.name for attribute in call.attribute}
    call.attribute.extend(attribute for attribute in defaults if attribute.name not in given)


def _refuse_doubt(
    name: str, call: "onnx.NodeProto", own: set[str], defaults: "Sequence[onnx.AttributeProto]"
) -> None:
    """Refuse a call whose attribute, which has a default, is one of the function around it that has none."""
    defaulted = {attribute.name for attribute in defaults}
    for attribute in call.attribute:
        if attribute.name in defaulted and attribute.ref_attr_name and attribute.ref_attr_name not in own:
            raise InliningRefused(f"`{name}` passes on `{attribute.ref_attr_name}`, which its calls may leave out")
