"""Blocks that keep rows apart. A block that does not fit the value it meets adds nothing."""

import numpy as np
from onnx import TensorProto, helper

from tests.models.rows.growing import Block, Growing


def unary(g: Growing) -> None:
    kinds = ("Relu", "Tanh", "Sigmoid", "Abs", "Neg", "Erf", "Softplus", "Identity", "HardSigmoid", "Sin")
    g.value = g.op(str(g.random.choice(kinds)), g.value)


def constant_operand(g: Growing) -> None:
    shapes = [(), (1,), g.dims[-1:], (1, *g.dims), g.dims]
    other = g.constant(g.random.normal(size=shapes[g.random.integers(len(shapes))]) + 3)
    operands = [g.value, other] if g.flip() else [other, g.value]
    g.value = g.op(str(g.random.choice(["Add", "Mul", "Sub", "Max", "Min"])), *operands)


def residual(g: Growing) -> None:
    g.value = g.op(str(g.random.choice(["Add", "Mul", "Sub"])), g.value, g.op("Tanh", g.value))


def dense(g: Growing) -> None:
    width = int(g.random.integers(2, 6))
    product = g.op("MatMul", g.value, g.weights(g.dims[-1], width))
    g.become(g.op("Add", product, g.weights(width)), (*g.dims[:-1], width))


def gemm(g: Growing) -> None:
    if len(g.dims) != 1:
        return
    width = int(g.random.integers(2, 6))
    g.become(g.op("Gemm", g.value, g.weights(width, g.dims[0]), g.weights(width), transB=1), (width,))


def softmax(g: Growing) -> None:
    g.value = g.op(str(g.random.choice(["Softmax", "LogSoftmax"])), g.value, axis=g.signed(g.axis()))


def mean(g: Growing) -> None:
    axis, keep = g.axis(), int(g.flip() or len(g.dims) == 1)
    kind = str(g.random.choice(["ReduceMean", "ReduceMax", "ReduceL2", "ReduceLogSumExp"]))
    reduced = g.op(kind, g.value, axes=[g.signed(axis)], keepdims=keep)
    dims = list(g.dims)
    if keep:
        dims[axis - 1] = 1
    else:
        del dims[axis - 1]
    g.become(reduced, tuple(dims))


def normalised(g: Growing) -> None:
    total = g.op("ReduceSum", g.op("Abs", g.value), g.whole(g.axis()), keepdims=1)
    g.value = g.op("Div", g.value, g.op("Add", total, g.constant(1.0)))


def permuted(g: Growing) -> None:
    order = [int(axis) for axis in g.random.permutation(len(g.dims))]
    value = g.op("Transpose", g.value, perm=[0, *(axis + 1 for axis in order)])
    g.become(value, tuple(g.dims[axis] for axis in order))


def detour(g: Growing) -> None:
    """The batch goes to another axis, something happens along the others, and it comes back."""
    order = [int(axis) for axis in g.random.permutation(len(g.dims) + 1)]
    there = g.op("Transpose", g.value, perm=order)
    free = [axis for axis, source in enumerate(order) if source]
    there = g.op("Softmax", there, axis=int(g.random.choice(free)))
    there = g.op("Mul", there, g.constant(2.5))
    g.value = g.op("Transpose", there, perm=[int(axis) for axis in np.argsort(order)])


def regrouped(g: Growing) -> None:
    total = int(np.prod(g.dims))
    divisors = [size for size in range(1, total + 1) if total % size == 0]
    first = int(g.random.choice(divisors))
    dims = (first, total // first) if g.flip() else (total,)
    g.become(g.reshape(dims), dims)


def folded_dense(g: Growing) -> None:
    """Rows and their steps in one axis for a product, as exporters write it, then apart again."""
    if len(g.dims) < 2:
        return
    width = int(g.random.integers(2, 5))
    flat = g.op("Reshape", g.value, g.whole(-1, g.dims[-1]))
    product = g.op("Gemm", flat, g.weights(g.dims[-1], width), g.weights(width))
    front = g.op("Slice", g.op("Shape", g.value), g.whole(0), g.whole(-1))
    value = g.op("Reshape", product, g.op("Concat", front, g.whole(width), axis=0))
    g.become(value, (*g.dims[:-1], width))


def time_first(g: Growing) -> None:
    """The batch as the inner factor of a folded axis."""
    if len(g.dims) != 2:
        return
    width = g.dims[1]
    turned = g.op("Transpose", g.value, perm=[1, 0, 2])
    shape = g.op("Shape", turned)
    flat = g.op("Reshape", turned, g.whole(-1, width))
    product = g.op("MatMul", g.op("Tanh", flat), g.weights(width, width))
    g.value = g.op("Transpose", g.op("Reshape", product, shape), perm=[1, 0, 2])


def joined(g: Growing) -> None:
    axis = g.axis()
    dims = list(g.dims)
    dims[axis - 1] *= 2
    g.become(g.op("Concat", g.value, g.op("Sigmoid", g.value), axis=g.signed(axis)), tuple(dims))


def cut(g: Growing) -> None:
    axis = g.axis()
    size = g.dims[axis - 1]
    if size < 2:
        return
    dims = list(g.dims)
    dims[axis - 1] = size - 1
    start, end = (1, 2**31 - 1) if g.flip() else (0, -1)
    whole = [g.whole(0, start), g.whole(10**9, end), g.whole(0, axis), g.whole(1, 1)]
    g.become(g.op("Slice", g.value, *whole), tuple(dims))


def picked(g: Growing) -> None:
    axis = g.axis()
    indices = g.random.integers(0, g.dims[axis - 1], g.random.integers(1, 4))
    dims = list(g.dims)
    dims[axis - 1] = len(indices)
    g.become(g.op("Gather", g.value, g.constant(indices, np.int64), axis=g.signed(axis)), tuple(dims))


def embedded(g: Growing) -> None:
    index = g.op("ArgMax", g.value, axis=len(g.dims), keepdims=0)
    width = int(g.random.integers(2, 5))
    g.become(g.op("Gather", g.weights(g.dims[-1], width), index, axis=0), (*g.dims[:-1], width))


def best(g: Growing) -> None:
    axis = g.axis()
    count = int(g.random.integers(1, g.dims[axis - 1] + 1))
    dims = list(g.dims)
    dims[axis - 1] = count
    g.become(g.op("TopK", g.value, g.whole(count), outputs=2, axis=axis), tuple(dims))


def picked_by_row(g: Growing) -> None:
    axis = g.axis()
    g.op("TopK", g.op("Sin", g.value), g.whole(g.dims[axis - 1]), outputs=2, axis=axis)
    g.value = g.op("GatherElements", g.value, g.second(), axis=axis)


def running_sum(g: Growing) -> None:
    g.value = g.op("CumSum", g.value, g.constant(g.signed(g.axis()), np.int64))


def layer_norm(g: Growing) -> None:
    axis = g.axis()
    shape = g.dims[axis - 1 :]
    g.value = g.op("LayerNormalization", g.value, g.weights(*shape), g.weights(*shape), axis=axis)


def batch_norm(g: Growing) -> None:
    channels = g.dims[0]
    deviation = g.constant(g.random.random(channels) + 0.5)
    rest = [g.weights(channels) for _ in range(3)]
    g.value = g.op("BatchNormalization", g.value, *rest, deviation)


def instance_norm(g: Growing) -> None:
    if len(g.dims) >= 2:
        g.value = g.op("InstanceNormalization", g.value, g.weights(g.dims[0]), g.weights(g.dims[0]))


def convolution(g: Growing) -> None:
    if len(g.dims) < 2:
        return
    channels, space = g.dims[0], g.dims[1:]
    filters = int(g.random.integers(1, 4))
    kernel = [min(3, size) for size in space]
    pads = [1] * (2 * len(space)) if all(size == 3 for size in kernel) else [0] * (2 * len(space))
    out = [size if pads[0] else size - k + 1 for size, k in zip(space, kernel, strict=True)]
    g.become(g.op("Conv", g.value, g.weights(filters, channels, *kernel), pads=pads), (filters, *out))


def pool(g: Growing) -> None:
    if len(g.dims) < 2 or min(g.dims[1:]) < 2:
        return
    kernel = [2] * (len(g.dims) - 1)
    kind = str(g.random.choice(["MaxPool", "AveragePool"]))
    g.become(g.op(kind, g.value, kernel_shape=kernel), (g.dims[0], *(size - 1 for size in g.dims[1:])))


def global_pool(g: Growing) -> None:
    if len(g.dims) >= 2:
        kind = str(g.random.choice(["GlobalMaxPool", "GlobalAveragePool"]))
        g.become(g.op(kind, g.value), (g.dims[0], *[1] * (len(g.dims) - 1)))


def constant_rows(g: Growing) -> None:
    """A constant, repeated for every row, beside the value."""
    width = int(g.random.integers(1, 4))
    shape = g.op("Concat", g.rows(), g.whole(*g.dims[:-1], width), axis=0)
    if g.flip():
        rows = g.op("Expand", g.weights(width), shape)
    else:
        fill = helper.make_tensor("", TensorProto.FLOAT, [1], [0.5])
        rows = g.op("ConstantOfShape", shape, value=fill)
    g.become(g.op("Concat", g.value, rows, axis=len(g.dims)), (*g.dims[:-1], g.dims[-1] + width))


def chosen(g: Growing) -> None:
    g.value = g.op("Where", g.op("Less", g.value, g.constant(0.1)), g.op("Exp", g.op("Neg", g.op("Abs", g.value))),
                   g.op("Cos", g.value))  # fmt: skip


def attention(g: Growing) -> None:
    """Two heads, split and joined by shapes computed from the value."""
    if len(g.dims) != 2 or g.dims[1] % 2:
        return
    steps, width = g.dims
    front = g.op("Concat", g.rows(), g.whole(steps), axis=0)
    heads = g.op("Concat", front, g.whole(2, width // 2), axis=0)
    parts = []
    for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]):
        projected = g.op("MatMul", g.value, g.weights(width, width))
        parts.append(g.op("Transpose", g.op("Reshape", projected, heads), perm=order))
    scores = g.op("Softmax", g.op("MatMul", parts[0], parts[1]), axis=-1)
    back = g.op("Transpose", g.op("MatMul", scores, parts[2]), perm=[0, 2, 1, 3])
    g.value = g.op("Reshape", back, g.op("Concat", front, g.whole(width), axis=0))


def similarity(g: Growing) -> None:
    if len(g.dims) != 2:
        return
    g.become(g.op("Einsum", g.value, g.value, equation="nij,nkj->nik"), (g.dims[0], g.dims[0]))


def fixed_scale(g: Growing) -> None:
    scale, zero = g.constant(0.05), g.constant(128, np.uint8)
    g.value = g.op("DequantizeLinear", g.op("QuantizeLinear", g.value, scale, zero), scale, zero)


def split(g: Growing) -> None:
    axis = g.axis()
    if g.dims[axis - 1] % 2:
        return
    first = g.op("Split", g.value, outputs=2, axis=g.signed(axis))
    dims = list(g.dims)
    dims[axis - 1] //= 2
    g.become(g.op("Mul", first, g.second()), tuple(dims))


def padded(g: Growing) -> None:
    axis = g.axis()
    pads = [0] * (2 * len(g.dims) + 2)
    pads[axis] = 1
    dims = list(g.dims)
    dims[axis - 1] += 1
    mode = str(g.random.choice(["constant", "edge"]))
    g.become(g.op("Pad", g.value, g.whole(*pads), mode=mode), tuple(dims))


def tiled(g: Growing) -> None:
    axis = g.axis()
    dims = list(g.dims)
    dims[axis - 1] *= 2
    repeats = [1 + (other == axis) for other in range(len(dims) + 1)]
    g.become(g.op("Tile", g.value, g.whole(*repeats)), tuple(dims))


def own_steps(g: Growing) -> None:
    """`value[arange(rows), index]`: row numbers that never leave their row."""
    rows = g.op("Squeeze", g.rows(), g.whole(0))
    numbers = g.op("Range", g.constant(0, np.int64), rows, g.constant(1, np.int64))
    flat = g.value if len(g.dims) == 1 else g.reshape((int(np.prod(g.dims)),))
    index = g.op("ArgMin", flat, axis=1, keepdims=1)
    both = g.op("Concat", g.op("Unsqueeze", numbers, g.whole(1)), index, axis=1)
    g.become(g.op("Unsqueeze", g.op("GatherND", flat, both), g.whole(1)), (1,))


def branches(g: Growing) -> None:
    """The choice is made by a size, the same for every row.

    onnxruntime 1.32 dies where a branch reads a dequantised value from outside, hence the operator in between.
    """
    g.value = g.op("Tanh", g.value)
    size = g.op("Gather", g.op("Shape", g.value), g.constant(len(g.dims), np.int64))
    condition = g.op("Greater", size, g.constant(g.random.integers(6), np.int64))
    graphs = []
    for name, kind in (("yes", "Tanh"), ("no", "Cos")):
        node = helper.make_node(kind, [g.value], [f"{name}{len(g.nodes)}"])
        out = helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)
        graphs.append(helper.make_graph([node], name, [], [out]))
    g.value = g.op("If", condition, then_branch=graphs[0], else_branch=graphs[1])


def scanned(g: Growing) -> None:
    """A running maximum along the steps, row by row."""
    if len(g.dims) != 2:
        return
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 2) for name in ("s", "v", "t", "w")]
    body = helper.make_graph(
        [helper.make_node("Max", ["s", "v"], ["t"]), helper.make_node("Tanh", ["t"], ["w"])],
        "turn", info[:2], info[2:],
    )  # fmt: skip
    start = g.op("ReduceMin", g.value, axes=[1], keepdims=0)
    g.op(
        "Scan", start, g.value, outputs=2, body=body, num_scan_inputs=1, scan_input_axes=[1], scan_output_axes=[1]
    )
    g.value = g.second()


def recurrent(g: Growing) -> None:
    if len(g.dims) != 2:
        return
    steps, width = g.dims
    hidden = 3
    kind, gates = (("GRU", 3), ("LSTM", 4), ("RNN", 1))[g.random.integers(3)]
    turned = g.op("Transpose", g.value, perm=[1, 0, 2])
    weights = g.weights(1, gates * hidden, width), g.weights(1, gates * hidden, hidden)
    states = g.op(kind, turned, *weights, hidden_size=hidden)
    states = g.op("Squeeze", states, g.whole(1))
    g.become(g.op("Transpose", states, perm=[1, 0, 2]), (steps, hidden))


def table(g: Growing) -> None:
    if len(g.dims) != 1:
        return
    value = g.op("Scaler", g.value, domain="ai.onnx.ml", offset=[0.5] * g.dims[0], scale=[2.0] * g.dims[0])
    g.value = g.op("Normalizer", value, domain="ai.onnx.ml", norm="L2")


def looked_up(g: Growing) -> None:
    """A class for every row, written as skl2onnx does: picked in a line `[1, rows]`, then stood up."""
    flat = g.value if len(g.dims) == 1 else g.reshape((int(np.prod(g.dims)),))
    index = g.op("ArgMax", flat, axis=1, keepdims=1)
    line = g.op("ArrayFeatureExtractor", g.weights(int(np.prod(g.dims))), index, domain="ai.onnx.ml")
    g.become(g.op("Reshape", line, g.whole(-1, 1)), (1,))


def resized(g: Growing) -> None:
    if len(g.dims) != 3:
        return
    sizes = g.op("Concat", g.op("Slice", g.op("Shape", g.value), g.whole(0), g.whole(2)), g.whole(4, 3), axis=0)
    g.become(g.op("Resize", g.value, "", "", sizes, mode="nearest"), (g.dims[0], 4, 3))


SAFE: dict[str, Block] = {
    block.__name__: block
    for block in (
        attention, batch_norm, best, branches, chosen, constant_operand, constant_rows, convolution, cut, dense,
        detour, embedded, fixed_scale, folded_dense, gemm, global_pool, instance_norm, joined, layer_norm,
        looked_up, mean, normalised, own_steps, padded, permuted, picked, picked_by_row, pool, recurrent,
        regrouped, residual, resized, running_sum, scanned, similarity, softmax, split, table, tiled, time_first,
        unary,
    )
}  # fmt: skip
