import pytest

from dagc.ir.agree import disagreement, unproven
from dagc.ir.types import (
    Bytes,
    Choice,
    DType,
    ListOf,
    Opaque,
    Optional,
    Record,
    RecordField,
    Scalar,
    Tensor,
    TupleOf,
    Type,
    Unknown,
)

F32 = DType.F32
INT, FLOAT, STR = Scalar("int"), Scalar("float"), Scalar("str")
ROW = Tensor(F32, (30,))
PAYMENT = Record("Payment", (RecordField("amount", FLOAT),))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (ROW, ROW),
        (Tensor(F32, ("n",)), ROW),
        (Tensor(F32, (None,)), ROW),
        (Tensor(F32, None), ROW),
        (INT, FLOAT),
        (Choice(("a", "b")), STR),
        (Choice((1, 2)), FLOAT),
        (Choice(("a",)), Choice(("a", "b"))),
        (INT, Optional(FLOAT)),
        (Optional(INT), Optional(FLOAT)),
        (ListOf(INT), ListOf(FLOAT)),
        (TupleOf((INT, STR)), TupleOf((FLOAT, STR))),
        (PAYMENT, PAYMENT),
        (Opaque("Frame"), Opaque("Frame")),
        (PAYMENT, Opaque("object")),
        (Unknown(), ROW),
        (PAYMENT, Unknown()),
    ],
    ids=str,
)
def test_what_fits_is_accepted_in_silence(given: Type, wanted: Type) -> None:
    assert disagreement(given, wanted) is None


@pytest.mark.parametrize(
    ("given", "wanted", "reason"),
    [
        (Tensor(F32, (30,)), Tensor(F32, (32,)), "axis 0 is 30, not 32"),
        (Tensor(F32, (30,)), Tensor(F32, ()), "`f32[30]` has 1 axis, `f32[]` has 0 axes"),
        (Tensor(DType.F64, ()), Tensor(F32, ()), "dtype f64 is not f32"),
        (FLOAT, INT, "`float` is not `int`"),
        (STR, Choice(("a",)), "`str` is not `Literal['a']`"),
        (Choice(("a", "c")), Choice(("a", "b")), "'c' is not one of 'a', 'b'"),
        (Optional(INT), INT, "`int | None` may be `None`, and `int` may not"),
        (ListOf(STR), ListOf(INT), "`str` is not `int`, in the items of the list"),
        (TupleOf((INT, STR)), TupleOf((INT, INT)), "`str` is not `int`, in item 1 of the tuple"),
        (TupleOf((INT,)), TupleOf((INT, INT)), "a tuple of 1 is not a tuple of 2"),
        (PAYMENT, Record("Order", ()), "`Payment` is not `Order`"),
        (PAYMENT, Record("Payment", ()), "two different classes are both called `Payment`"),
        (Bytes(), STR, "`bytes` is not `str`"),
        (Tensor(F32, ()), FLOAT, "`f32[]` is not `float`"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_told_in_words(given: Type, wanted: Type, reason: str) -> None:
    assert disagreement(given, wanted) == reason


def test_what_only_run_time_can_tell_is_named() -> None:
    assert unproven(Tensor(F32, ("n", 3)), Tensor(F32, (30, 3))) == "axis 0: n against 30"
    assert unproven(Tensor(F32, (None,)), Tensor(F32, (30,))) == "axis 0: ? against 30"
    assert unproven(Tensor(F32, None), ROW) == "the number of axes: `f32[...]` against `f32[30]`"
    assert unproven(ListOf(Tensor(F32, (None,))), ListOf(ROW)) == "axis 0: ? against 30"
    assert unproven(ROW, ROW) is None
    assert unproven(ROW, Tensor(F32, ("n",))) is None
