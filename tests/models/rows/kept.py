"""Models whose rows stay apart, one or more for every operator in the table of transfer rules."""

from tests.models.rows.kept_layers import PRODUCTS, RECURRENT, REDUCTIONS, SPATIAL
from tests.models.rows.texts import floats, model, one, whole

_UNARY = (
    "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Cos Cosh Elu Erf Exp Floor HardSigmoid"
    " HardSwish Identity LeakyRelu Log Neg Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh"
    " Softplus Softsign Sqrt Tan Tanh ThresholdedRelu"
)
_IMAGES = "float[N,3,6,6] x"
_STEPS = "float[N,4,2] x"
_BRANCHES = (
    "<then_branch = t () => (float[A,B] r) { r = Neg(x) }, else_branch = e () => (float[A,B] q) { q = Abs(x) }>"
)

ELEMENTWISE = {
    **{name: model(f"y = {name}(x)") for name in _UNARY.split()},
    "gelu": model("y = Gelu(x)", opset=20),
    "mish": model("y = Mish(x)", opset=18),
    "cast": model("y = Cast<to = 7>(x)", outputs="int64 y"),
    "cast like": model("z = Constant<value = int64[3] {1, 2, 3}>() y = CastLike(x, z)", outputs="int64 y"),
    "nan": model(
        "a = IsNaN(x) b = IsInf(x) c = Or(a, b) d = And(a, c) e = Xor(c, d) y = Not(e)", outputs="bool y"
    ),
    "add two": model("y = Add(x, z)", "float[N,4] x, float[M,4] z"),
    "add vector": model(floats("c", 4) + "y = Add(x, c)"),
    "add row": model(floats("c", 1, 4) + "y = Add(x, c)"),
    "compare": model(
        "a = Greater(x, z) b = LessOrEqual(x, z) c = GreaterOrEqual(x, z) d = Less(x, z)"
        " e = Equal(c, d) f = Where(a, x, z) g = Where(b, f, x) h = Cast<to = 1>(e) y = Max(f, g, h)",
        "float[N,4] x, float[N,4] z",
    ),
    "several": model(floats("c", 4) + "a = Sum(x, c, x) b = Mean(x, a) d = Min(a, b, c) y = Div(d, c)"),
    "powers": model(floats("c") + "a = Abs(x) b = Pow(a, c) d = Sub(b, c) y = Mul(d, x)"),
    "bits": model(
        "a = BitwiseAnd(x, z) b = BitwiseOr(x, a) c = BitwiseXor(b, z) y = BitwiseNot(c)",
        "int32[N,4] x, int32[N,4] z",
        "int32 y",
        opset=18,
    ),
    "shift": model('y = BitShift<direction = "LEFT">(x, z)', "uint32[N,4] x, uint32[N,4] z", "uint32 y"),
    "mod": model("c = Constant<value = int64 {3}>() y = Mod(x, c)", "int64[N,4] x", "int64 y"),
    "clip": model("a = Constant<value = float {-1.0}>() b = Constant<value = float {1.0}>() y = Clip(x, a, b)"),
    "clip by attributes": model("y = Clip<min = -1.0, max = 1.0>(x)", opset=10),
    "slope": model(floats("s", 4) + "y = PRelu(x, s)"),
    "dropout": model("y = Dropout(x)"),
    "dropout with mask": model(
        "t = Constant<value = bool {0}>() r = Constant<value = float {0.5}>() y, m = Dropout(x, r, t)",
        outputs="y, bool m",
    ),
    "strings": model("y = StringConcat(s, s)", "string[N,2] s", "string y", opset=20),
    "pattern": model('y = RegexFullMatch<pattern = "a+">(s)', "string[N,2] s", "bool y", opset=20),
    "scalar of a constant": model("c = Constant<value = float {2.0}>() d = Sqrt(c) y = Mul(x, d)"),
    "swish": model("y = Swish(x)", opset=24),
}

LAYOUT = {
    "transpose": model("y = Transpose<perm = [0, 2, 1]>(x)", _STEPS),
    "there and back": model("t = Transpose(x) s = Softmax<axis = 0>(t) y = Transpose(s)"),
    "reshape": model(whole("s", -1, 2, 2) + "y = Reshape(x, s)"),
    "reshape zero": model(whole("s", 0, -1) + "y = Reshape(x, s)", _STEPS),
    "behind another axis": model(
        whole("s", 1, -1, 4)
        + whole("a", 0)
        + "r = Reshape(x, s) c = Concat<axis = 0>(r, r, r) y = ReduceMean<axes = [0], keepdims = 0>(c)"
    ),
    "stacked batches": model(
        whole("s", 3, -1, 4)
        + "c = Concat<axis = 0>(x, x, x) r = Reshape(c, s) y = ReduceMax<axes = [0], keepdims = 0>(r)"
    ),
    "folded and back": model(
        whole("s", -1, 2)
        + floats("w", 2, 3)
        + whole("o", 3)
        + whole("z", 0)
        + whole("e", 2)
        + "f = Reshape(x, s) m = MatMul(f, w) n = Shape(x) k = Slice(n, z, e) t = Concat<axis = 0>(k, o)"
        " y = Reshape(m, t)",
        "float[N,T,2] x",
    ),
    "flatten": model("y = Flatten<axis = 1>(x)", _STEPS),
    "flatten all": model("f = Flatten<axis = 0>(x) g = Relu(f) s = Shape(x) y = Reshape(g, s)"),
    "unsqueeze": model(whole("a", 1) + "y = Unsqueeze(x, a)"),
    "unsqueeze in front": model(whole("a", 0) + "u = Unsqueeze(x, a) v = Neg(u) y = Squeeze(v, a)"),
    "squeeze": model(whole("a", 1) + "y = Squeeze(x, a)", "float[N,1] x"),
    "expand": model(
        floats("c", 2)
        + whole("d", 2)
        + "n = Shape<start = 0, end = 1>(x) s = Concat<axis = 0>(n, d) e = Expand(c, s)"
        " y = Concat<axis = 1>(x, e)"
    ),
    "filled": model("s = Shape(x) c = ConstantOfShape<value = float[1] {2.0}>(s) y = Add(x, c)"),
    "tile": model(whole("r", 1, 3) + "y = Tile(x, r)"),
    "tile rows": model(
        floats("c", 1, 4)
        + whole("o", 1)
        + "n = Shape<start = 0, end = 1>(x) r = Concat<axis = 0>(n, o) t = Tile(c, r) y = Mul(x, t)"
    ),
    "range": model(
        one("z", 0)
        + one("d", 1)
        + one("i", 1)
        + "n = Shape(x) t = Gather(n, i) r = Range(z, t, d) f = Cast<to = 1>(r) y = Add(x, f)",
        "float[N,T] x",
    ),
    "size": model("n = Size(x) s = Shape<start = 0, end = 1>(x) d = Div(n, s) f = Cast<to = 1>(d) y = Div(x, f)"),
    "depth": model("a = DepthToSpace<blocksize = 2>(x) y = SpaceToDepth<blocksize = 2>(a)", "float[N,4,2,2] x"),
}

INDEXING = {
    "concat": model("y = Concat<axis = -1>(x, x)"),
    "gather": model(whole("i", 3, 0) + "y = Gather<axis = 1>(x, i)"),
    "embedding": model(floats("t", 3, 2) + "y = Gather<axis = 0>(t, i)", "int64[N,4] i"),
    "gather elements": model("y = GatherElements<axis = 1>(x, i)", "float[N,4] x, int64[N,3] i"),
    "gather in a batch": model("y = GatherND<batch_dims = 1>(x, i)", "float[N,4] x, int64[N,1] i"),
    "scatter": model(
        floats("u", 1) + "s = Shape(i) e = Expand(u, s) y = ScatterElements<axis = 1>(x, i, e)",
        "float[N,4] x, int64[N,1] i",
    ),
    "scatter as it was": model(
        floats("u", 1) + "s = Shape(i) e = Expand(u, s) y = Scatter<axis = 1>(x, i, e)",
        "float[N,4] x, int64[N,1] i",
        opset=10,
    ),
    "scatter columns": model(
        whole("o", 1) + "i = Constant<value = int64[1,1] {2}>() t = Transpose(x) n = Shape<start = 1>(t)"
        " z = Concat<axis = 0>(o, n) u = ConstantOfShape(z) s = ScatterND(t, i, u) y = Transpose(s)"
    ),
    "write own row": model(
        one("z", 0)
        + one("d", 1)
        + whole("a", 1)
        + "n = Shape<start = 0, end = 1>(x) l = Squeeze(n) r = Range(z, l, d) v = Unsqueeze(r, a)"
        " j = Concat<axis = 1>(v, i) u = ReduceSum<keepdims = 0>(x, a) y = ScatterND(x, j, u)",
        "float[N,4] x, int64[N,1] i",
    ),
    "read own row": model(
        one("z", 0)
        + one("d", 1)
        + whole("a", 1)
        + "n = Shape<start = 0, end = 1>(x) l = Squeeze(n) r = Range(z, l, d) v = Unsqueeze(r, a)"
        " j = Concat<axis = 1>(v, i) y = GatherND(x, j)",
        "float[N,4] x, int64[N,1] i",
    ),
    "slice": model(whole("s", 1) + whole("e", 3) + whole("a", 1) + "y = Slice(x, s, e, a)"),
    "slice all rows": model(whole("s", 0, 1) + whole("e", 2147483647, 3) + "y = Slice(x, s, e)"),
    "slice by attributes": model("y = Slice<starts = [1], ends = [3], axes = [1]>(x)", opset=9),
    "positions cut out of a table": model(  # torch's TransformerEncoder: time in front, then rows and time as one
        floats("p", 8, 2)
        + whole("z", 0)
        + whole("a", 2)
        + whole("f", -1, 2)
        + "r = Shape<start = 0, end = 1>(x) t = Shape<start = 1, end = 2>(x) c = Slice(p, z, t, z) b = Add(x, c)"
        " d = Transpose<perm = [1, 0, 2]>(b) s = Concat<axis = 0>(t, r, a) e = Reshape(d, s)"
        " g = Reshape(e, f) h = Reshape(g, s) y = Transpose<perm = [1, 0, 2]>(h)",
        "float[N,T,2] x",
    ),
    "split": model(whole("s", 1, 3) + "y, z = Split<axis = 1>(x, s)", outputs="y, z"),
    "split evenly": model("y, z = Split<axis = 1>(x)", outputs="y, z"),
    "pad": model(whole("p", 0, 1, 0, 2) + "y = Pad(x, p)"),
    "pad by attributes": model("y = Pad<pads = [0, 1, 0, 2]>(x)", opset=10),
    "pad axes": model(whole("p", 1, 2) + whole("a", 1) + "y = Pad(x, p, , a)", opset=18),
    "one hot": model(
        "d = Constant<value = int64 {3}>() v = Constant<value = float[2] {0.0, 1.0}>() y = OneHot(i, d, v)",
        "int64[N,4] i",
    ),
    "compress": model("c = Constant<value = bool[4] {1, 0, 1, 0}>() y = Compress<axis = 1>(x, c)"),
    "reverse": model(
        "c = Cast<to = 7>(l) y = ReverseSequence<batch_axis = 0, time_axis = 1>(x, c)",
        "float[N,4] x, int32[N] l",
    ),
    "triangle": model("y = Trilu(x)", _STEPS),
}

_BYTE = "s = Constant<value = float {0.1}>() z = Constant<value = uint8 {128}>() "
QUANTISED = {
    "quantise": model(_BYTE + "q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)"),
    "by column": model(
        floats("s", 4) + "z = Constant<value = uint8[4] {1, 2, 3, 4}>() q = QuantizeLinear<axis = 1>(x, s, z)"
        " y = DequantizeLinear<axis = 1>(q, s, z)"
    ),
    "product": model(
        _BYTE + "w = Constant<value = uint8[4,2] {1, 2, 3, 4, 5, 6, 7, 8}>() q = QuantizeLinear(x, s, z)"
        " m = QLinearMatMul(q, s, z, w, s, z, s, z) y = DequantizeLinear(m, s, z)"
    ),
    "integers": model(
        _BYTE + "w = Constant<value = uint8[4,2] {1, 2, 3, 4, 5, 6, 7, 8}>() q = QuantizeLinear(x, s, z)"
        " y = MatMulInteger(q, w, z)",
        outputs="int32 y",
    ),
    "convolved": model(
        _BYTE + "w = Constant<value = uint8[1,3,1,1] {1, 2, 3}>() q = QuantizeLinear(x, s, z)"
        " c = QLinearConv(q, s, z, w, s, z, s, z) y = DequantizeLinear(c, s, z)",
        _IMAGES,
    ),
    "convolved integers": model(
        _BYTE + "w = Constant<value = uint8[1,3,1,1] {1, 2, 3}>() q = QuantizeLinear(x, s, z)"
        " y = ConvInteger(q, w, z)",
        _IMAGES,
        "int32 y",
    ),
    "constant of its own scale": model(
        floats("c", 4) + "q, s, z = DynamicQuantizeLinear(c) d = DequantizeLinear(q, s, z) y = Add(x, d)"
    ),
}

_TREE = (
    "nodes_featureids = [0, 0, 0], nodes_values = [0.5, 0.0, 0.0], nodes_treeids = [0, 0, 0],"
    ' nodes_nodeids = [0, 1, 2], nodes_modes = ["BRANCH_LEQ", "LEAF", "LEAF"],'
    " nodes_truenodeids = [1, 0, 0], nodes_falsenodeids = [2, 0, 0], "
)
TABLES = {
    "scaler": model("y = ai.onnx.ml.Scaler<offset = [1.0], scale = [2.0]>(x)"),
    "normalizer": model('y = ai.onnx.ml.Normalizer<norm = "L2">(x)'),
    "binarizer": model("y = ai.onnx.ml.Binarizer<threshold = 0.5>(x)"),
    "imputer": model("y = ai.onnx.ml.Imputer<imputed_value_floats = [0.5], replaced_value_float = 0.0>(x)"),
    "imputer by column": model(
        "y = ai.onnx.ml.Imputer<imputed_value_floats = [0.5, 1.0, 1.5, 2.0], replaced_value_float = 0.0>(x)"
    ),
    "columns": model(whole("i", 0, 2) + "y = ai.onnx.ml.ArrayFeatureExtractor(x, i)"),
    "labels": model(
        "i = ArgMax<axis = 1>(x) t = Constant<value = int64[4] {7, 8, 9, 10}>()"
        " l = ai.onnx.ml.ArrayFeatureExtractor(t, i) s = Constant<value = int64[1] {-1}>()"
        " y = Reshape(l, s)",
        outputs="int64 y",
    ),
    "labels of several": model(
        "t = Constant<value = float[4] {7.0, 8.0, 9.0, 10.0}>()"
        " l = ai.onnx.ml.ArrayFeatureExtractor(t, i)" + whole("s", -1, 2) + "y = Reshape(l, s)",
        "int64[N,2] i",
    ),
    "encode": model(
        'y = ai.onnx.ml.LabelEncoder<keys_strings = ["a", "b"], values_int64s = [3, 4]>(x)',
        "string[N,2] x",
        "int64 y",
    ),
    "categories": model(
        'y = ai.onnx.ml.CategoryMapper<cats_int64s = [3, 4], cats_strings = ["a", "b"]>(x)',
        "string[N,2] x",
        "int64 y",
    ),
    "one hot words": model('y = ai.onnx.ml.OneHotEncoder<cats_strings = ["a", "b"]>(x)', "string[N,1] x"),
    "vectors": model("y = ai.onnx.ml.FeatureVectorizer<inputdimensions = [4, 4]>(x, x)"),
    "linear": model("y = ai.onnx.ml.LinearRegressor<coefficients = [1.0, 2.0, 3.0, 4.0], intercepts = [1.0]>(x)"),
    "linear classes": model(
        "l, y = ai.onnx.ml.LinearClassifier<classlabels_ints = [0, 1], coefficients = [1.0, 2.0, 3.0,"
        ' 4.0], intercepts = [1.0], post_transform = "LOGISTIC">(x)',
        outputs="int64 l, y",
    ),
    "tree": model(
        "y = ai.onnx.ml.TreeEnsembleRegressor<"
        + _TREE
        + "n_targets = 1, target_treeids = [0, 0], target_nodeids = [1, 2], target_ids = [0, 0],"
        " target_weights = [1.0, 2.0]>(x)"
    ),
    "tree classes": model(
        "l, y = ai.onnx.ml.TreeEnsembleClassifier<"
        + _TREE
        + "classlabels_int64s = [3, 4], class_treeids = [0, 0], class_nodeids = [1, 2], class_ids = [0,"
        " 1], class_weights = [1.0, 2.0]>(x)",
        outputs="int64 l, y",
    ),
    "trees": model(
        "y = ai.onnx.ml.TreeEnsemble<n_targets = 1, tree_roots = [0], nodes_featureids = [0],"
        " nodes_splits = float[1] {0.5}, nodes_modes = uint8[1] {0}, nodes_truenodeids = [0],"
        " nodes_falsenodeids = [1], nodes_trueleafs = [1], nodes_falseleafs = [1], leaf_targetids = [0,"
        " 0], leaf_weights = float[2] {1.0, 2.0}>(x)",
        ml=5,
    ),
    "support vectors": model(
        "y = ai.onnx.ml.SVMRegressor<coefficients = [1.0, -1.0], kernel_params = [0.5, 0.0, 3.0],"
        ' kernel_type = "RBF", n_supports = 2, rho = [0.1], support_vectors = [1.0, 2.0, 3.0, 4.0, 4.0,'
        " 3.0, 2.0, 1.0]>(x)"
    ),
    "support classes": model(
        "l, y = ai.onnx.ml.SVMClassifier<classlabels_ints = [0, 1], coefficients = [1.0, -1.0],"
        ' kernel_params = [0.5, 0.0, 3.0], kernel_type = "RBF", rho = [0.1], support_vectors = [1.0,'
        " 2.0, 3.0, 4.0, 4.0, 3.0, 2.0, 1.0], vectors_per_class = [1, 1]>(x)",
        outputs="int64 l, y",
    ),
}

BODIES = {
    "branch that is known": model("c = Constant<value = bool {1}>() y = If(c) " + _BRANCHES),
    "branch by a size": model(
        one("i", 1) + one("k", 3) + "s = Shape(x) t = Gather(s, i) c = Greater(t, k) y = If(c) " + _BRANCHES,
        "float[N,T] x",
    ),
    "loop": model(
        one("n", 3) + "g = Constant<value = bool {1}>() y, w = Loop(n, g, x)"
        " <body = b (int64 i, bool c, float[A,B] v) => (bool d, float[A,B] u, float[A] o)"
        " { d = Identity(c) u = Add(v, x) o = ReduceMax<axes = [1], keepdims = 0>(u) }>"
    ),
    "loop that grows": model(
        one("n", 3)
        + "g = Constant<value = bool {1}>() y = Loop(n, g, x) <body = b (int64 i, bool c, float[A,B] v)"
        " => (bool d, float[A,C] u) { d = Identity(c) u = Concat<axis = 1>(v, x) }>"
    ),
    "neighbours": model(
        floats("t", 5, 4) + "s, d = Scan<num_scan_inputs = 1, body = b (float[A,4] v, float[4] p)"
        " => (float[A,4] w, float[A] o) { w = Identity(v) m = Sub(v, p)"
        " o = ReduceSumSquare<axes = [1], keepdims = 0>(m) }>(x, t) r = Transpose(d)"
        " k = Constant<value = int64[1] {2}>() y, i = TopK<largest = 0>(r, k)",
        outputs="y, int64 i",
    ),
    "no rows involved": model(floats("c", 3, 1) + "d = ReduceMean<axes = [0]>(c) y = Add(x, d)"),
    "nobody reads it": model("q, s, z = DynamicQuantizeLinear(x) y = Neg(x)"),
}

KEPT = {
    **ELEMENTWISE,
    **LAYOUT,
    **INDEXING,
    **REDUCTIONS,
    **PRODUCTS,
    **SPATIAL,
    **RECURRENT,
    **QUANTISED,
    **TABLES,
    **BODIES,
}

NOT_RUN = frozenset({"CumProd"})
"""Operators of the table that no runtime at hand runs."""
