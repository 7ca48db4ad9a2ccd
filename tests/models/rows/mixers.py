"""Blocks that let rows reach each other, from the obvious to those that look like a block of `safe_blocks.py`."""

import numpy as np
from onnx import TensorProto, helper

from tests.models.rows.growing import Block, Growing


def dynamic_scale(g: Growing) -> None:
    quantised = g.op("DynamicQuantizeLinear", g.value, outputs=3)
    g.value = g.op("DequantizeLinear", quantised, g.second(1), g.second(2))


def softmax_of_batch(g: Growing) -> None:
    kind = str(g.random.choice(["Softmax", "LogSoftmax"]))
    g.value = g.op(kind, g.value, axis=0 if g.flip() else -len(g.dims) - 1)


def centred(g: Growing) -> None:
    kind = str(g.random.choice(["ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2"]))
    g.value = g.op("Sub", g.value, g.op(kind, g.value, axes=[0], keepdims=1))


def scaled_by_largest(g: Growing) -> None:
    largest = g.op("ReduceMax", g.op("Abs", g.value), keepdims=0)
    g.value = g.op("Div", g.value, g.op("Add", largest, g.constant(0.5)))


def summed_to_scalar(g: Growing) -> None:
    g.value = g.op("Mul", g.value, g.op("ReduceMean", g.value, keepdims=1))


def running(g: Growing) -> None:
    g.value = g.op("CumSum", g.value, g.constant(0 if g.flip() else -len(g.dims) - 1, np.int64))


def ranked(g: Growing) -> None:
    g.value = g.op("TopK", g.value, g.rows(), outputs=2, axis=0)


def turned(g: Growing) -> None:
    """The batch goes to the last axis, which is then taken for the first by a shape."""
    order = [*range(1, len(g.dims) + 1), 0]
    shape = g.op("Concat", g.rows(), g.whole(*g.dims), axis=0)
    g.value = g.op("Reshape", g.op("Transpose", g.value, perm=order), shape)


def folded_wrong(g: Growing) -> None:
    """Reshaped with the batch behind another axis: elements of several rows stand in one."""
    total = int(np.prod(g.dims))
    folded = g.op("Softmax", g.op("Reshape", g.value, g.whole(total, -1)), axis=0)
    g.value = g.op("Reshape", folded, g.whole(-1, *g.dims))


def softmax_of_folded(g: Growing) -> None:
    """The last axis and the rows in one, and a softmax over it."""
    flat = g.op("Softmax", g.op("Reshape", g.value, g.whole(1, -1)), axis=1)
    g.value = g.op("Reshape", flat, g.op("Shape", g.value))


def plus_first(g: Growing) -> None:
    first = g.op("Gather", g.value, g.whole(int(g.random.choice([0, -1]))), axis=0)
    g.value = g.op("Add", g.value, first)


def shifted(g: Growing) -> None:
    """Concatenated to itself along the batch and cut: every row is the next one."""
    twice = g.op("Concat", g.value, g.value, axis=0)
    end = g.op("Add", g.rows(), g.whole(1))
    moved = g.op("Slice", twice, g.whole(1), end, g.whole(0))
    g.value = g.op("Sub", g.value, moved) if g.flip() else moved


def reversed_rows(g: Growing) -> None:
    g.value = g.op("Slice", g.value, g.whole(-1), g.whole(-(2**31)), g.whole(0), g.whole(-1))


def gram(g: Growing) -> None:
    """Contracted over the batch."""
    flat = g.op("Reshape", g.value, g.whole(0, -1))
    product = g.op("MatMul", g.op("Transpose", flat, perm=[1, 0]), flat)
    mixed = g.op("MatMul", flat, g.op("Tanh", product))
    g.value = g.op("Reshape", g.op("Tanh", mixed), g.whole(-1, *g.dims))


def gram_gemm(g: Growing) -> None:
    flat = g.op("Flatten", g.value, axis=1)
    product = g.op("Gemm", flat, flat, transA=1, alpha=0.1)
    g.value = g.op("Reshape", g.op("MatMul", flat, product), g.whole(-1, *g.dims))


def rows_attend(g: Growing) -> None:
    """Attention whose keys are the other rows."""
    flat = g.op("Reshape", g.value, g.whole(0, -1))
    scores = g.op("Einsum", flat, flat, equation="nd,md->nm")
    mixed = g.op("MatMul", g.op("Softmax", scores, axis=1), flat)
    g.value = g.op("Reshape", mixed, g.whole(-1, *g.dims))


def batch_size(g: Growing) -> None:
    g.value = g.op("Div", g.value, g.op("Cast", g.rows(), to=TensorProto.FLOAT))


def row_number(g: Growing) -> None:
    numbers = _numbers(g)
    shaped = g.op("Reshape", g.op("Cast", numbers, to=TensorProto.FLOAT), g.whole(-1, *[1] * len(g.dims)))
    g.value = g.op("Add", g.value, shaped)


def _numbers(g: Growing) -> str:
    rows = g.op("Squeeze", g.rows(), g.whole(0))
    return g.op("Range", g.constant(0, np.int64), rows, g.constant(1, np.int64))


def other_rows_steps(g: Growing) -> None:
    """`value[rows - 1 - arange(rows)]`: row numbers that leave their row."""
    last = g.op("Sub", g.op("Squeeze", g.rows(), g.whole(0)), g.constant(1, np.int64))
    g.value = g.op("Gather", g.value, g.op("Sub", last, _numbers(g)), axis=0)


def one_step_too_far(g: Growing) -> None:
    """Numbers `n * width + v` in the flat value, v beginning one before the row's first element."""
    width = int(np.prod(g.dims))
    flat = g.op("Reshape", g.value, g.whole(-1))
    start = g.op("Unsqueeze", g.op("Mul", _numbers(g), g.constant(width, np.int64)), g.whole(1))
    steps = g.constant(np.arange(width) - 1, np.int64)
    g.value = g.op("Reshape", g.op("Gather", flat, g.op("Add", start, steps), axis=0), g.whole(-1, *g.dims))


def normalised_batch(g: Growing) -> None:
    """Instance normalisation with the batch where space belongs."""
    flat = g.op("Reshape", g.value, g.whole(0, -1))
    width = int(np.prod(g.dims))
    there = g.op("Unsqueeze", g.op("Transpose", flat, perm=[1, 0]), g.whole(0))
    there = g.op("InstanceNormalization", there, g.constant(np.ones(width)), g.constant(np.zeros(width)))
    back = g.op("Transpose", g.op("Squeeze", there, g.whole(0)), perm=[1, 0])
    g.value = g.op("Reshape", back, g.whole(-1, *g.dims))


def mean_variance(g: Growing) -> None:
    if len(g.dims) == 3:
        g.value = g.op("MeanVarianceNormalization", g.value)


def trained_norm(g: Growing) -> None:
    ones, zeros = g.constant(np.ones(g.dims[0])), g.constant(np.zeros(g.dims[0]))
    g.value = g.op("BatchNormalization", g.value, ones, zeros, zeros, ones, outputs=3, training_mode=1)


def batch_as_time(g: Growing) -> None:
    """A recurrent layer that is given [rows, steps, features] for [steps, rows, features]."""
    if len(g.dims) != 2:
        return
    width = g.dims[1]
    states = g.op("RNN", g.value, g.weights(1, width, width), g.weights(1, width, width), hidden_size=width)
    g.value = g.op("Squeeze", states, g.whole(1))


def scanned_rows(g: Growing) -> None:
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, g.dims) for name in ("s", "v", "t", "w")]
    body = helper.make_graph(
        [helper.make_node("Add", ["s", "v"], ["t"]), helper.make_node("Tanh", ["t"], ["w"])],
        "turn", info[:2], info[2:],
    )  # fmt: skip
    g.op("Scan", g.constant(np.zeros(g.dims)), g.value, outputs=2, body=body, num_scan_inputs=1)
    g.value = g.second()


def branch_by_rows(g: Growing) -> None:
    g.value = g.op("Sin", g.value)
    condition = g.op("Greater", g.op("ReduceMax", g.value, keepdims=0), g.constant(0.8))
    graphs = []
    for name, kind in (("yes", "Neg"), ("no", "Identity")):
        node = helper.make_node(kind, [g.value], [f"{name}{len(g.nodes)}"])
        out = helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)
        graphs.append(helper.make_graph([node], name, [], [out]))
    g.value = g.op("If", condition, then_branch=graphs[0], else_branch=graphs[1])


def padded_rows(g: Growing) -> None:
    """Padded by a row in front and cut at the end: every row is the one before."""
    pads = [1, *[0] * (2 * len(g.dims) + 1)]
    longer = g.op("Pad", g.value, g.whole(*pads))
    g.value = g.op("Slice", longer, g.whole(0), g.whole(-1), g.whole(0))


def flat_pool(g: Growing) -> None:
    """A pool along the batch, which lies where space belongs."""
    there = g.op("Transpose", g.op("Reshape", g.value, g.whole(0, 1, -1)), perm=[1, 2, 0])
    there = g.op("MaxPool", there, kernel_shape=[3], pads=[1, 1])
    g.value = g.op("Reshape", g.op("Transpose", there, perm=[2, 0, 1]), g.whole(-1, *g.dims))


def overwritten(g: Growing) -> None:
    """The first row is written over all others' sum."""
    total = g.op("ReduceSum", g.value, g.whole(0), keepdims=1)
    g.value = g.op("ScatterND", g.value, g.constant([[0]], np.int64), total)


def best_of_batch(g: Growing) -> None:
    """Added the row that is largest, by an index over the batch."""
    index = g.op("ArgMax", g.value, axis=0, keepdims=1)
    g.value = g.op("Add", g.value, g.op("GatherElements", g.value, index, axis=0))


def pool_positions(g: Growing) -> None:
    """Positions of maxima count over the whole batch."""
    if len(g.dims) < 2 or min(g.dims[1:]) < 2:
        return
    g.op("MaxPool", g.value, outputs=2, kernel_shape=[2] * (len(g.dims) - 1))
    g.become(g.op("Cast", g.second(), to=TensorProto.FLOAT), (g.dims[0], *(size - 1 for size in g.dims[1:])))


def wrong_factor(g: Growing) -> None:
    """Folded rows first, unfolded rows last."""
    if len(g.dims) < 2:
        return
    flat = g.op("Reshape", g.value, g.whole(-1, g.dims[-1]))
    shape = g.op("Concat", g.whole(*g.dims[:-1]), g.rows(), g.whole(g.dims[-1]), axis=0)
    there = g.op("Reshape", flat, shape)
    last = len(g.dims)
    g.value = g.op("Transpose", there, perm=[last - 1, *range(last - 1), last])


def stretched_sum(g: Growing) -> None:
    """Every row meets every other by broadcasting, and the further axis is summed."""
    there = g.op("Unsqueeze", g.value, g.whole(0))
    here = g.op("Unsqueeze", g.value, g.whole(1))
    g.value = g.op("ReduceMean", g.op("Max", here, there), axes=[1], keepdims=0)


MIXERS: dict[str, Block] = {
    block.__name__: block
    for block in (
        batch_as_time, batch_size, best_of_batch, branch_by_rows, centred, dynamic_scale, flat_pool, folded_wrong,
        gram, gram_gemm, mean_variance, normalised_batch, one_step_too_far, other_rows_steps, overwritten,
        padded_rows, plus_first, pool_positions, ranked, reversed_rows, row_number, rows_attend, running,
        scaled_by_largest, scanned_rows, shifted, softmax_of_batch, softmax_of_folded, stretched_sum,
        summed_to_scalar, trained_norm, turned, wrong_factor,
    )
}  # fmt: skip
