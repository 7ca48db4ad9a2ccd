"""Words of texts in rows as long as the longest of the batch: counted they are proven, else refused."""

import numpy as np
import pytest
from onnx import parser

from dagc.models.rowwise import mixing
from tests.models.rows.apart import assert_rows_stay_apart

pytestmark = pytest.mark.ort

_HEADER = '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>'
_CUT = 'com.microsoft.Tokenizer<mark = {mark}, mincharnum = 1, pad_value = "{padding}", tokenexp = "[a-z]+">'
_COUNT = (
    'TfIdfVectorizer<mode = "TF", min_gram_length = 1, max_gram_length = 2, max_skip_count = {skip},'
    ' ngram_counts = [0, 3], ngram_indexes = [0, 1, 2, 3], pool_strings = ["one", "two", "#", "one", "two"]>'
)
_LINE = "line = Constant<value = int64[1] {-1}>() "
_SHAPE = "size = Shape(x) shape = Concat<axis = 0>(size, line) "


def model(
    body: str, inputs: str = "string[N] x", outputs: str = "float y", padding: str = "~", skip: int = 0
) -> bytes:
    text = body.replace("CUT", _CUT.format(mark=1, padding=padding)).replace("COUNT", _COUNT.format(skip=skip))
    proto = parser.parse_model(f"{_HEADER} agraph ({inputs}) => ({outputs}) {{ {text} }}")
    content: bytes = proto.SerializeToString()
    return content


_LOWER = 'StringNormalizer<case_change_action = "LOWER", locale = "C.UTF-8">'
COUNTED = {
    "counted": model("w = CUT(x) y = COUNT(w)"),
    "skipping words": model("w = CUT(x) y = COUNT(w)", skip=3),
    "flattened": model("w = CUT(x) f = Flatten(w) i = Identity(f) y = COUNT(i)"),
    "one column": model("w = CUT(x) f = Flatten(w) y = COUNT(f)", "string[N,1] x"),
    "lowered word by word": model(
        f"{_LINE}{_SHAPE}w = CUT(x) f = Reshape(w, line) l = {_LOWER}(f) r = Reshape(l, shape) y = COUNT(r)"
    ),
    "lowered before": model(f"l = {_LOWER}(x) w = CUT(l) y = COUNT(w)"),
}

READ = {
    "words": model("y = CUT(x)", outputs="string y"),
    "their number": model("w = CUT(x) y = Shape(w)", outputs="int64 y"),
    "padding that is a term": model("w = CUT(x) y = COUNT(w)", padding="#"),
    "padding that is lowered to a term": model(
        f"{_LINE}{_SHAPE}w = CUT(x) f = Reshape(w, line) l = {_LOWER}(f) r = Reshape(l, shape) y = COUNT(r)",
        padding="ONE",
    ),
    "two texts behind each other": model("w = CUT(x) f = Flatten(w) y = COUNT(f)", "string[N,2] x"),
    "all in one line": model(f"{_LINE}w = CUT(x) f = Reshape(w, line) y = COUNT(f)"),
    "words dropped": model(
        f'{_LINE}w = CUT(x) f = Reshape(w, line) s = StringNormalizer<stopwords = ["one"]>(f) y = COUNT(s)'
    ),
    "the last word": model(
        "i = Constant<value = int64 {-1}>() w = CUT(x) y = Gather<axis = 1>(w, i)", outputs="string y"
    ),
}


def texts(name: str) -> dict[str, np.ndarray]:
    """Of unequal length; no words at all are too few for `StringNormalizer`."""
    words = np.random.default_rng(0).choice(["one", "two", "three", "ONE ", "#"], (5, 9))
    lines = [" ".join(row[:length]) for row, length in zip(words, (9, 0, 1, 4, 7), strict=True)]
    array = np.array([line or "three" for line in lines] if "word by word" in name else lines, object)
    return {"x": array[:, np.newaxis] if "column" in name else array}


@pytest.mark.parametrize("name", COUNTED)
def test_counted_words_are_proven_apart_and_are(name: str) -> None:
    assert mixing(COUNTED[name]) is None
    assert_rows_stay_apart(COUNTED[name], given=texts(name))


@pytest.mark.parametrize("name", READ)
def test_what_reads_padding_is_refused(name: str) -> None:
    assert "`com.microsoft.Tokenizer` giving" in str(mixing(READ[name]))


def test_a_line_of_texts_without_stop_words_only_is_proven() -> None:
    dropped = model('y = StringNormalizer<stopwords = ["one"]>(x)', outputs="string y")
    assert "drops texts" in str(mixing(dropped))
    single = model(f"y = {_LOWER}(x)", "string[N,1] x", "string y")
    assert "takes a single row" in str(mixing(single))
