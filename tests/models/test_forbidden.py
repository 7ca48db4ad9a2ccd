"""What the format allows and no service runs: each has its code, and its reason names the culprit."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from dagc.models.model_error import ModelError
from dagc.models.read import read_model

pytestmark = pytest.mark.ort

_HEAD = '<ir_version: 8, opset_import: ["" : 17, "own" : 1]> g (float[N,3] x) => (float[N,3] y)'


def model(body: str = "y = Neg(x)", functions: str = "") -> onnx.ModelProto:
    return parser.parse_model(f"{_HEAD} {{ {body} }} {functions}")


def refusal(folder: Path, proto: onnx.ModelProto) -> ModelError:
    file = folder / "m.onnx"
    file.write_bytes(proto.SerializeToString())
    with pytest.raises(ModelError) as error:
        read_model(file)
    return error.value


@pytest.mark.parametrize("domain", ["nobody", "own", "com.microsoft.nchwc", "ai.onnx.training"])
def test_operators_of_other_domains(tmp_path: Path, domain: str) -> None:
    proto = model()
    proto.opset_import.add(domain=domain, version=1)
    proto.graph.node[0].domain = domain
    error = refusal(tmp_path, proto)
    assert (error.code, f"domain `{domain}`" in error.message) == ("E0413", True)


def test_operators_of_other_domains_in_a_branch_or_a_function(tmp_path: Path) -> None:
    branch = model(
        "c = Constant<value = bool {1}>() y = If(c) <then_branch = t () => (float[N,3] r) { r = own.bad(x) },"
        " else_branch = e () => (float[N,3] q) { q = Neg(x) }>"
    )
    assert refusal(tmp_path, branch).code == "E0413"
    called = model(
        "y = own.f(x)", '<domain: "own", opset_import: ["" : 17, "own" : 1]> f (a) => (b) { b = own.g(a) }'
    )
    assert refusal(tmp_path, called).code == "E0413"


def test_a_models_own_functions_are_no_foreign_operators(tmp_path: Path) -> None:
    proto = model("y = own.f(x)", '<domain: "own", opset_import: ["" : 17]> f (a) => (b) { b = Add(a, a) }')
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    assert read_model(tmp_path / "m.onnx")


def test_a_domain_that_is_named_and_not_used_does_no_harm(tmp_path: Path) -> None:
    proto = model()
    proto.opset_import.add(domain="ai.onnx.training", version=1)
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    assert read_model(tmp_path / "m.onnx")


def test_functions_that_call_themselves_or_one_another(tmp_path: Path) -> None:
    head = '<domain: "own", opset_import: ["" : 17, "own" : 1]>'
    alone = model("y = own.f(x)", f"{head} f (a) => (b) {{ b = own.f(a) }}")
    error = refusal(tmp_path, alone)
    assert (error.code, "`f`" in error.message) == ("E0415", True)
    pair = model("y = own.f(x)", f"{head} f (a) => (b) {{ b = own.g(a) }} {head} g (a) => (b) {{ b = own.f(a) }}")
    assert refusal(tmp_path, pair).code == "E0415"


def test_training_information(tmp_path: Path) -> None:
    proto = model()
    proto.training_info.add().algorithm.name = "sgd"
    assert refusal(tmp_path, proto).code == "E0415"


def test_graphs_nested_very_deeply(tmp_path: Path) -> None:
    def nested(depth: int) -> onnx.GraphProto:
        node = helper.make_node("Neg", ["x"], [f"r{depth}"])
        if depth:
            branches = {"then_branch": nested(depth - 1), "else_branch": nested(0)}
            node = helper.make_node("If", ["c"], [f"r{depth}"], **branches)
        return helper.make_graph([node], f"g{depth}", [], [helper.make_tensor_value_info(f"r{depth}", 1, None)])

    proto = model()
    proto.graph.initializer.append(numpy_helper.from_array(np.array(True), "c"))
    proto.graph.node[0].CopyFrom(
        helper.make_node("If", ["c"], ["y"], then_branch=nested(17), else_branch=nested(0))
    )
    assert refusal(tmp_path, proto).code == "E0415"


@pytest.mark.parametrize("name", ["x\x1b[2J", "x\ny", "x" * 501, "x\x00"])
def test_names_that_no_terminal_should_be_given(tmp_path: Path, name: str) -> None:
    proto = model()
    proto.graph.input[0].name = proto.graph.node[0].input[0] = name
    error = refusal(tmp_path, proto)
    assert error.code == "E0415"
    assert "\x1b" not in str(error.message)


@pytest.mark.parametrize("where", ["input", "output", "initializer", "constant", "sparse", "value_info"])
def test_tensors_of_sizes_that_no_machine_has(tmp_path: Path, where: str) -> None:
    proto = model("w = Constant<value = float[1] {1.0}>() y = Add(x, w)" if where == "constant" else "y = Neg(x)")
    huge = TensorProto(name="h", data_type=TensorProto.FLOAT, dims=[10**6, 10**6])
    match where:
        case "constant":
            proto.graph.node[0].attribute[0].t.CopyFrom(huge)
        case "initializer":
            proto.graph.initializer.append(huge)
        case "sparse":
            values, indices = (
                numpy_helper.from_array(np.ones(1, np.float32), "s"),
                numpy_helper.from_array(np.zeros(1, int)),
            )
            proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [10**12]))
        case "value_info":
            proto.graph.value_info.append(helper.make_tensor_value_info("v", TensorProto.FLOAT, [10**12]))
        case _:
            getattr(proto.graph, where)[0].type.tensor_type.shape.dim[1].dim_value = 10**12
    error = refusal(tmp_path, proto)
    assert (error.code, "1e+12 elements" in error.message) == ("E0414", True)


def test_circles_and_values_from_nowhere_are_unreadable(tmp_path: Path) -> None:
    assert refusal(tmp_path, model("a = Add(x, b) b = Neg(a) y = Neg(b)")).code == "E0402"
    assert refusal(tmp_path, model("a = Neg(x) a = Abs(x) y = Neg(a)")).code == "E0402"


def test_what_a_message_says_of_a_model_holds_no_control_characters(tmp_path: Path) -> None:
    proto = model()
    proto.graph.node[0].op_type = "Neg\x1b[31m"
    error = refusal(tmp_path, proto)
    assert "\x1b" not in error.message + " ".join(error.notes)
