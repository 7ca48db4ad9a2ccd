"""The default domain by its short name: `ai.onnx` is its long one, which onnx's checker and tables do not know."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dagc.models.proto import all_nodes, plain_domain

if TYPE_CHECKING:
    import onnx


def with_plain_domains(proto: "onnx.ModelProto") -> bool:
    """Write the long name out of the model's nodes and opset imports; whether some node had it."""
    bodies = (proto.graph.node, *(function.node for function in proto.functions))
    spelled = [node for nodes in bodies for node in all_nodes(nodes) if node.domain != plain_domain(node.domain)]
    if not spelled:
        return False
    for node in spelled:
        node.ClearField("domain")
    for imports in (proto.opset_import, *(function.opset_import for function in proto.functions)):
        _shorten(imports)
    return True


def _shorten(imports: Sequence["onnx.OperatorSetIdProto"]) -> None:
    if any(not entry.domain for entry in imports):
        return  # it imports both; what it says of the short one holds
    for entry in imports:
        entry.domain = plain_domain(entry.domain)
