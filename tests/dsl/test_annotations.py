"""Annotations become the types the compiler checks, and a mistake in one says what to write instead."""

import dataclasses
import datetime
import enum
import functools
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt, ValidationError
from typing_extensions import TypeAliasType, TypedDict

from dagc.diagnostics import Report
from dagc.diagnostics.pages import codes, page
from dagc.dsl.annotations import (
    AnnotationError,
    Contract,
    contract,
    ir_type,
    request_adapter,
    response_adapter,
)
from dagc.dsl.load import load
from dagc.dsl.tensors import boolean, f32, f64, i64, string
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
)

Row = Annotated[NDArray[np.float32], f32(30)]
Anything = TypeVar("Anything")
Cents = NewType("Cents", int)
Named = TypeAliasType("Named", Row)
Generic = TypeAliasType("Generic", list[Anything], type_params=(Anything,))


class Country(enum.Enum):
    DE = "DE"
    FR = "FR"


class Weight(enum.Enum):
    LIGHT = 0.5


class Payment(BaseModel):
    user_id: str = Field(max_length=64)
    amount: float = Field(gt=0)
    country: Literal["DE", "FR", "US"]
    row: Row
    meta: dict[str, Any] = {}


class Chain(BaseModel):
    value: int
    next: "Chain | None" = None


@dataclasses.dataclass
class Point:
    x: float
    y: "float" = 0.0


class Labelled(NamedTuple):
    label: int
    scores: Annotated[NDArray[np.float32], f32(3)]


class Options(TypedDict):
    deep: bool


class Engine:
    pass


FLOAT, INT, STR = Scalar("float"), Scalar("int"), Scalar("str")


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (float, FLOAT),
        (int, INT),
        (str, STR),
        (bool, Scalar("bool")),
        (bytes, Bytes()),
        (Cents, INT),
        (PositiveInt, INT),
        (Annotated[str, Field(max_length=3)], STR),
        (Row, Tensor(DType.F32, (30,))),
        (Annotated[Row, Field(description="one example")], Tensor(DType.F32, (30,))),
        (Named, Tensor(DType.F32, (30,))),
        (Generic[int], ListOf(INT)),
        (Annotated[NDArray[Any], i64("n", None)], Tensor(DType.I64, ("n", None))),
        (Annotated[NDArray[np.floating], f32()], Tensor(DType.F32, ())),
        (Annotated[np.ndarray, f32(2)], Tensor(DType.F32, (2,))),
        (Annotated[NDArray[np.bool_], boolean(2)], Tensor(DType.BOOL, (2,))),
        (Annotated[NDArray[np.str_], string(1)], Tensor(DType.STR, (1,))),
        (Annotated[NDArray[np.object_], string(1)], Tensor(DType.STR, (1,))),
        (Literal["a", "b"], Choice(("a", "b"))),
        (Literal[1, True], Choice((1, True))),
        (Literal["a", None], Optional(Choice(("a",)))),
        (Literal[Country.DE], Choice(("DE",))),
        (Country, Choice(("DE", "FR"), "Country")),
        (Weight, Opaque("Weight")),
        (float | None, Optional(FLOAT)),
        (Row | None, Optional(Tensor(DType.F32, (30,)))),
        (int | float, FLOAT),
        (int | str | None, Optional(Opaque("int | str"))),
        (list[Row], ListOf(Tensor(DType.F32, (30,)))),
        (Sequence[int], ListOf(INT)),
        (tuple[int, ...], ListOf(INT)),
        (tuple[int, Row], TupleOf((INT, Tensor(DType.F32, (30,))))),
        (tuple[()], TupleOf(())),
        (list[Any], ListOf(Opaque("Any"))),
        (dict[str, int], Opaque("dict[str, int]")),
        (list, Opaque("list")),
        (None, Opaque("None")),
        (object, Opaque("object")),
        (Engine, Opaque("Engine")),
        (datetime.datetime, Opaque("datetime")),
        (Options, Opaque("Options")),
        (Point, Record("Point", (RecordField("x", FLOAT), RecordField("y", FLOAT)))),
        (
            Labelled,
            Record("Labelled", (RecordField("label", INT), RecordField("scores", Tensor(DType.F32, (3,))))),
        ),
        (
            Payment,
            Record(
                "Payment",
                (
                    RecordField("user_id", STR),
                    RecordField("amount", FLOAT),
                    RecordField("country", Choice(("DE", "FR", "US"))),
                    RecordField("row", Tensor(DType.F32, (30,))),
                    RecordField("meta", Opaque("dict[str, Any]")),
                ),
            ),
        ),
        (Chain, Record("Chain", (RecordField("value", INT), RecordField("next", Optional(Opaque("Chain")))))),
    ],
    ids=str,
)
def test_an_annotation_becomes_a_type(annotation: object, expected: Type) -> None:
    assert ir_type(annotation) == expected


@pytest.mark.parametrize(
    ("annotation", "code", "message", "help"),
    [
        (Any, "E0211", "`Any` says nothing about the value", "name the type"),
        (Anything, "E0211", "`~Anything` is a type variable, not a type", "name the type"),
        (Iterator[int], "E0211", "is a stream, and only whole values cross edges", "return a list"),
        (AsyncIterator[int], "E0211", "is a stream", "return a list"),
        (Awaitable[int], "E0211", "is not the value but the waiting for it", "`async def`"),
        (
            NDArray[np.float32],
            "E0212",
            "`NDArray[np.float32]` does not say the shape of the array",
            "write `Annotated[NDArray[np.float32], f32(30)]` with the sizes of one example",
        ),
        (
            NDArray[np.str_],
            "E0212",
            "`NDArray[np.str_]` does not say",
            "`Annotated[NDArray[np.str_], string(30)]`",
        ),
        (np.ndarray, "E0212", "`ndarray` does not say", "f32(30)"),
        (np.int64, "E0212", "`np.int64` does not say", "`Annotated[NDArray[np.int64], i64()]`"),
        (list[NDArray[np.float32]], "E0212", "does not say the shape", "f32(30)"),
        (
            Annotated[NDArray[np.float64], f32(30)],
            "E0213",
            "`NDArray[np.float64]` and `f32(30)` are of different element types",
            "write `NDArray[np.float32]`, or `f64(30)`",
        ),
        (Annotated[float, f64()], "E0213", "`f64()` describes a NumPy array, and `float` is none", "np.float64"),
        (Annotated[NDArray[np.float32], f32(3), f32(4)], "E0213", "describe one array", "keep one"),
        ("Missing", "E0214", "`Missing` is not resolved", "top level"),
    ],
    ids=str,
)
def test_an_annotation_that_says_too_little_is_refused(
    annotation: object, code: str, message: str, help: str
) -> None:
    with pytest.raises(AnnotationError) as caught:
        ir_type(annotation)
    assert caught.value.code == code
    assert message in caught.value.message
    assert help in caught.value.help


def test_a_field_that_says_too_little_is_named() -> None:
    @dataclasses.dataclass
    class Image:
        pixels: NDArray[np.uint8]

    with pytest.raises(AnnotationError) as caught:
        ir_type(Image)
    assert (
        caught.value.message
        == "field `pixels` of `Image`: `NDArray[np.uint8]` does not say the shape of the array"
    )


def test_a_contract_holds_parameters_defaults_and_result() -> None:
    async def profile(user_id: str, rate: float = 0.5, *, deep: bool = False) -> Row | None: ...

    found = contract(profile)
    assert found.is_async
    assert found.returns == Optional(Tensor(DType.F32, (30,)))
    assert [(p.name, p.type, p.required, p.keyword_only) for p in found.parameters] == [
        ("user_id", STR, True, False),
        ("rate", FLOAT, False, False),
        ("deep", Scalar("bool"), False, True),
    ]
    rate = found.parameter("rate")
    assert rate is not None
    assert rate.default == 0.5


def test_a_class_has_the_contract_of_its_call() -> None:
    assert contract(Point).returns == ir_type(Point)
    assert [(p.name, p.type, p.required) for p in contract(Point).parameters] == [
        ("x", FLOAT, True),
        ("y", FLOAT, False),
    ]
    assert [p.type for p in contract(Labelled).parameters] == [INT, Tensor(DType.F32, (3,))]
    payment = contract(Payment)
    assert [(p.name, p.required) for p in payment.parameters][3:] == [("row", True), ("meta", False)]
    assert payment.parameters[3].type == Tensor(DType.F32, (30,))
    assert all(p.keyword_only for p in payment.parameters)


def test_a_partial_and_a_wrapped_function_keep_their_annotations() -> None:
    def scaled(value: float, by: float) -> float:
        return value * by

    assert [p.name for p in contract(functools.partial(scaled, by=2.0)).parameters] == ["value", "by"]

    @functools.wraps(scaled)
    def wrapper(*arguments: float) -> float:
        return scaled(*arguments)

    assert [p.type for p in contract(wrapper).parameters] == [FLOAT, FLOAT]


def test_every_mistake_of_a_signature_is_told_with_its_parameter() -> None:
    def broken(row: NDArray[np.float32], other: Any, *rest: int, **more: int): ...  # type: ignore[no-untyped-def]

    with pytest.raises(AnnotationError) as caught:
        contract(broken)
    first = caught.value
    assert [(e.code, e.parameter) for e in (first, *first.others)] == [
        ("E0212", "row"),
        ("E0211", "other"),
        ("E0215", "rest"),
        ("E0215", "more"),
        ("E0210", "return"),
    ]
    assert first.message.startswith("parameter `row` of `")
    assert first.others[3].message.startswith("the result of `")
    assert "`*rest` takes any number of arguments" in first.others[1].message


def test_a_positional_only_parameter_is_refused() -> None:
    def before(x: float, /) -> float:
        return x

    with pytest.raises(AnnotationError, match="stands before `/`"):
        contract(before)


def test_a_built_in_without_annotations_is_refused() -> None:
    with pytest.raises(AnnotationError) as caught:
        contract(math.sqrt)
    assert caught.value.code == "E0210"


def module(tmp_path: Path, text: str) -> ModuleType:
    found = ModuleType("written")
    file = tmp_path / "written.py"
    file.write_text(text)
    exec(compile(text, str(file), "exec"), found.__dict__)
    return found


FUTURE = """
from __future__ import annotations
from typing import Annotated, TYPE_CHECKING
import numpy as np
from numpy.typing import NDArray
from dagc.dsl.tensors import f32
if TYPE_CHECKING:
    from somewhere import Profile
Row = Annotated[NDArray[np.float32], f32(30)]
def good(row: Row, other: Annotated[NDArray[np.float32], f32(2)] | None) -> list[Row]: ...
def bad(row: Row, known: Profile, size: f32(3).nothing) -> Missing: ...
"""


def test_postponed_annotations_are_evaluated_in_their_module(tmp_path: Path) -> None:
    found = contract(module(tmp_path, FUTURE).good)
    assert [p.type for p in found.parameters] == [Tensor(DType.F32, (30,)), Optional(Tensor(DType.F32, (2,)))]
    assert found.returns == ListOf(Tensor(DType.F32, (30,)))


def test_names_that_do_not_resolve_are_told(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError) as caught:
        contract(module(tmp_path, FUTURE).bad)
    every = (caught.value, *caught.value.others)
    assert [(e.code, e.parameter) for e in every] == [("E0214", "known"), ("E0214", "size"), ("E0214", "return")]
    assert "`Profile` names `Profile`, which is not defined in the module" in every[0].message
    assert "`if TYPE_CHECKING:`" in every[0].help
    assert "cannot be evaluated" in every[1].message


def test_one_pydantic_record_is_the_whole_body() -> None:
    def fraud(payment: Annotated[Payment, Field(description="what to decide")]) -> float:
        raise NotImplementedError

    adapter, body = request_adapter(contract(fraud))
    assert body == "payment"
    request = {"user_id": "u", "amount": 1, "country": "DE", "row": [0.5] * 30}
    payment = adapter.validate_python(request)
    assert isinstance(payment, Payment)
    assert payment.row.dtype == np.float32
    assert "Payment" in str(adapter.json_schema())


def test_other_parameters_are_members_of_the_body() -> None:
    def score(row: Row, rate: float = 0.5, *, country: Country = Country.FR) -> float:
        raise NotImplementedError

    adapter, body = request_adapter(contract(score))
    assert body is None
    arguments = adapter.validate_python({"row": [1.0] * 30, "country": "DE"})
    assert isinstance(arguments, dict)
    assert arguments["rate"] == 0.5
    assert arguments["country"] is Country.DE
    np.testing.assert_array_equal(arguments["row"], np.ones(30, np.float32))
    schema = adapter.json_schema()
    assert schema["required"] == ["row"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["rate"]["default"] == 0.5


def test_missing_and_further_members_are_named() -> None:
    def add(a: float, b: float) -> float:
        raise NotImplementedError

    adapter, _ = request_adapter(contract(add))
    with pytest.raises(ValidationError) as caught:
        adapter.validate_json('{"a": 1, "c": 2}')
    assert [(e["loc"], e["type"]) for e in caught.value.errors()] == [
        (("b",), "missing"),
        (("c",), "extra_forbidden"),
    ]
    with pytest.raises(ValidationError, match="finite"):
        adapter.validate_json('{"a": 1, "b": NaN}')


def test_a_dataclass_and_a_pydantic_default_are_members() -> None:
    def near(point: Point, payment: Payment | None = None) -> float:
        raise NotImplementedError

    adapter, body = request_adapter(contract(near))
    assert body is None
    arguments = adapter.validate_python({"point": {"x": 1, "y": 2}})
    assert arguments == {"point": Point(1, 2), "payment": None}


def test_parameter_names_that_pydantic_models_reserve_are_members_too() -> None:
    def odd(json: int, model_config: int, _hidden: int, copy: int = 3) -> int:
        raise NotImplementedError

    adapter, _ = request_adapter(contract(odd))
    given = {"json": 1, "model_config": 2, "_hidden": 4}
    assert adapter.validate_python(given) == {**given, "copy": 3}


def test_a_result_is_written_as_json() -> None:
    def both(x: float) -> tuple[Row, Labelled]:
        raise NotImplementedError

    result = (np.full(30, 0.1, np.float32), Labelled(1, np.array([0.25, 0.5, 0.25], np.float32)))
    written = response_adapter(contract(both)).dump_python(result, mode="json")
    assert written == [[0.1] * 30, [1, [0.25, 0.5, 0.25]]]


@pytest.mark.parametrize("adapt", [request_adapter, response_adapter])
def test_what_has_no_json_form_is_refused_with_its_parameter(adapt: Callable[[Contract], object]) -> None:
    def run(engine: Engine) -> Engine:
        raise NotImplementedError

    with pytest.raises(AnnotationError) as caught:
        adapt(contract(run))
    assert caught.value.code == "E0216"
    assert caught.value.parameter in ("engine", "return")
    assert "`Engine` cannot be" in caught.value.message
    assert "pydantic model" in caught.value.help


@pytest.mark.parametrize("code", [code for code in codes() if "E0210" <= code <= "E0216"])
def test_the_bad_example_of_a_page_gives_its_code_and_the_good_one_nothing(folder: Path, code: str) -> None:
    for heading, expected in (("Bad", [code]), ("Good", [])):
        shown = re.search(rf"^## {heading}\n\n```python\n(.*?)^```", page(code), re.DOTALL | re.MULTILINE)
        assert shown is not None
        (folder / "graph.py").write_text(shown[1], encoding="utf-8")
        report = Report()
        load(folder / "graph.py", report)
        assert [diagnostic.code for diagnostic in report.diagnostics] == expected
