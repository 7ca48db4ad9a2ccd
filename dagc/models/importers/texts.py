"""What reads texts in an estimator, and what of it ONNX cannot do: told before anything is converted."""

from collections.abc import Collection, Iterator
from typing import Protocol, cast

from dagc.models.importers.anatomy import kind, parts
from dagc.models.importers.lowering import lowered_otherwise
from dagc.models.importers.order import ImportFailure, Order
from dagc.models.importers.tokens import Pattern, UnknownPatternError, expression, parsed

_STEP = "do that in a step before the model, and fit the vectoriser with texts that went through it"


class Vectoriser(Protocol):
    """A fitted `CountVectorizer` or `TfidfVectorizer`."""

    vocabulary_: dict[str, int]
    ngram_range: tuple[int, int]
    token_pattern: str
    lowercase: bool
    binary: bool

    def get_stop_words(self) -> Collection[str] | None:
        """The words left out."""


def vectorisers(estimator: object) -> Iterator[object]:
    """The parts that read texts; what a search was made of is not fitted, and no part."""
    found = (part for part in parts(estimator) if hasattr(part, "build_analyzer"))
    return (part for part in found if hasattr(part, "vocabulary_") or not hasattr(part, "vocabulary"))


def reads_texts(estimator: object) -> bool:
    """Whether its input is one text: its first step is a vectoriser, or several of them side by side."""
    steps = getattr(estimator, "steps", None)
    if steps:
        return reads_texts(steps[0][1])
    side_by_side = getattr(estimator, "transformer_list", None)
    if side_by_side:
        return all(reads_texts(part) for _, part in side_by_side)
    best = getattr(estimator, "best_estimator_", None)
    return reads_texts(best) if best is not None else hasattr(estimator, "build_analyzer")


def check_texts(estimator: object, order: Order) -> None:
    """Nothing for an estimator whose vectorisers can be converted.

    Raises:
        ImportFailure: E0424 naming the setting that cannot.
    """
    for part in vectorisers(estimator):
        for reason, help in _complaints(part):
            message = f"the `{kind(part)}` that `{order.qualname}` returns cannot be converted to ONNX"
            raise ImportFailure("E0424", message, (reason,), help)


def terms(vectoriser: Vectoriser) -> dict[tuple[str, ...], int]:
    """The vocabulary by the words of each term."""
    longest = vectoriser.ngram_range[1]
    found = vectoriser.vocabulary_.items()
    return {(tuple(term.split(" ")) if longest > 1 else (term,)): int(place) for term, place in found}


def stop_words(vectoriser: Vectoriser) -> frozenset[str]:
    """The words that are left out before terms are made."""
    return frozenset(vectoriser.get_stop_words() or ())


def pattern(vectoriser: Vectoriser) -> str:
    """What ONNX's `Tokenizer` finds words by, in a text that is not yet lowered."""
    return expression(parsed(vectoriser.token_pattern), lowered=vectoriser.lowercase)


def _complaints(part: object) -> Iterator[tuple[str, str]]:
    if not hasattr(part, "vocabulary_"):
        yield "it hashes words, and ONNX has no such hash", "fit a `TfidfVectorizer(max_features=...)`"
        return
    for name, only in (("input", "content"), ("analyzer", "word")):
        value = getattr(part, name, only)
        if value != only:
            yield (
                f"its `{name}` is {_shown(value)}, and ONNX cuts texts into words",
                f"fit it with `{name}={only!r}`",
            )
    for name in ("preprocessor", "strip_accents", "tokenizer"):
        value = getattr(part, name, None)
        if value is not None:
            yield f"its `{name}` is {_shown(value)}, which ONNX cannot run", _STEP
    vectoriser = cast("Vectoriser", part)
    yield from _pattern_complaints(vectoriser)
    yield from _case_complaints(vectoriser)


def _pattern_complaints(vectoriser: Vectoriser) -> Iterator[tuple[str, str]]:
    plain = r"fit it with the default, `(?u)\b\w\w+\b`, or with one class of letters such as `[a-z]+`"
    named = f"its `token_pattern` is `{vectoriser.token_pattern}`"
    shortest, longest = vectoriser.ngram_range
    try:
        known = parsed(vectoriser.token_pattern)
        expression(known, lowered=vectoriser.lowercase)
    except UnknownPatternError as reason:
        yield f"{named}: {reason}", plain
        return
    if longest > 1 and (" " in known.letters or not known.cuts_all):
        yield f"{named}, and its terms are of several words", plain
    out = stop_words(vectoriser)
    strange = [t for t in terms(vectoriser) if out.intersection(t) or not _is_made(t, known, shortest, longest)]
    if strange:
        yield f"its `vocabulary` holds `{' '.join(strange[0])}`, which no text gives", "leave that out of it"


def _is_made(term: tuple[str, ...], known: Pattern, shortest: int, longest: int) -> bool:
    """Whether a term is of as many words as it counts, and its words of the letters that are cut out."""
    words = all(len(word) >= known.least and known.letters.issuperset(word) for word in term)
    short = known.most is None or all(len(word) <= known.most for word in term)
    return words and short and shortest <= len(term) <= longest


def _case_complaints(vectoriser: Vectoriser) -> Iterator[tuple[str, str]]:
    """Capital sigma becomes one of two letters; C and Python may know other letters."""
    if not vectoriser.lowercase:
        return
    used = set("".join((*vectoriser.vocabulary_, *stop_words(vectoriser))))
    wrong = sorted(used & ({"σ", "ς"} | lowered_otherwise()))
    if wrong:
        reason = f"its vocabulary has `{wrong[0]}`, which `lowercase=True` does not make in ONNX as in Python"
        yield reason, "lower the text in a step before the model, and fit with `lowercase=False`"


def _shown(value: object) -> str:
    return f"`{value!r}`" if isinstance(value, str) else f"`{getattr(value, '__name__', kind(value))}`"
