"""Hostile model files by the thousand: small valid ones of every kind with bytes, fields or operators changed."""

import random
from collections.abc import Callable, Iterator

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, defs, helper, numpy_helper, parser

_HEAD = '<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]>'
_EXTREME = (0, 1, -1, 2, 7, 255, 2**31 - 1, -(2**31), 2**31, 2**40, 2**62, 2**63 - 1, -(2**63))
_OPERATORS = sorted({schema.name for schema in defs.get_all_schemas()})


def seeds() -> list[bytes]:
    """Small valid models."""
    texts = [
        "g (float[N,4] x) => (float[N,4] y) <float[4] w = {1.0, 2.0, 3.0, 4.0}> { a = Mul(x, w) y = Softmax(a) }",
        "g (float[N,3,H,W] x) => (float[N,2,P,Q] y) "
        "{ a = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(x, w) y = MaxPool<kernel_shape = [2, 2]>(a) }",
        "g (float[N,T,2] x) => (float[N,T,6] y) <int64[3] s = {0, -1, 6}, int64[1] r = {3}> "
        "{ a = Concat<axis = 2>(x, x, x) y = Reshape(a, s) }",
        "g (int64[N,T] i) => (float[N,T,2] y) <float[3,2] t = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}>"
        " { y = Gather(t, i) }",
        "g (float[N,3] x) => (float[N,3] y) { c = Constant<value = bool {1}>() y = If(c) <then_branch = t () =>"
        " (float[N,3] r) { r = Neg(x) }, else_branch = e () => (float[N,3] q) { q = Abs(x) }> }",
        "g (float[N,3] x) => (float[N,3] y) <int64 n = {3}, bool go = {1}> { y = Loop(n, go, x) <body = b "
        "(int64 i, bool c, float[N,3] v) => (bool d, float[N,3] u) { d = Identity(c) u = Add(v, v) }> }",
        "g (float[N,3] x) => (int64[N,2] i) <int64[1] k = {2}> { v, i = TopK(x, k) }",
        'g (string[N,1] s) => (int64[N,1] y) { y = ai.onnx.ml.LabelEncoder<keys_strings = ["a", "b"],'
        " values_int64s = [1, 2], default_int64 = -1>(s) }",
    ]
    models = [parser.parse_model(f"{_HEAD} {text}") for text in texts]
    models[1].graph.initializer.append(numpy_helper.from_array(np.ones((2, 3, 3, 3), np.float32), "w"))
    return [*(model.SerializeToString() for model in models), _trees(), _called()]


def mutants(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many changed models, each with a name that says how to make it again."""
    kinds: tuple[Callable[[bytes, random.Random], bytes], ...] = (
        _flipped, _cut, _spliced, _fields_changed, _fields_changed, _operators_changed
    )  # fmt: skip
    sources = seeds()
    for number in range(count):
        draw = random.Random(f"{seed}:{number}")
        kind = draw.choice(kinds)
        yield f"{seed}:{number}:{kind.__name__}", kind(draw.choice(sources), draw)


def _trees() -> bytes:
    """One tree of three nodes; its attributes are parallel lists, which runtimes index by one another."""
    node = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1,
        nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2], nodes_featureids=[1, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_values=[0.5, 0.0, 0.0], nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0], nodes_missing_value_tracks_true=[0, 0, 0], target_treeids=[0, 0],
        target_nodeids=[1, 2], target_ids=[0, 0], target_weights=[1.0, 2.0],
    )  # fmt: skip
    graph = helper.make_graph(
        [node], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    whole: bytes = model.SerializeToString()
    return whole


def _called() -> bytes:
    text = (
        '<ir_version: 8, opset_import: ["" : 17, "own" : 1]>'
        " g (float[N,3] x) => (float[N,3] y) { y = own.twice(x) }"
        '<domain: "own", opset_import: ["" : 17]> twice (a) => (b) { b = Add(a, a) }'
    )
    whole: bytes = parser.parse_model(text).SerializeToString()
    return whole


def _flipped(model: bytes, draw: random.Random) -> bytes:
    changed = bytearray(model)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def _cut(model: bytes, draw: random.Random) -> bytes:
    start, end = sorted(draw.sample(range(len(model) + 1), 2))
    return draw.choice((model[:end], model[:start] + model[end:], model[start:]))


def _spliced(model: bytes, draw: random.Random) -> bytes:
    other = draw.choice(seeds())
    start, length = draw.randrange(len(other)), draw.randrange(1, 40)
    at = draw.randrange(len(model))
    return model[:at] + other[start : start + length] + model[at + draw.choice((0, length)) :]


def _operators_changed(model: bytes, draw: random.Random) -> bytes:
    proto = onnx.load_model_from_string(model)
    node = draw.choice(proto.graph.node)
    match draw.randrange(4):
        case 0:
            node.op_type = draw.choice(_OPERATORS)
        case 1 if node.input:
            names = [name for other in proto.graph.node for name in (*other.input, *other.output)]
            node.input[draw.randrange(len(node.input))] = draw.choice(names)
        case 2:
            proto.graph.node.append(node)
        case _:
            node.domain = draw.choice(("", "ai.onnx.ml", "com.microsoft", "nobody"))
    whole: bytes = proto.SerializeToString()
    return whole


def _fields_changed(model: bytes, draw: random.Random) -> bytes:
    proto = onnx.load_model_from_string(model)
    for _ in range(draw.choice((1, 1, 3))):
        draw.choice((_attribute_changed, _attribute_changed, _tensor_changed, _size_changed))(proto, draw)
    whole: bytes = proto.SerializeToString()
    return whole


def _attribute_changed(proto: onnx.ModelProto, draw: random.Random) -> None:
    attributes = [attribute for node in proto.graph.node for attribute in node.attribute]
    if not attributes:
        return
    attribute: AttributeProto = draw.choice(attributes)
    match attribute.type:
        case AttributeProto.INT:
            attribute.i = draw.choice(_EXTREME)
        case AttributeProto.INTS if attribute.ints:
            attribute.ints[draw.randrange(len(attribute.ints))] = draw.choice(_EXTREME)
        case AttributeProto.FLOATS if attribute.floats:
            del attribute.floats[draw.randrange(len(attribute.floats)) :]
        case AttributeProto.STRINGS if attribute.strings:
            attribute.strings[draw.randrange(len(attribute.strings))] = draw.choice((b"", b"\xff", b"a" * 1000))
        case _:
            attribute.type = draw.randrange(15)


def _tensor_changed(proto: onnx.ModelProto, draw: random.Random) -> None:
    if not proto.graph.initializer:
        return
    tensor = draw.choice(proto.graph.initializer)
    if tensor.dims and draw.random() < 0.5:
        tensor.dims[draw.randrange(len(tensor.dims))] = draw.choice(_EXTREME)
    else:
        tensor.data_type = draw.randrange(24)


def _size_changed(proto: onnx.ModelProto, draw: random.Random) -> None:
    value = draw.choice((*proto.graph.input, *proto.graph.output))
    dims = value.type.tensor_type.shape.dim
    if dims and draw.random() < 0.7:
        draw.choice(dims).dim_value = draw.choice(_EXTREME)
    else:
        value.type.tensor_type.elem_type = draw.randrange(24)
