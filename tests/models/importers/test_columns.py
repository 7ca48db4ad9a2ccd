"""Column transformers: words and numbers by place or by name, computed in float64 where Python floats come in."""

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from dagc.models.importers.order import Column, ImportFailure
from dagc.models.rowwise import mixing
from tests.models.importers.converted import convert, run, told_apart, told_apart_on

pytestmark = [pytest.mark.ort, pytest.mark.filterwarnings("ignore")]

DIAMONDS = Path(__file__).parents[3] / "graphs" / "tabular" / "diamonds.csv"
NUMBERS = ("carat", "depth", "table", "x", "y", "z")
WORDS = ("cut", "color", "clarity")
COLUMNS = (*(Column(name, "f64", (1,)) for name in NUMBERS), *(Column(name, "str", (1,)) for name in WORDS))


def stones() -> tuple[np.ndarray, list[str]]:
    with DIAMONDS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = np.array([[float(r[n]) for n in NUMBERS] + [r[w] for w in WORDS] for r in rows], dtype=object)
    return table, ["dear" if float(row["price"]) > 2_500 else "cheap" for row in rows]


def fed(table: np.ndarray) -> dict[str, np.ndarray]:
    return {
        column.name: table[:, [place]].astype(object if column.dtype == "str" else np.float64)
        for place, column in enumerate(COLUMNS)
    }


def pipeline(classifier: object) -> Pipeline:
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), list(range(6))),
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), [6, 7]),
            ("order", OrdinalEncoder(), slice(8, 9)),
        ]
    )
    return make_pipeline(columns, classifier)


@pytest.mark.parametrize(
    "classifier",
    [
        GradientBoostingClassifier(n_estimators=30, max_depth=4, random_state=0),
        RandomForestClassifier(20, random_state=0),
        LogisticRegression(max_iter=500),
    ],
    ids=["boosted", "forest", "linear"],
)
def test_a_table_of_words_and_numbers_gets_every_label_right(classifier: object) -> None:
    """Scaled in float32, one row in a hundred falls on the other side of a split."""
    table, prices = stones()
    estimator = pipeline(classifier).fit(table[:3000], prices[:3000])
    made = convert(estimator, COLUMNS)
    assert told_apart(made) == ()
    assert told_apart_on(made, estimator, table, fed(table)) == ()
    assert mixing(made.model) is None


def test_seeded_rows_hold_known_and_unknown_words_and_missing_numbers() -> None:
    table, prices = stones()
    made = convert(pipeline(LogisticRegression(max_iter=500)).fit(table, prices), COLUMNS)
    assert set(made.rows["cut"].ravel()) > {"Fair", "Good", "Ideal", "Premium", "Very Good"}
    assert set(made.rows["clarity"].ravel()) == set(table[:, 8])
    assert np.isnan(made.rows["carat"]).any()
    assert np.nanmin(made.rows["depth"]) > 40 and np.nanmax(made.rows["depth"]) < 80


def test_a_literal_limits_the_rows_to_its_choices() -> None:
    table, prices = stones()
    estimator = pipeline(LogisticRegression(max_iter=500)).fit(table, prices)
    columns = (*COLUMNS[:-1], Column("clarity", "str", (1,), ("IF", "I1")))
    assert set(convert(estimator, columns).rows["clarity"].ravel()) == {"IF", "I1"}


def test_a_choice_the_encoder_does_not_know_is_told() -> None:
    table, prices = stones()
    estimator = pipeline(LogisticRegression(max_iter=500)).fit(table, prices)
    with pytest.raises(ImportFailure, match="unknown categories") as caught:
        convert(estimator, (*COLUMNS[:-1], Column("clarity", "str", (1,), ("IF", "best"))))
    assert caught.value.code == "E0427"


def test_whole_numbers_reach_scalers_in_float64_and_encoders_as_they_are() -> None:
    random = np.random.default_rng(0)
    table = np.stack([random.integers(18, 90, 400), random.integers(1, 5, 400)], axis=1)
    columns = ColumnTransformer(
        [("age", StandardScaler(), [0]), ("grade", OneHotEncoder(sparse_output=False), [1])]
    )
    estimator = make_pipeline(columns, RandomForestClassifier(10, random_state=0)).fit(table, table[:, 0] % 3)
    made = convert(estimator, (Column("age", "i64", (1,)), Column("grade", "i64", (1,))))
    assert told_apart(made) == ()
    assert told_apart_on(made, estimator, table, {"age": table[:, [0]], "grade": table[:, [1]]}) == ()


def test_truth_values_are_numbers() -> None:
    random = np.random.default_rng(0)
    table = np.stack([random.random(200), random.integers(0, 2, 200)], axis=1)
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(table, table[:, 1])
    made = convert(estimator, (Column("amount", "f64", (1,)), Column("new", "bool", (1,))))
    assert told_apart(made) == ()
    assert run(made, {"amount": np.array([[0.5]]), "new": np.array([[True]])})["label"].tolist() == [1]


class TestFrames:
    """Estimators fitted with a data frame, which know the names of their columns."""

    @pytest.fixture(autouse=True)
    def pandas(self) -> None:
        self.pd = pytest.importorskip("pandas", reason="pandas is not among the project's own requirements")

    def fitted(self) -> tuple[Pipeline, object, np.ndarray]:
        table, prices = stones()
        frame = self.pd.DataFrame({c.name: fed(table)[c.name].ravel() for c in COLUMNS})
        columns = ColumnTransformer(
            [
                ("numbers", StandardScaler(), list(NUMBERS)),
                ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(WORDS)),
            ]
        )
        return make_pipeline(columns, RandomForestClassifier(10, random_state=0)).fit(frame, prices), frame, table

    def test_columns_are_taken_by_name_in_any_order_and_others_left_out(self) -> None:
        estimator, frame, table = self.fitted()
        shuffled = (Column("user", "str", (1,)), *reversed(COLUMNS))
        made = convert(estimator, shuffled)
        assert [column.name for column in made.columns] == [column.name for column in COLUMNS]
        assert told_apart(made) == ()
        assert told_apart_on(made, estimator, frame, fed(table)) == ()

    def test_a_missing_column_is_told_with_the_nearest_name(self) -> None:
        estimator = self.fitted()[0]
        columns = tuple(Column("karat", "f64", (1,)) if c.name == "carat" else c for c in COLUMNS)
        with pytest.raises(ImportFailure, match="fitted with a column `carat`") as caught:
            convert(estimator, columns)
        assert caught.value.help == "did you mean `karat`?"

    def test_without_names_it_is_told_which_are_needed(self) -> None:
        with pytest.raises(ImportFailure, match="picks columns by name") as caught:
            convert(self.fitted()[0])
        assert "`carat`, `depth`" in caught.value.notes[0]

    def test_one_matrix_serves_an_estimator_that_reads_all_columns_alike(self) -> None:
        table = stones()[0][:, :6].astype(np.float64)
        frame = self.pd.DataFrame(table, columns=list(NUMBERS))
        estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, table[:, 0] > 1)
        made = convert(estimator)
        assert told_apart(made) == ()
        assert told_apart_on(made, estimator, frame, {"x": table.astype(np.float32)}) == ()
