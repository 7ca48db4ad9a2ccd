"""What running a model tells of its sizes, whatever its file declares."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from dagc.ir.types import DType, Tensor
from dagc.models.known import recalled
from dagc.models.model_error import ModelError
from dagc.models.read import contract, read_model
from dagc.models.signature import Signature
from dagc.models.store import ModelStore

pytestmark = pytest.mark.ort


def model(text: str, **weights: np.ndarray) -> onnx.ModelProto:  # type: ignore[type-arg]
    proto = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]> g {text}')
    proto.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items())
    return proto


def undeclared(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its dims named as exporters name them."""
    number = 0
    for value in (*proto.graph.input, *proto.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if not dim.HasField("dim_value"):
                dim.dim_param = f"p2o.DynamicDimension.{number}" if number % 2 else "?"
                number += 1
    return proto


def signature(folder: Path, proto: onnx.ModelProto) -> Signature:
    file = folder / "m.onnx"
    file.write_bytes(proto.SerializeToString())
    store = ModelStore()
    return store.signature(store.add(read_model(file)))


def shown(found: Signature) -> str:
    inputs = ", ".join(str(port.type) for port in found.inputs)
    return f"{inputs} -> {', '.join(str(port.type) for port in found.outputs)}"


CONV = "y = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(x, w)"
KERNEL = np.ones((5, 3, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("text", "weights", "wanted"),
    [
        ("(float[a,30] x) => (float[b,30] y) { y = Neg(x) }", {}, "f32[N, 30] -> f32[N, 30]"),
        (f"(float[a,3,b,c] x) => (float[d,e,f,g] y) {{ {CONV} }}", {"w": KERNEL},
         "f32[N, 3, H, W] -> f32[N, 5, (H+1)//2, (W+1)//2]"),
        ("(float[a,3,b,c] x) => (float[d,e,f,g] y)"
         " { y = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(x) }", {},
         "f32[N, 3, H, W] -> f32[N, 3, H//2, W//2]"),
        ("(float[a,b,c,3] x) => (float[d,e,f] y) { y = Reshape(x, s) }", {"s": np.array([0, -1, 3])},
         "f32[N, H, W, 3] -> f32[N, H*W, 3]"),
        ("(float[a,b,2] x) => (float[c,d,e] y) { y = Concat<axis = 1>(x, x) }", {},
         "f32[N, T, 2] -> f32[N, 2*T, 2]"),
        ("(float[a,b,2] x) => (float[c,d,e] y) { y = Slice(x, one, far, one) }",
         {"one": np.array([1]), "far": np.array([10**6])}, "f32[N, T, 2] -> f32[N, T-1, 2]"),
        ("(float[a,b,2] x, float[c,d,2] z) => (float[e,f,g] y) { y = Concat<axis = 1>(x, z) }", {},
         "f32[N, T, 2], f32[N, T2, 2] -> f32[N, T+T2, 2]"),
        ("(float[a,b] x, float[c,d] z) => (float[e,f] y) { y = Mul(x, z) }", {},
         "f32[N, T], f32[N, T] -> f32[N, T]"),
        ("(int64[a,b] i) => (float[c,d,e] y) { y = Gather(t, i) }", {"t": np.ones((3, 4), np.float32)},
         "i64[N, T] -> f32[N, T, 4]"),
        ("(float[a,b] x) => (int64[c,d] y) { v, y = TopK(x, k) }", {"k": np.array([3])}, "f32[N, T] -> i64[N, 3]"),
        ("(string[a,1] s) => (int64[b,1] y) { y = ai.onnx.ml.LabelEncoder<keys_strings = [\"a\"],"
         " values_int64s = [1]>(s) }", {}, "str[N, 1] -> i64[N, 1]"),
        ("(string[a,1] s) => (float[b,c,d] y) { y = ai.onnx.ml.OneHotEncoder<cats_strings = [\"p\", \"q\"],"
         " zeros = 0>(s) }", {}, "str[N, 1] -> f32[N, 1, 2]"),
        ("(float[1,3] x) => (float[1,3] y) { y = Neg(x) }", {}, "f32[1, 3] -> f32[1, 3]"),
    ],
)  # fmt: skip
def test_relations_are_found_behind_names_that_mean_nothing(
    tmp_path: Path, text: str, weights: dict[str, np.ndarray], wanted: str  # type: ignore[type-arg]
) -> None:  # fmt: skip
    assert shown(signature(tmp_path, undeclared(model(text, **weights)))) == wanted


def test_names_that_people_chose_are_kept_and_mean_one_size(tmp_path: Path) -> None:
    text = "(int64[batch,sequence] ids, int64[batch,sequence] mask) => (int64[batch,out] y) { y = Mul(ids, mask) }"
    assert (
        shown(signature(tmp_path, model(text)))
        == "i64[batch, sequence], i64[batch, sequence] -> i64[batch, sequence]"
    )


def test_sizes_without_names_that_must_be_equal_become_one(tmp_path: Path) -> None:
    proto = undeclared(model("(float[a,b,2] x, float[c,d,2] z) => (float[e,f,g] y) { y = Sub(x, z) }"))
    assert shown(signature(tmp_path, proto)) == "f32[N, T, 2], f32[N, T, 2] -> f32[N, T, 2]"


def test_a_size_that_hangs_on_values_is_unknown(tmp_path: Path) -> None:
    text = (
        "(float[a,6] x) => (float[b,c,d] y) { p = ReduceSum<keepdims = 0>(x) i = Cast<to = 7>(p) m = Mod(i, three)"
        " n = Add(m, one) s = Reshape(n, line) t = Concat<axis = 0>(zero, s, zero) u = Concat<axis = 0>(rows, s)"
        " e = Unsqueeze(x, axis) y = Tile(e, u) }"
    )
    weights = {
        "three": np.array(3), "one": np.array(1), "line": np.array([1]), "zero": np.array([0]),
        "rows": np.array([1, 1]), "axis": np.array([1]),
    }  # fmt: skip
    assert shown(signature(tmp_path, model(text, **weights))) == "f32[a, 6] -> f32[a, 1, ?]"


@pytest.mark.parametrize(
    ("text", "weights", "words"),
    [
        ("(float[a,4] x) => (float[b,c] y) { y = Reshape(x, s) }", {"s": np.array([-1, 2])}, "2 examples it has"),
        ("(float[a,4] x) => (float[b,c] y) { y = ReduceSum(x, z) }", {"z": np.array([0])}, "[1, 4]"),
        ("(float[a,4] x) => (int64[b,c] y) { y = NonZero(x) }", {}, "[2, "),
        ("(float[a,9,4] b, float[c,1,9] s) => (int64[d,3] y) { y = NonMaxSuppression(b, s, k) }",
         {"k": np.array([4])}, "output `y` has no batch axis"),
    ],
)  # fmt: skip
def test_a_model_whose_rows_are_not_the_examples_is_found(
    tmp_path: Path, text: str, weights: dict[str, np.ndarray], words: str  # type: ignore[type-arg]
) -> None:  # fmt: skip
    with pytest.raises(ModelError) as error:
        signature(tmp_path, undeclared(model(text, **weights)))
    assert error.value.code == "E0405"
    assert words in error.value.message


def test_a_net_that_refuses_most_sizes_is_run_at_those_it_takes(tmp_path: Path) -> None:
    """Down by 8 and up by 8, then added to what it came from: only multiples of 8 fit."""
    text = (
        "(float[a,3,b,c] x) => (float[d,e,f,g] y) { p = MaxPool<kernel_shape = [8, 8], strides = [8, 8]>(x)"
        " u = Resize<mode = \"nearest\">(p, roi, scales) y = Add(x, u) }"
    )  # fmt: skip
    weights = {"roi": np.zeros(0, np.float32), "scales": np.array([1, 1, 8, 8], np.float32)}
    assert shown(signature(tmp_path, undeclared(model(text, **weights)))) == "f32[N, 3, H, W] -> f32[N, 3, H, W]"


def test_a_model_that_hides_that_it_takes_one_example_is_served_so(tmp_path: Path) -> None:
    proto = undeclared(model("(float[a,4] x) => (float[b,4] y) { y = Reshape(x, s) }", s=np.array([1, 4])))
    file = tmp_path / "m.onnx"
    file.write_bytes(proto.SerializeToString())
    store = ModelStore()
    key = store.add(read_model(file))
    assert shown(store.signature(key)) == "f32[1, 4] -> f32[1, 4]"
    assert "two are refused" in store.signature(key).remarks[0]
    assert store.mixing(key) is not None


def test_a_model_that_nothing_could_be_run_with_keeps_what_is_declared(tmp_path: Path) -> None:
    proto = model("(float[a,4] x) => (float[b,other] y) { y = Reshape(x, s) }", s=np.array([7, 1000]))
    found = signature(tmp_path, proto)
    assert shown(found) == "f32[a, 4] -> f32[a, ?]"
    assert found.remarks[0].startswith("no example could be run")


def test_a_lie_about_a_shape_is_an_error(tmp_path: Path) -> None:
    node = helper.make_node("Unique", ["x"], ["u"])
    graph = helper.make_graph(
        [node, helper.make_node("Reshape", ["x", "s"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5])],
        [numpy_helper.from_array(np.array([0, -1]), "t")],
    )
    graph.node.insert(0, helper.make_node("Abs", ["t"], ["a"]))
    graph.node.insert(1, helper.make_node("Mul", ["a", "t"], ["b"]))
    graph.node.insert(2, helper.make_node("Neg", ["b"], ["c"]))
    graph.node.insert(3, helper.make_node("Neg", ["c"], ["s"]))
    opset = [helper.make_opsetid("", 17)]
    with pytest.raises(ModelError) as error:
        signature(tmp_path, helper.make_model(graph, opset_imports=opset, ir_version=8))
    assert error.value.code == "E0416"
    assert "declared `f32[N, 5]`" in error.value.message
    assert "[2, 4]" in error.value.message


def test_answers_follow_from_what_is_given() -> None:
    from dagc.models.signature import Port

    f32 = DType.F32
    rec = Signature(
        (Port("x", Tensor(f32, ("N", 3, "H", "W"))),),
        (Port("y", Tensor(f32, ("N", "(W+3)//8", 6625))), Port("z", Tensor(f32, None))),
        17, None, 8,
    )  # fmt: skip
    given = {"x": Tensor(f32, (3, 48, 320))}
    assert rec.answers(given) == {"y": Tensor(f32, (40, 6625)), "z": Tensor(f32, None)}
    assert rec.answers({"x": Tensor(f32, (3, 48, "width"))})["y"].dims == ("(width+3)//8", 6625)
    assert rec.answers({"x": Tensor(f32, (3, 48, None))})["y"].dims == (None, 6625)
    assert rec.answers({})["y"].dims == ("(W+3)//8", 6625)


def test_a_contract_is_run_at_the_declared_sizes(tmp_path: Path) -> None:
    proto = undeclared(model(f"(float[a,3,b,c] x) => (float[d,e,f,g] y) {{ {CONV} }}", w=KERNEL))
    file = tmp_path / "m.onnx"
    file.write_bytes(proto.SerializeToString())
    content = read_model(file)
    assert shown(contract(content, {"x": (3, 32, 320)}, "m")) == "f32[N, 3, 32, 320] -> f32[N, 5, 16, 160]"
    assert shown(contract(content, {"x": (3, 32, None)}, "m")) == "f32[N, 3, 32, W] -> f32[N, 5, 16, (W+1)//2]"
    small = undeclared(
        model("(float[a,b] x) => (float[c,d] y) { y = MatMul(x, w) }", w=np.ones((4, 2), np.float32))
    )
    file.write_bytes(small.SerializeToString())
    with pytest.raises(ModelError) as error:
        contract(read_model(file), {"x": (5,)}, "small")
    assert error.value.code == "E0410"
    assert "`x` as `f32[5]`" in error.value.message


def test_what_was_read_as_a_file_is_recalled_by_its_content(tmp_path: Path) -> None:
    assert recalled("0" * 64) is None
    found = signature(tmp_path, model("(float[N,3] x) => (float[N,3] y) { y = Neg(x) }"))
    store = ModelStore()
    assert store.signature(store.add((tmp_path / "m.onnx").read_bytes())) == found
