"""Vectorisers cut, lower and count as scikit-learn does, alone or before others, whatever a text holds."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dagc.models.importers.made import Made
from dagc.models.importers.order import Column, ImportFailure
from dagc.models.rowwise import mixing
from dagc.models.signature import read_signature
from tests.models.importers.converted import convert, run, told_apart, told_apart_on
from tests.models.importers.reviews import CLASSIFIERS, REGRESSOR, TEXTS, TOPICS, VECTORISERS, WORDS
from tests.models.importers.zoo import named

pytestmark = [pytest.mark.ort, pytest.mark.filterwarnings("ignore")]

HARD = [
    "",
    " ",
    "?!",
    "i",
    "İnvoice crashes",  # lowered, it is two words and a dot between them
    "cİnvoİce InvoİCE",
    "STRASSE straße STRAßE",
    "NAÏVE café CAFE\u0301",
    "KINVOICE \u212aard",
    "loginΣ ΟΔΟΣ the",
    "x² ½ that_other",
    "crash-crash.crash crash_crash\tcrash\ncrash",
    "日本語 हिन्दी مرحبا 😀 crash😀crash",
    "# ## invoice # #",
    "\x02 invoice \x03 crash",
    "the the invoice the the crash the",
]


def fed(texts: list[str]) -> dict[str, np.ndarray]:
    return {"text": np.array(texts, object)[:, np.newaxis]}


def assert_each_alone_is_as_in_the_batch(made: Made, texts: list[str]) -> None:
    together = run(made, fed(texts))
    for row, text in enumerate(texts):
        for name, found in run(made, fed([text])).items():
            if found.dtype.kind == "f":
                np.testing.assert_allclose(found[0], together[name][row], rtol=1e-5, atol=1e-6)
            else:
                assert found[0] == together[name][row]


@pytest.mark.parametrize("vectoriser", VECTORISERS, ids=named)
def test_a_vectoriser_counts_alike(vectoriser: BaseEstimator) -> None:
    fitted = clone(vectoriser).fit(TEXTS)
    made = convert(fitted)
    assert told_apart(made) == ()
    assert told_apart_on(made, fitted, [*TEXTS, *HARD], fed([*TEXTS, *HARD])) == ()
    assert_each_alone_is_as_in_the_batch(made, [*TEXTS[:3], *HARD])


@pytest.mark.parametrize("labels", [TOPICS, TOPICS > 0, WORDS], ids=["three", "two", "words"])
@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=named)
def test_what_follows_a_vectoriser_answers_alike(classifier: BaseEstimator, labels: np.ndarray) -> None:
    fitted = make_pipeline(TfidfVectorizer(), clone(classifier)).fit(TEXTS, labels)
    made = convert(fitted)
    assert told_apart(made) == ()
    assert told_apart_on(made, fitted, HARD, fed(HARD)) == ()
    assert mixing(made.model) is None, "requests share its runs"


def test_a_regressor_of_texts_answers_alike() -> None:
    fitted = make_pipeline(CountVectorizer(), REGRESSOR).fit(TEXTS, TOPICS)
    assert told_apart(convert(fitted)) == ()


def test_a_pipeline_that_begins_with_a_vectoriser_has_one_input_of_text() -> None:
    search = GridSearchCV(make_pipeline(TfidfVectorizer(), LogisticRegression()), {}, cv=2).fit(TEXTS, TOPICS)
    (port,) = read_signature(convert(search).model).inputs
    assert (port.name, str(port.type)) == ("text", "str[N, 1]")
    (port,) = read_signature(convert(search, (Column("body", "str", (1,)),)).model).inputs
    assert port.name == "body"


def test_seeded_texts_are_of_known_and_unknown_words_and_one_is_empty() -> None:
    vectoriser = CountVectorizer(ngram_range=(1, 2)).fit(TEXTS)
    made = convert(vectoriser)
    texts = made.rows["text"].ravel().tolist()
    assert {"", " ", "?!"} <= set(texts)
    counts = made.answers["transformed"]
    assert (counts.sum(axis=0) > 0).all(), "every term of so small a vocabulary is in some text"
    assert any("İ" in text for text in texts) and any("日本語" in text for text in texts)


def test_rows_are_proven_apart_unless_stop_words_move_words() -> None:
    assert mixing(convert(CountVectorizer(ngram_range=(1, 2)).fit(TEXTS)).model) is None
    moved = CountVectorizer(ngram_range=(1, 2), stop_words=["the"]).fit(TEXTS)
    assert "pads texts to the longest of the batch" in str(mixing(convert(moved).model))


@pytest.mark.parametrize(
    "classifier", [LogisticRegression(), RandomForestClassifier(10, random_state=0)], ids=["linear", "forest"]
)
def test_a_column_of_texts_beside_numbers_answers_alike(classifier: BaseEstimator) -> None:
    table = np.array([[text, float(place)] for place, text in enumerate(TEXTS)], object)
    columns = ColumnTransformer([("words", TfidfVectorizer(), 0), ("age", StandardScaler(), [1])])
    fitted = make_pipeline(columns, clone(classifier)).fit(table, TOPICS)
    made = convert(fitted, (Column("text", "str", (1,)), Column("age", "f64", (1,))))
    assert told_apart(made) == ()
    rows = {"text": table[:, [0]], "age": table[:, [1]].astype(np.float64)}
    assert told_apart_on(made, fitted, table, rows) == ()
    assert mixing(made.model) is None


def test_a_column_of_texts_is_taken_by_name() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not among the project's own requirements")
    frame = pandas.DataFrame({"age": np.arange(18.0), "text": TEXTS})
    columns = ColumnTransformer([("words", TfidfVectorizer(), "text"), ("age", StandardScaler(), ["age"])])
    fitted = make_pipeline(columns, LogisticRegression()).fit(frame, TOPICS)
    made = convert(fitted, (Column("text", "str", (1,)), Column("age", "f64", (1,))))
    assert told_apart(made) == ()


@pytest.mark.parametrize(
    ("vectoriser", "words"),
    [
        (CountVectorizer(analyzer="char"), "its `analyzer` is `'char'`"),
        (CountVectorizer(analyzer="char_wb"), "its `analyzer` is `'char_wb'`"),
        (TfidfVectorizer(analyzer=str.split), "its `analyzer` is `split`"),
        (TfidfVectorizer(tokenizer=str.split), "its `tokenizer` is `split`"),
        (TfidfVectorizer(preprocessor=str.upper), "its `preprocessor` is `upper`"),
        (TfidfVectorizer(strip_accents="unicode"), "its `strip_accents` is `'unicode'`"),
        (HashingVectorizer(n_features=8), "it hashes words"),
        (CountVectorizer(token_pattern=r"(\w+)"), r"its `token_pattern` is `(\w+)`"),
        (CountVectorizer(token_pattern=r"\w+|\$"), r"its `token_pattern` is `\w+|\$`"),
        (CountVectorizer(token_pattern=r"\w{2,3}"), r"its `token_pattern` is `\w{2,3}`"),
        (CountVectorizer(token_pattern=r"\S+"), "`lowercase=True` makes them"),
        (CountVectorizer(token_pattern=r"\b[a-z]+\b", ngram_range=(1, 2)), "its terms are of several words"),
        (CountVectorizer(vocabulary=["new york", "york"]), "`vocabulary` holds `new york`, which no text gives"),
        (CountVectorizer(vocabulary=["the", "app"], stop_words="english"), "`vocabulary` holds `the`"),
        (CountVectorizer(vocabulary=["δρόμος"]), "its vocabulary has `ς`"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_onnx_cannot_do_as_scikit_learn_does_is_refused_by_name(
    vectoriser: BaseEstimator, words: str
) -> None:
    with pytest.raises(ImportFailure) as caught:
        convert(vectoriser.fit(TEXTS))
    assert caught.value.code == "E0424"
    assert type(vectoriser).__name__ in caught.value.message
    assert words in caught.value.notes[0]


def test_columns_that_are_no_text_are_refused() -> None:
    fitted = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, TOPICS)
    with pytest.raises(ImportFailure, match="reads one text, and `inputs=` declares `x`") as caught:
        convert(fitted, (Column("x", "f32", (3,)),))
    assert caught.value.code == "E0427"


def test_columns_must_be_named_where_one_of_them_is_text() -> None:
    table = np.array([[text, float(place)] for place, text in enumerate(TEXTS)], object)
    columns = ColumnTransformer([("words", TfidfVectorizer(), 0), ("age", StandardScaler(), [1])]).fit(table)
    with pytest.raises(ImportFailure, match="reads a column of texts, and `inputs=` does not say which"):
        convert(columns)
