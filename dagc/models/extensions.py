"""onnxruntime-extensions: tokenizers, text and image operators, the one library that is loaded for a model.

All its operators are served. None is known to be row-wise, so their requests run one by one; a file whose axis 0
is 1 says so best. `DecodeImage` is given PNG files only: over a broken file of another kind version 0.15.2 was
seen to end the process, and to hang, so that one request would stop a service.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from dagc.models.model_error import ModelError
from dagc.models.proto import all_nodes, parse, plain_domain

if TYPE_CHECKING:
    import onnx

DISTRIBUTION = "onnxruntime-extensions"
MODULE = "onnxruntime_extensions"
DOMAINS = frozenset({"ai.onnx.contrib", "com.microsoft.extensions"})

_PNG = (0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A)
_GUARD = "dagc_png_only"


def installed() -> bool:
    """Whether the library is here."""
    return find_spec(MODULE) is not None


def named_in(model: bytes) -> bool:
    """Whether the bytes name a domain of the library: cheap, and never wrongly false."""
    return any(domain.encode() in model for domain in DOMAINS)


def needed_by(model: bytes) -> bool:
    """Whether some operator of the model is the library's."""
    if not named_in(model):
        return False
    proto = parse(model)
    bodies = (proto.graph.node, *(function.node for function in proto.functions))
    return any(plain_domain(node.domain) in DOMAINS for nodes in bodies for node in all_nodes(nodes))


def with_png_only(proto: "onnx.ModelProto") -> tuple[str, ...]:
    """Put a guard before each `DecodeImage` of the outermost graph that fails for what is no PNG; remarks, if any.

    Before: DecodeImage(file)
    After:  DecodeImage(Slice(file, Gather([0], file[:8] != PNG)))

    Raises:
        ModelError: E0431, one stands deeper.
    """
    found = [node for node in proto.graph.node if _decodes(node)]
    inner = [*all_nodes(proto.graph.node), *(node for f in proto.functions for node in all_nodes(f.node))]
    if sum(map(_decodes, inner)) > len(found):
        raise ModelError(
            "E0431",
            "`DecodeImage` stands inside a branch, a loop or a function",
            ("over a file that is no PNG it can end the process, and no guard can be put before it there",),
            "decode in the outermost graph, or in a step",
        )
    if not found or any(node.output[0].startswith(_GUARD) for node in proto.graph.node if node.output):
        return ()
    nodes = []
    for node in proto.graph.node:
        if _decodes(node):
            nodes += _guard(proto, node)
        nodes.append(node)
    kept = [_copy(node) for node in nodes]
    del proto.graph.node[:]
    proto.graph.node.extend(kept)
    return ("`DecodeImage` takes PNG files only: over others it can end the process",)


def _decodes(node: "onnx.NodeProto") -> bool:
    return node.op_type == "DecodeImage" and plain_domain(node.domain) in DOMAINS


def _copy(node: "onnx.NodeProto") -> "onnx.NodeProto":
    import onnx

    copied = onnx.NodeProto()
    copied.CopyFrom(node)
    return copied


def _guard(proto: "onnx.ModelProto", node: "onnx.NodeProto") -> list["onnx.NodeProto"]:
    """The nodes that pass a PNG file on and read out of bounds over anything else."""
    from onnx import TensorProto, helper

    name = f"{_GUARD}_{node.output[0]}"
    constants = {
        "start": (0,),
        "end": (len(_PNG),),
        "signature": _PNG,
        "zero": (0,),
        "one": (1,),
        "last": (2**62,),
    }
    for what, values in constants.items():
        kind = TensorProto.INT32 if what == "signature" else TensorProto.INT64
        proto.graph.initializer.append(helper.make_tensor(f"{name}_{what}", kind, [len(values)], values))
    file, node.input[0] = node.input[0], f"{name}_file"
    steps: tuple[tuple[str, tuple[str, ...], str, dict[str, int]], ...] = (
        ("Slice", (file, "start", "end"), "head", {}),
        ("Cast", ("head",), "codes", {"to": TensorProto.INT32}),
        ("Equal", ("codes", "signature"), "same", {}),
        ("Cast", ("same",), "ones", {"to": TensorProto.INT64}),
        ("ReduceMin", ("ones",), "png", {"keepdims": 1}),
        ("Sub", ("one", "png"), "other", {}),
        ("Gather", ("zero", "other"), "from", {"axis": 0}),
        ("Slice", (file, "from", "last"), "file", {}),
    )
    made = []
    for op, inputs, output, attributes in steps:
        fed = [given if given == file else f"{name}_{given}" for given in inputs]
        made.append(helper.make_node(op, fed, [f"{name}_{output}"]))
        made[-1].attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
    return made
