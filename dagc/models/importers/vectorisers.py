"""`CountVectorizer`, `TfidfVectorizer` and `TfidfTransformer` for ONNX, which count what scikit-learn counts.

skl2onnx takes words of ASCII letters only, also those of a single letter, and weighs `sublinear_tf` otherwise.
Words are cut out first and lowered then: a lowered text no longer tells where a word ended.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, cast

import numpy as np

from dagc.models.importers.forests import Container, Operator, Scope
from dagc.models.importers.lowering import LOCALE
from dagc.models.importers.retype import BOOL, DOUBLE, INT64, STRING
from dagc.models.importers.texts import Vectoriser, pattern, stop_words, terms

_MARKS = ("\x02", "\x03")
"""What `Tokenizer` puts before and behind each text."""

_FILLER = "."
"""Stands for a text without any sign."""

Converter = Callable[[Scope, Operator, Container], None]


class Weighting(Protocol):
    """A fitted `TfidfTransformer`, or a `TfidfVectorizer`."""

    norm: str | None
    use_idf: bool
    sublinear_tf: bool
    idf_: "np.ndarray[tuple[int], np.dtype[np.float64]]"


def register_texts(element: int) -> None:
    """Tell skl2onnx to use the converters of this file, with results of that element type."""
    from skl2onnx import update_registered_converter
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

    made = DoubleTensorType if element == DOUBLE else FloatTensorType

    def shape(operator: Operator) -> None:
        """Declare as many columns as the vectoriser has terms."""
        operator.outputs[0].type = made([None, _columns(operator.raw_operator)])  # type: ignore[attr-defined]

    def counted(scope: Scope, operator: Operator, container: Container) -> None:
        """Write how often each term occurs."""
        writer = _Writer(scope, container, element)
        writer.counts(operator, operator.outputs[0].full_name)

    def weighed(scope: Scope, operator: Operator, container: Container) -> None:
        """Write the weights of counts that are given."""
        writer = _Writer(scope, container, element)
        given = writer.node("Cast", operator.inputs[0].full_name, to=element)
        writer.weights(operator, given, operator.outputs[0].full_name)

    def both(scope: Scope, operator: Operator, container: Container) -> None:
        """Write counts and their weights."""
        writer = _Writer(scope, container, element)
        writer.weights(operator, writer.counts(operator), operator.outputs[0].full_name)

    kinds: Mapping[type, Converter] = {CountVectorizer: counted, TfidfTransformer: weighed, TfidfVectorizer: both}
    for text_kind, convert in kinds.items():
        update_registered_converter(text_kind, f"Exact{text_kind.__name__}", shape, convert)


def _columns(part: object) -> int:
    vocabulary: dict[str, int] | None = getattr(part, "vocabulary_", None)
    return max(vocabulary.values()) + 1 if vocabulary else int(getattr(part, "n_features_in_", 0))


class _Writer:
    def __init__(self, scope: Scope, container: Container, element: int) -> None:
        self.scope = scope
        self.container = container
        self.element = element

    def node(
        self, operator: str, *inputs: str, to_name: str | None = None, op_domain: str = "", **attributes: object
    ) -> str:
        """A node with one output; the output's name."""
        made = to_name or self.scope.get_unique_variable_name(operator.lower())
        name = self.scope.get_unique_operator_name(operator)
        self.container.add_node(operator, list(inputs), made, op_domain=op_domain, name=name, **attributes)
        return made

    def whole(self, *numbers: int) -> str:
        """A constant vector of integers."""
        made = self.scope.get_unique_variable_name("shape")
        self.container.add_initializer(made, INT64, [len(numbers)], list(numbers))
        return made

    def text(self, content: str) -> str:
        """A constant line of one text."""
        made = self.scope.get_unique_variable_name("text")
        self.container.add_initializer(made, STRING, [1], [content.encode()])
        return made

    def numbers(self, *numbers: float) -> str:
        """A constant vector of the element type."""
        made = self.scope.get_unique_variable_name("numbers")
        self.container.add_initializer(made, self.element, [len(numbers)], list(numbers))
        return made

    def counts(self, operator: Operator, to_name: str | None = None) -> str:
        """How often each term is in each text, or whether."""
        vectoriser = cast("Vectoriser", operator.raw_operator)
        words = self._words(vectoriser, operator.inputs[0].full_name)
        numbers: dict[str, int] = {}
        if vectoriser.ngram_range[1] > 1 and stop_words(vectoriser):
            numbers = {word: place for place, word in enumerate(_words_of(vectoriser), start=1)}
            words = self._without_stop_words(vectoriser, words, numbers)
        counted = self.node("TfIdfVectorizer", words, to_name=None, op_domain="", **_pool(vectoriser, numbers))
        return self.node("Cast", counted, to_name=to_name, to=self.element)

    def _words(self, vectoriser: Vectoriser, text: str) -> str:
        """The words of each text, `[texts, most words of one]`, and its first sign: no row is without any.

        `StringNormalizer` does not take no words at all.
        """
        given = self.node("Reshape", text, self.whole(-1))
        empty = self.node(
            "LabelEncoder", given, op_domain="ai.onnx.ml", keys_strings=[""], values_int64s=[1], default_int64=0
        )
        line = self.node("Where", self.node("Cast", empty, to=BOOL), self.text(_FILLER), given)
        words = self.node(
            "Tokenizer", line, op_domain="com.microsoft", op_version=1, mark=1, mincharnum=1,
            pad_value=_padding(vectoriser), tokenexp=rf"{pattern(vectoriser)}|\A(?s:.)",
        )  # fmt: skip
        if not vectoriser.lowercase:
            return words
        all_words = self.node("Reshape", words, self.whole(-1))
        lowered = self.node("StringNormalizer", all_words, case_change_action="LOWER", locale=LOCALE)
        shape = self.node("Concat", self.node("Shape", line), self.whole(-1), axis=0)
        return self.node("Reshape", lowered, shape)

    def _without_stop_words(self, vectoriser: Vectoriser, words: str, numbers: Mapping[str, int]) -> str:
        """The words as numbers, those left out replaced by what follows them, zeros behind.

        Every kept word goes to the place its own count among the kept gives. The mark before a text is not kept,
        so place 0 is free for all zeros.
        """
        dropped = [*sorted(stop_words(vectoriser)), *_MARKS, _padding(vectoriser)]
        found = self.node(
            "LabelEncoder", words, op_domain="ai.onnx.ml", keys_strings=[*numbers, *dropped],
            values_int64s=[*numbers.values(), *[0] * len(dropped)], default_int64=len(numbers) + 1,
        )  # fmt: skip
        kept = self.node("Min", found, self.whole(1))
        places = self.node("Mul", kept, self.node("CumSum", kept, self.whole(1)))
        return self.node("ScatterElements", self.node("Sub", found, found), places, found, axis=1)

    def weights(self, operator: Operator, counts: str, to_name: str) -> None:
        """Counts by the logarithm, the rarity of each term and the length of each text, as they are asked for."""
        weighting = cast("Weighting", operator.raw_operator)
        found = counts
        if weighting.sublinear_tf:
            found = self._logarithms(found)
        if weighting.use_idf:
            found = self.node("Mul", found, self.numbers(*np.asarray(weighting.idf_, np.float64).tolist()))
        if weighting.norm is not None:
            length = self.node(f"Reduce{weighting.norm.upper()}", found, axes=[1], keepdims=1)
            some = self.node("Greater", length, self.numbers(0.0))
            found = self.node("Div", found, self.node("Where", some, length, self.numbers(1.0)))
        self.node("Identity", found, to_name=to_name)

    def _logarithms(self, counts: str) -> str:
        """1 + log(count) of what is there."""
        one, zero = self.numbers(1.0), self.numbers(0.0)
        there = self.node("Greater", counts, zero)
        logarithm = self.node("Log", self.node("Where", there, counts, one))
        return self.node("Where", there, self.node("Add", logarithm, one), zero)


def _words_of(vectoriser: Vectoriser) -> list[str]:
    return sorted({word for term in terms(vectoriser) for word in term})


def _padding(vectoriser: Vectoriser) -> str:
    """What stands behind the words of the shorter texts: no word of any term, and the same when it is lowered."""
    known = _words_of(vectoriser)
    padding = "#"
    while padding in known:
        padding += "#"
    return padding


def _pool(vectoriser: Vectoriser, numbers: Mapping[str, int]) -> Mapping[str, object]:
    """The vocabulary as `TfIdfVectorizer` keeps it: terms of one word first, then of two; words, or numbers."""
    known = sorted(terms(vectoriser).items(), key=lambda item: (len(item[0]), item[1]))
    words = [word for term, _ in known for word in term]
    sizes = [len(term) for term, _ in known]
    starts = np.cumsum([0, *(length * sizes.count(length) for length in range(1, max(sizes)))])
    kept = {"pool_int64s": [numbers[word] for word in words]} if numbers else {"pool_strings": words}
    return {
        **kept,
        "mode": "IDF" if vectoriser.binary else "TF",
        "min_gram_length": min(sizes),
        "max_gram_length": max(sizes),
        "max_skip_count": 0,
        "ngram_counts": starts.tolist(),
        "ngram_indexes": [place for _, place in known],
        "weights": [1.0] * len(known),
    }
