"""Models whose rows stay apart: reductions, products, operators over pictures, recurrent networks."""

from tests.models.rows.texts import floats, model, one, whole

_IMAGES = "float[N,3,6,6] x"
_STEPS = "float[N,4,2] x"

_REDUCTIONS = "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMin ReduceProd ReduceSumSquare"

REDUCTIONS = {
    **{name: model(f"y = {name}<axes = [-1]>(x)") for name in _REDUCTIONS.split()},
    "reduce sum": model(whole("a", 1) + "y = ReduceSum<keepdims = 0>(x, a)"),
    "reduce mean": model("y = ReduceMean<axes = [-1]>(x)"),
    "reduce max 18": model(whole("a", 1, 2) + "y = ReduceMax(x, a)", _STEPS, opset=18),
    "reduce nothing": model("y = ReduceSum<noop_with_empty_axes = 1>(x)"),
    "softmax": model("y = Softmax<axis = 1>(x)"),
    "softmax last": model("y = Softmax(x)"),
    "softmax of all behind": model("y = Softmax<axis = 1>(x)", _STEPS, opset=11),
    "log softmax": model("y = LogSoftmax<axis = -1>(x)"),
    "hardmax": model("y = Hardmax(x)"),
    "argmax": model("y = ArgMax<axis = 1, keepdims = 0>(x)", outputs="int64 y"),
    "argmin": model("y = ArgMin<axis = -1>(x)", outputs="int64 y"),
    "cumsum": model(one("a", 1) + "y = CumSum(x, a)"),
    "top k": model(whole("k", 2) + "y, i = TopK(x, k)", outputs="y, int64 i"),
    "top k by attribute": model("y, i = TopK<k = 2>(x)", outputs="y, int64 i", opset=9),
    "lp norm": model("y = LpNormalization<axis = 1>(x)"),
    "layer norm": model(floats("c", 4) + "y = LayerNormalization(x, c)"),
    "rms norm": model(floats("c", 4) + "y = RMSNormalization(x, c)", opset=23),
    "batch norm": model(floats("c", 3) + "y = BatchNormalization(x, c, c, c, c)", "float[N,3,4] x"),
    "instance norm": model(floats("c", 3) + "y = InstanceNormalization(x, c, c)", "float[N,3,4] x"),
    "group norm": model(
        floats("c", 4) + "y = GroupNormalization<num_groups = 2>(x, c, c)", "float[N,4,3] x", opset=21
    ),
    "local norm": model("y = LRN<size = 3>(x)", _IMAGES),
    "mean variance": model("y = MeanVarianceNormalization<axes = [2, 3]>(x)", _IMAGES),
    "determinant": model("y = Det(x)", "float[N,2,2] x"),
    "lower case": model(
        'y = StringNormalizer<case_change_action = "LOWER", locale = "C.UTF-8">(x)', "string[N] x", "string y"
    ),
    "terms": model(
        'y = TfIdfVectorizer<mode = "TF", min_gram_length = 1, max_gram_length = 1, max_skip_count = 0,'
        " ngram_counts = [0], ngram_indexes = [0, 1], pool_int64s = [0, 1]>(i)",
        "int64[N,4] i",
    ),
}

PRODUCTS = {
    "matmul": model(floats("w", 4, 3) + "y = MatMul(x, w)"),
    "matmul vector": model(floats("w", 4) + "y = MatMul(x, w)"),
    "matmul stacked": model("t = Transpose<perm = [0, 2, 1]>(x) y = MatMul(x, t)", _STEPS),
    "constant times columns": model(floats("w", 3, 4) + "t = Transpose(x) m = MatMul(w, t) y = Transpose(m)"),
    "gemm": model(floats("w", 3, 4) + floats("b", 3) + "y = Gemm<transB = 1>(x, w, b)"),
    "gemm turned": model(floats("w", 4, 3) + "t = Transpose(x) y = Gemm<transA = 1>(t, w)"),
    "einsum": model('y = Einsum<equation = "nij, nkj -> nik">(x, x)', _STEPS),
    "einsum with dots": model(floats("w", 2, 5) + 'y = Einsum<equation = "...j,jk">(x, w)', _STEPS),
    "attention": model("y = Attention(q, q, q)", "float[N,2,T,4] q", opset=23),
    "rotary": model(
        floats("c", 8, 2) + floats("s", 8, 2) + "y = RotaryEmbedding(x, c, s, p)",
        "float[N,2,6,4] x, int64[N,6] p",
        opset=23,
    ),
}

SPATIAL = {
    "conv": model(floats("w", 2, 3, 2, 2) + "y = Conv(x, w)", _IMAGES),
    "conv with stride": model(
        floats("w", 2, 3, 3, 3) + "y = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(x, w)", _IMAGES
    ),
    "conv padded alike": model(floats("w", 2, 3, 3, 3) + 'y = Conv<auto_pad = "SAME_UPPER">(x, w)', _IMAGES),
    "conv transposed": model(floats("w", 3, 2, 2, 2) + "y = ConvTranspose<strides = [2, 2]>(x, w)", _IMAGES),
    **{
        name: model(f"y = {name}<kernel_shape = [2, 2]{more}>(x)", _IMAGES)
        for name, more in (("MaxPool", ", ceil_mode = 1"), ("AveragePool", ""), ("LpPool", ""))
    },
    **{name: model(f"y = {name}(x)", _IMAGES) for name in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")},
    "upsample": model(
        floats("s", 4).replace("0.1, 0.2, 0.3, 0.4", "1.0, 1.0, 2.0, 2.0") + "y = Upsample(x, s)", _IMAGES, opset=9
    ),
    "resize": model(
        whole("s", 3, 12, 12) + "n = Shape<start = 0, end = 1>(x) t = Concat<axis = 0>(n, s)"
        ' y = Resize<mode = "linear">(x, , , t)',
        _IMAGES,
    ),
    "resize axes": model(
        floats("s", 2).replace("0.1, 0.2", "2.0, 0.5") + "y = Resize<axes = [2, 3]>(x, , s)", _IMAGES, opset=18
    ),
    "resize rows of columns": model(floats("s", 2).replace("0.1, 0.2", "1.0, 2.0") + "y = Resize(x, , s)"),
    "grid": model("y = GridSample(x, g)", "float[N,3,6,6] x, float[N,2,2,2] g"),
    "columns to image": model(
        whole("i", 4, 4) + whole("b", 2, 2) + "y = Col2Im(x, i, b)", "float[N,4,9] x", opset=18
    ),
    "crop": model(whole("s", 4, 8) + "y = CenterCropPad<axes = [2, 3]>(x, s)", _IMAGES, opset=18),
    "deformed": model(
        floats("w", 2, 3, 1, 1) + "y = DeformConv<kernel_shape = [1, 1]>(x, w, o)",
        "float[N,3,6,6] x, float[N,2,6,6] o",
        opset=19,
    ),
}

RECURRENT = {
    kind: model(
        floats("w", 1, 3 * gates, 2)
        + floats("r", 1, 3 * gates, 3)
        + whole("a", 0)
        + f"t = Transpose<perm = [1, 0, 2]>(x) s, h = {kind}<hidden_size = 3>(t, w, r) y = Squeeze(h, a)",
        _STEPS,
    )
    for kind, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4))
} | {
    "first state": model(
        floats("w", 1, 9, 2)
        + floats("r", 1, 9, 3)
        + whole("a", 0)
        + whole("o", 1)
        + whole("d", 3)
        + "n = Shape<start = 0, end = 1>(x) z = Concat<axis = 0>(o, n, d) i = ConstantOfShape(z)"
        " t = Transpose<perm = [1, 0, 2]>(x) s, h = GRU<hidden_size = 3>(t, w, r, , l, i)"
        " y = Squeeze(h, a)",
        "float[N,4,2] x, int32[N] l",
    ),
}
