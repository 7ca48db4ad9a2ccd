"""Real models in small: the same operators in the same order as in their files, with fewer and smaller weights."""

import numpy as np
import pytest
from onnx import TensorProto

from dagc.models.rowwise import mixing
from tests.models.rows.apart import assert_every_value_holds, assert_rows_stay_apart, values_of
from tests.models.rows.chains import by_shape
from tests.models.rows.writing import Writing

pytestmark = pytest.mark.ort


def check(content: bytes) -> None:
    assert mixing(content) is None
    assert_rows_stay_apart(content)
    assert_every_value_holds(content)


def magika() -> bytes:
    """Content type by bytes, exported from JAX: 7 reshapes and 7 expansions to shapes computed from the batch."""
    w = Writing(opset=15)
    length, width, tall, wide = 16, 4, 8, 8
    column = w.op("Reshape", "bytes", w.whole(-1, length, 1))
    sizes = w.op("Cast", w.op("Shape", "bytes"), to=TensorProto.INT32)
    rows = w.op("Slice", sizes, w.whole(0), w.whole(1), w.whole(0))

    def shape(*dims: int) -> str:
        parts = [w.constant([dim], np.int32) for dim in dims]
        return w.op("Cast", w.op("Concat", rows, *parts, axis=0), to=TensorProto.INT64)

    def gelu(value: str) -> str:
        cubed = w.op("Mul", value, w.op("Mul", value, w.op("Mul", w.constant(0.0447), value)))
        inner = w.op("Tanh", w.op("Mul", w.constant(0.7979), w.op("Add", value, cubed)))
        return w.op("Mul", value, w.op("Mul", w.constant(0.5), w.op("Add", w.constant(1.0), inner)))

    def stretched(value: str, to: str) -> str:
        return w.op("Expand", w.op("Reshape", value, to), to)

    def normalised(value: str, to: str, size: int, scale: str, shift: str) -> str:
        def average(summed: str) -> str:
            total = w.op("ReduceSum", summed, w.whole(1), keepdims=0, noop_with_empty_axes=1)
            return w.op("Mul", total, w.constant(1 / size))

        middle = average(value)
        spread = w.op("Sub", average(w.op("Mul", value, value)), w.op("Mul", middle, middle))
        spread = stretched(w.op("Max", w.constant(0.0), spread), to)
        inverse = w.op("Reciprocal", w.op("Sqrt", w.op("Add", spread, w.constant(1e-2))))
        centred = w.op("Sub", value, stretched(middle, to))
        return w.op("Add", w.op("Mul", centred, w.op("Mul", inverse, scale)), shift)

    one_hot = w.op("Equal", w.op("Expand", column, shape(length, 1)), w.constant([[range(3)]], np.int32))
    embedded = w.op("MatMul", w.op("Cast", one_hot, to=TensorProto.FLOAT), w.weights(3, width))
    value = gelu(w.op("Add", embedded, w.weights(1, 1, width)))
    value = w.op("Reshape", value, shape(tall, wide))
    value = normalised(value, shape(1, wide), tall, w.weights(1, tall, 1), w.weights(1, tall, 1))
    value = w.op("Unsqueeze", value, w.whole(3))
    ends = w.whole(*[10**9] * 4)
    value = w.op("Slice", value, w.whole(0, 0, 0, 0), ends, w.whole(0, 2, 1, 3), w.whole(1, 1, 1, 1))
    value = w.op("Conv", w.op("Transpose", value, perm=[0, 2, 1, 3]), w.weights(tall, wide, 5, 1))
    ends = w.whole(2**31 - 1, 2**31 - 1, 2**31 - 1, 1)
    value = w.op("Squeeze", w.op("Slice", value, w.whole(0, 0, 0, 0), ends, w.whole(0, 1, 2, 3)), w.whole(3))
    value = gelu(w.op("Add", value, w.weights(1, tall, 1)))
    value = w.op("Squeeze", w.op("GlobalMaxPool", value), w.whole(2))
    line = shape(1)
    value = normalised(value, line, tall, w.weights(1, tall), w.weights(1, tall))
    value = w.op("Add", w.op("MatMul", value, w.weights(tall, 5)), w.weights(1, 5))
    largest = w.op("Max", w.constant(-np.inf), w.op("ReduceMax", value, axes=[1], keepdims=0))
    powers = w.op("Exp", w.op("Sub", value, stretched(largest, line)))
    total = w.op("ReduceSum", powers, w.whole(1), keepdims=0, noop_with_empty_axes=1)
    result = w.op("Div", powers, stretched(total, line))
    return w.written({"bytes": (TensorProto.INT32, ("unk__214", length))}, [result])


def recognition() -> bytes:
    """PP-OCR's recognition, exported from Paddle: 6 reshapes, most with 0 for the batch and a computed width."""
    w = Writing(opset=12)
    channels, heads, each = 12, 2, 3

    def part(shape: str, start: int) -> str:
        cut = w.op("Slice", shape, w.whole(start), w.whole(start + 1), w.whole(0), w.whole(1))
        return w.op("Cast", cut, to=TensorProto.INT64)

    def sizes(value: str) -> str:
        return w.op("Cast", w.op("Shape", value), to=TensorProto.INT32)

    def known(*numbers: int) -> list[str]:
        return [w.op("Cast", w.constant([number], np.int32), to=TensorProto.INT64) for number in numbers]

    def layer_norm(value: str) -> str:
        centred = w.op("Sub", value, w.op("ReduceMean", value, axes=[-1]))
        spread = w.op("ReduceMean", w.op("Pow", centred, w.constant(2.0)), axes=[-1])
        scaled = w.op("Div", centred, w.op("Sqrt", w.op("Add", spread, w.constant(1e-5))))
        return w.op("Add", w.op("Mul", scaled, w.weights(channels // 2)), w.weights(channels // 2))

    def attended(value: str) -> str:
        """Queries, keys and values in one product, apart by `[0, width, 3, heads, each]` and a transpose."""
        width = part(sizes(value), 1)
        all_three = w.op("Add", w.op("MatMul", value, w.weights(6, 18)), w.weights(18))
        zero, three, several, narrow = known(0, 3, heads, each)
        apart = w.op("Reshape", all_three, w.op("Concat", zero, width, three, several, narrow, axis=0))
        apart = w.op("Transpose", apart, perm=[2, 0, 3, 1, 4])
        picked = []
        for i in range(3):
            cut = w.op("Slice", apart, w.whole(i), w.whole(i + 1), w.whole(0), w.whole(1))
            picked.append(w.op("Squeeze", cut, axes=[0]))
        scores = w.op(
            "MatMul", w.op("Mul", picked[0], w.constant(0.5)), w.op("Transpose", picked[1], perm=[0, 1, 3, 2])
        )
        met = w.op("Transpose", w.op("MatMul", w.op("Softmax", scores, axis=3), picked[2]), perm=[0, 2, 1, 3])
        zero, whole = known(0, heads * each)
        joined = w.op("Reshape", met, w.op("Concat", zero, part(sizes(value), 1), whole, axis=0))
        return w.op("Add", value, w.op("MatMul", joined, w.weights(6, 6)))

    picture = w.op("Conv", "x", w.weights(channels, 3, 3, 3), strides=[2, 1], pads=[1, 1, 1, 1])
    picture = w.op(
        "Div", w.op("Mul", picture, w.op("Clip", picture, w.constant(0.0), w.constant(6.0))), w.constant([6.0])
    )
    gate = w.op(
        "HardSigmoid", w.op("Conv", w.op("GlobalAveragePool", picture), w.weights(channels, channels, 1, 1))
    )
    picture = w.op("AveragePool", w.op("Mul", picture, gate), kernel_shape=[3, 2], strides=[3, 2])
    norm = [w.weights(channels) for _ in range(3)]
    picture = w.op("BatchNormalization", picture, *norm, w.constant(np.ones(channels)))
    small = w.op("Conv", picture, w.weights(6, channels, 1, 1))
    width = part(sizes(small), 3)
    front = w.op("Slice", w.op("Shape", small), w.whole(0), w.whole(2), w.whole(0))
    flat = w.op("Reshape", small, w.op("Concat", front, w.whole(-1), axis=0))
    steps = w.op("Transpose", flat, perm=[0, 2, 1])
    for _ in range(2):
        steps = layer_norm(attended(steps))
    zero, one, six = known(0, 1, 6)
    back = w.op("Reshape", steps, w.op("Concat", zero, one, width, six, axis=0))
    back = w.op("Transpose", back, perm=[0, 3, 1, 2])
    both = w.op("Concat", picture, back, axis=1)
    line = w.op("Transpose", w.op("Squeeze", both, axes=[2]), perm=[0, 2, 1])
    result = w.op("Softmax", w.op("MatMul", line, w.weights(channels + 6, 7)), axis=2)
    return w.written({"x": (TensorProto.FLOAT, ("p2o.DynamicDimension.0", 3, 6, "?"))}, [result])


def detection() -> bytes:
    """PP-OCR's detection: a pyramid brought to one size by scales, joined, and blown up by convolutions."""
    w = Writing(opset=12)
    fine = w.op("Relu", w.op("Conv", "x", w.weights(4, 3, 3, 3), pads=[1, 1, 1, 1]))
    coarse = w.op("Conv", fine, w.weights(4, 4, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1])
    attributes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    blown = w.op("Resize", coarse, w.constant([]), w.constant([1.0, 1.0, 2.0, 2.0]), **attributes)
    joined = w.op("Concat", w.op("Add", fine, blown), fine, axis=1)
    gate = w.op("HardSigmoid", w.op("Conv", w.op("GlobalAveragePool", joined), w.weights(8, 8, 1, 1)))
    joined = w.op("Add", joined, w.op("Mul", joined, gate))
    norm = [w.weights(8) for _ in range(3)]
    joined = w.op("Relu", w.op("BatchNormalization", joined, *norm, w.constant(np.ones(8))))
    large = w.op("ConvTranspose", joined, w.weights(8, 1, 2, 2), strides=[2, 2])
    shift = w.op("Reshape", w.weights(1), w.whole(1, -1, 1, 1))
    result = w.op("Sigmoid", w.op("Add", large, shift))
    return w.written({"x": (TensorProto.FLOAT, ("a", 3, "b", "c"))}, [result])


def direction() -> bytes:
    """PP-OCR's classifier of directions: `[batch, -1]` before the dense layer, the batch cut out of a shape."""
    w = Writing(opset=11)
    picture = w.op("Conv", "x", w.weights(4, 3, 3, 3), pads=[1, 1, 1, 1])
    pooled = w.op("GlobalAveragePool", w.op("MaxPool", picture, kernel_shape=[2, 2]))
    sizes = w.op("Cast", w.op("Shape", pooled), to=TensorProto.INT32)
    rows = w.op("Slice", sizes, w.whole(0), w.whole(1), w.whole(0), w.whole(1))
    rows = w.op("Cast", rows, to=TensorProto.INT64)
    rest = w.op("Cast", w.constant([-1], np.int32), to=TensorProto.INT64)
    flat = w.op("Reshape", pooled, w.op("Concat", rows, rest, axis=-1))
    result = w.op("Softmax", w.op("MatMul", flat, w.weights(4, 2)), axis=1)
    return w.written({"x": (TensorProto.FLOAT, (-1, 3, "?", "?"))}, [result])


REAL = {"magika": magika(), "recognition": recognition(), "detection": detection(), "direction": direction()}


@pytest.mark.parametrize("name", REAL)
def test_models_of_wheels_are_proven_in_small(name: str) -> None:
    check(REAL[name])


def test_the_replica_of_magika_has_its_chains() -> None:
    assert by_shape(REAL["magika"]) == 14


def test_the_replica_of_recognition_has_its_chains() -> None:
    assert by_shape(REAL["recognition"]) == 6


def mask_by_pairs(w: Writing, mask: str) -> str:
    """`mask[arange(rows), arange(steps)]` as torch's newer exporter writes it: an index of two parts."""
    zero, one = w.constant(0, np.int64), w.constant(1, np.int64)
    rows = w.op("Range", zero, w.op("Squeeze", w.op("Shape", mask, start=0, end=1)), one)
    steps = w.op("Range", zero, w.op("Squeeze", w.op("Shape", mask, start=1, end=2)), one)
    rows = w.op("Unsqueeze", w.op("Unsqueeze", rows, w.whole(1, 2)), w.whole(3))
    steps = w.op("Unsqueeze", w.op("Unsqueeze", steps, w.whole(0, 1)), w.whole(2))
    shape = w.op("Shape", w.op("Max", rows, steps))
    parts = [w.op("Unsqueeze", w.op("Expand", part, shape), w.whole(-1)) for part in (rows, steps)]
    return w.op("GatherND", mask, w.op("Concat", *parts, axis=-1))


def mask_by_offsets(w: Writing, mask: str) -> str:
    """The same as torch's older exporter writes it: rows times their length, plus steps, in the flat mask."""
    zero, one = w.constant(0, np.int64), w.constant(1, np.int64)
    count = w.op("Gather", w.op("Shape", mask), w.constant(0, np.int64), axis=0)
    length = w.op("Gather", w.op("Shape", mask), w.constant(1, np.int64), axis=0)
    rows = w.op("Range", zero, w.op("Cast", count, to=TensorProto.INT64), one)
    steps = w.op("Range", zero, w.op("Cast", length, to=TensorProto.INT64), one)
    for axis in (1, 2, 3):
        rows = w.op("Unsqueeze", rows, w.whole(axis))
    steps = w.op("Unsqueeze", steps, w.whole(0, 1, 2))
    offsets = w.op("Add", steps, w.op("Mul", rows, length))
    picked = w.op("Gather", w.op("Flatten", mask, axis=2), offsets, axis=0)
    flat = w.op("Reshape", picked, w.whole(-1))
    return w.op("Reshape", flat, w.op("Concat", w.op("Shape", offsets), axis=0))


def expanded(w: Writing, value: str, shape: str) -> str:
    """`value.expand(shape)`, with torch's guard against -1."""
    ones = w.op("ConstantOfShape", w.op("Shape", shape), value=_ones())
    asked = w.op("Equal", shape, w.op("Mul", ones, w.constant(-1, np.int64)))
    return w.op("Expand", value, w.op("Where", asked, ones, shape))


def _ones() -> object:
    from onnx import helper

    return helper.make_tensor("", TensorProto.INT64, [1], [1])


def sentence_encoder(mask_of: object, *, opset: int) -> bytes:
    """MiniLM in small: embeddings, attention under a mask, mean over the tokens that count, length one."""
    w = Writing(opset=opset)
    heads, each = 2, 3
    width = heads * each
    assert callable(mask_of)
    shape = w.op("Shape", "ids")
    rows = w.op("Gather", shape, w.constant(0, np.int64), axis=0)
    steps = w.op("Gather", shape, w.constant(1, np.int64), axis=0)
    both = w.op("Concat", w.op("Unsqueeze", rows, w.whole(0)), w.op("Unsqueeze", steps, w.whole(0)), axis=0)
    positions = w.op("Slice", w.constant([range(32)], np.int64), w.whole(0), w.op("Unsqueeze", steps, w.whole(0)),
                     w.whole(1), w.whole(1))  # fmt: skip
    kinds = expanded(w, w.constant([[0]], np.int64), both)
    value = w.op("Add", w.op("Gather", w.weights(3, width), "ids"), w.op("Gather", w.weights(2, width), kinds))
    value = w.op("Add", value, w.op("Gather", w.weights(32, width), positions))
    value = w.op("LayerNormalization", value, w.weights(width), w.weights(width), axis=-1)
    mask = mask_of(w, w.op("Cast", "mask", to=TensorProto.BOOL))
    penalty = w.op("Where", mask, w.constant(0.0), w.constant(-3e38))
    apart = w.op("Concat", both, w.whole(heads, each), axis=0)
    projected = [w.op("Reshape", w.op("MatMul", value, w.weights(width, width)), apart) for _ in range(3)]
    query, key, content = [
        w.op("Transpose", part, perm=order)
        for part, order in zip(projected, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True)
    ]
    scores = w.op("Softmax", w.op("Add", w.op("MatMul", query, key), penalty), axis=-1)
    met = w.op("Transpose", w.op("MatMul", scores, content), perm=[0, 2, 1, 3])
    joined = w.op("Reshape", met, w.op("Concat", both, w.whole(width), axis=0))
    value = w.op("LayerNormalization", w.op("Add", value, joined), w.weights(width), w.weights(width), axis=-1)
    inner = w.op("MatMul", value, w.weights(width, 8))
    inner = w.op("Mul", inner, w.op("Add", w.op("Erf", inner), w.constant(1.0)))
    value = w.op("Add", value, w.op("MatMul", inner, w.weights(8, width)))
    counted = expanded(w, w.op("Unsqueeze", "mask", w.whole(-1)), w.op("Shape", value))
    counted = w.op("Cast", counted, to=TensorProto.FLOAT)
    total = w.op("ReduceSum", w.op("Mul", value, counted), w.whole(1), keepdims=0)
    tokens = w.op("Clip", w.op("ReduceSum", counted, w.whole(1), keepdims=0), w.constant(1e-9))
    mean = w.op("Div", total, tokens)
    length = w.op("Clip", w.op("ReduceL2", mean, axes=[1], keepdims=1), w.constant(1e-12))
    result = w.op("Div", mean, expanded(w, length, w.op("Shape", mean)))
    kind = (TensorProto.INT64, ("batch", "sequence"))
    return w.written({"ids": kind, "mask": kind}, [result])


@pytest.mark.parametrize("mask_of", [mask_by_pairs, mask_by_offsets])
def test_a_sentence_encoder_is_proven_in_small(mask_of: object) -> None:
    check(sentence_encoder(mask_of, opset=17))


def test_row_numbers_are_followed_as_indices() -> None:
    from dagc.models.rows.value import Numbered

    values = values_of(sentence_encoder(mask_by_pairs, opset=17)).values()
    assert any(isinstance(value, Numbered) and len(value.positions) == 2 for value in values)
