"""Shapes, dtypes and step arguments: each edge is judged by one rule, at the call, with a fix."""

import pytest

from dagc.ir.types import Choice, DType, ListOf, Optional, Record, RecordField, Scalar, Tensor, Type, Unknown
from tests.check.graphs import BOOL, FLOAT, INT, PAYMENT, STR, Building, codes, f32
from tests.evaluate.tiny_models import anything, columns, free, pair, scaler, score


def test_a_pipeline_whose_shapes_agree_is_accepted() -> None:
    b = Building()
    (scaled,) = b.model("scaler", scaler(), b.input("row", f32(3)))
    (risk,) = b.model("score", score(), scaled)
    assert b.found(b.step("decide", {"risk": f32()}, BOOL, risk)) == []


def test_a_step_that_makes_the_wrong_width_is_shown_at_both_ends() -> None:
    b = Building()
    row = b.step("encode", {"payment": PAYMENT}, f32(30), b.input("payment", PAYMENT))
    (risk,) = b.model("boosted", score(32), row)
    (found,) = b.found(risk)
    assert found.code == "E0203" and found.message == "shapes do not agree on `encode -> boosted`"
    assert [(label.text, label.span.line, label.primary) for label in found.labels] == [
        ("needs f32[32]", 12, True),
        ("produces f32[30]", 11, False),
    ]
    assert found.notes == (
        "axis 0 is 30, not 32",
        "fixed by input `x` of `boosted`, which is f32[N, 32]; axis 0 there is the batch",
    )
    assert found.help == "make `encode` return f32[32], or export `boosted` with dynamic axes"


@pytest.mark.parametrize("given", [f32(4), f32(3, 1), f32(), f32("n", 2)], ids=str)
def test_another_shape_than_the_model_takes_is_e0203(given: Tensor) -> None:
    b = Building()
    assert codes(b.found(*b.model("scaler", scaler(), b.input("row", given)))) == ["E0203"]


def test_one_number_for_a_model_of_several_is_a_shape_and_not_a_dtype() -> None:
    b = Building()
    (found,) = b.found(*b.model("scaler", scaler(), b.input("amount", FLOAT)))
    assert found.code == "E0203" and found.notes[0].startswith("`float` fits a model's input only where")


@pytest.mark.parametrize(
    "given",
    [STR, PAYMENT, Optional(f32(3)), ListOf(FLOAT), Tensor(DType.F64, (3,)), Tensor(DType.STR, (3,)), BOOL],
    ids=str,
)
def test_what_is_no_tensor_of_the_dtype_is_e0204(given: Type) -> None:
    b = Building()
    assert codes(b.found(*b.model("scaler", scaler(), b.input("row", given)))) == ["E0204"]


def test_a_string_where_a_number_belongs_says_so_with_a_fix() -> None:
    b = Building()
    record = b.input("payment", PAYMENT)
    text = b.as_tensor(b.field(record, "country", STR), DType.STR, 1)
    outputs = b.model("pipeline", columns(), b.field(record, "country", STR), text)
    (found,) = b.found(outputs[0])
    assert found.code == "E0204"
    assert found.message == "`pipeline` takes `f32[1]` as `age`, not `str`"
    assert found.help == "declare the value as `float`, or convert the value in a step"


def test_a_wrong_dtype_hides_the_wrong_shape_of_the_same_edge() -> None:
    b = Building()
    assert codes(b.found(*b.model("scaler", scaler(), b.input("row", Tensor(DType.I64, (7,)))))) == ["E0204"]


def test_a_value_whose_producer_was_reported_is_silent() -> None:
    b = Building()
    row = b.step("encode", {"x": FLOAT}, Unknown(), b.input("x", FLOAT))
    (scaled,) = b.model("scaler", scaler(), row)
    assert b.found(scaled) == []


@pytest.mark.parametrize(
    ("given", "wanted", "help"),
    [
        (PAYMENT, FLOAT, "give its field: `x.amount`"),
        (Optional(FLOAT), FLOAT, "decide in a step what happens when it is `None`"),
        (f32(3), FLOAT, "choose one element: `x[0]`"),
        (
            Tensor(DType.STR, ()),
            Choice(("a", "b")),
            "nothing says that a model keeps to these values: change the annotation of `it` to `str`",
        ),
        (STR, INT, "convert it in a step, or change the annotation of `it` to `str`"),
        (FLOAT, f32(), "make the tensor in a step, or change the annotation of `it` to `float`"),
        (Choice(("DE", "FR")), Choice(("DE",)), None),
        (Record("Payments", ()), PAYMENT, "two classes with similar names: use `Payment` in both places"),
    ],
    ids=str,
)
def test_an_argument_a_step_does_not_take_is_e0202(given: Type, wanted: Type, help: str | None) -> None:
    b = Building()
    (found,) = b.found(b.step("decide", {"it": wanted}, BOOL, b.input("x", given)))
    assert found.code == "E0202" and found.labels[0].text == f"`it` needs {wanted}"
    assert help is None or found.help == help


def test_a_list_where_one_item_is_taken_is_e0178() -> None:
    b = Building()
    (found,) = b.found(b.step("decide", {"it": STR}, BOOL, b.input("x", ListOf(STR))))
    assert (found.code, found.message) == (
        "E0178",
        "`decide` takes one `str` as `it`, and `list[str]` are several",
    )
    assert found.help == (
        "`decide` takes one at a time: write `dagc.each(x, lambda item: decide(item), max_items=64)`, or "
        "choose one in a step"
    )


@pytest.mark.parametrize("given", [INT, Choice((1, 2)), FLOAT, Scalar("bool")], ids=str)
def test_what_python_takes_for_a_float_a_step_takes_too(given: Type) -> None:
    b = Building()
    assert b.found(b.step("decide", {"it": FLOAT}, BOOL, b.input("x", given))) == []


def test_of_several_fitting_fields_the_one_named_like_the_parameter_is_proposed() -> None:
    many = Record("Row", tuple(RecordField(name, FLOAT) for name in ("age", "amount", "balance")))
    b = Building()
    (found,) = b.found(b.step("decide", {"amount": FLOAT}, BOOL, b.input("row", many)))
    assert found.help == "give its field: `row.amount`"


def test_tensors_given_to_steps_are_judged_by_shape_and_dtype() -> None:
    b = Building()
    x = b.input("x", f32(3))
    one = b.step("one", {"row": f32(4)}, FLOAT, x)
    two = b.step("two", {"row": Tensor(DType.F64, (3,))}, FLOAT, x)
    both = b.step("both", {"a": FLOAT, "b": FLOAT}, FLOAT, one, two)
    assert codes(b.found(both)) == ["E0203", "E0204"]


def test_unknown_sizes_are_said_and_do_not_stop_the_build() -> None:
    b = Building()
    (kept,) = b.model("anything", anything(), b.input("row", f32(3)))
    (found,) = b.found(*b.model("score", score(3), kept))
    assert found.code == "W0209" and found.severity == "warning"
    assert found.notes == ("axis 0: ? against 3",)
    assert found.help == "state what the model gives: `dagc.onnx(..., returns=...)` with f32[3]"


@pytest.mark.parametrize("given", [f32(None), f32("n")], ids=str)
def test_a_free_size_into_a_fixed_one_is_not_proven(given: Tensor) -> None:
    b = Building()
    assert codes(b.found(*b.model("score", score(3), b.input("x", given)))) == ["W0209"]


@pytest.mark.parametrize("given", [f32(5, 8), f32("T", 8), f32(None, 8)], ids=str)
def test_any_size_into_a_free_one_needs_no_proof(given: Tensor) -> None:
    b = Building()
    assert b.found(*b.model("free", free(), b.input("x", given))) == []


def test_one_name_with_two_sizes_in_one_call_is_e0208() -> None:
    b = Building()
    (found,) = b.found(*b.model("pair", pair(), b.input("a", f32(3)), b.input("b", f32(4))))
    assert found.code == "E0208" and found.message == "size `T` would have to be 3 and 4 at once"


def test_one_name_of_the_request_with_two_sizes_in_the_graph_is_e0208() -> None:
    b = Building()
    x = b.input("x", f32("n"))
    (three,) = b.model("three", score(3), x)
    (four,) = b.model("four", score(4), x)
    total = b.step("total", {"a": f32(), "b": f32()}, f32(), three, four)
    assert codes(b.found(total)) == ["W0209", "E0208", "W0209"]


def test_two_calls_of_one_model_bind_its_names_apart() -> None:
    b = Building()
    (one,) = b.model("free", free(), b.input("x", f32(3, 8)))
    (two,) = b.model("free", free(), b.input("y", f32(4, 8)))
    join = {"a": f32(None, 8), "b": f32(None, 8)}
    assert b.found(b.step("join", join, FLOAT, one, two)) == []


def test_three_inputs_of_two_sizes_give_one_error_for_the_odd_one() -> None:
    b = Building()
    given = {"a": f32("n"), "b": f32("n"), "c": f32("n")}
    names = [b.input("a", f32(3)), b.input("b", f32(3)), b.input("c", f32(5))]
    (found,) = b.found(b.step("join", given, FLOAT, *names))
    assert found.code == "E0208" and found.labels[0].text == "`c` makes it 5"
