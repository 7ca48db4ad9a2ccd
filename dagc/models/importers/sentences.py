"""Seeded sentences on which a vectoriser's model is checked: its words, in all cases and between all signs."""

from collections.abc import Sequence
from typing import cast

import numpy as np

from dagc.models.importers.order import SEED
from dagc.models.importers.texts import Vectoriser, stop_words, terms

COUNT = 256
_LONGEST = 14
_MOST_WORDS = 4_000

_ALWAYS = ("", " ", "?!", "a b c", "0", "\u0130", "I", "_ __ ___")
_SIGNS = (
    " ",
    " ",
    " ",
    " ",
    " ",
    "  ",
    ", ",
    ". ",
    "! ",
    "-",
    "'",
    "\u2019",
    "\n",
    "\t",
    "/",
    "_",
    "\u00a0",
    "\u0301 ",
)
_OTHERS = (
    "a", "I", "é", "x", "7", "42", "3.14", "1st", "don't", "e-mail", "user@example.org", "never_seen", "zzyzx",
    "na\u00efve", "\u00c9COLE", "stra\u00dfe", "STRASSE", "\u0130stanbul", "\u039f\u0394\u039f\u03a3", "Привет",
    "日本語", "हिन्दी", "مرحبا", "😀", "\u212aelvin", "\u017fee", "e\u0301t\u00e9", "½", "x²", "#", "##",
)  # fmt: skip


def sentences(part: object) -> list[str]:
    """Texts of up to 14 words, the empty one among them."""
    vectoriser = cast("Vectoriser", part)
    random = np.random.default_rng(SEED)
    known = sorted({word for term in terms(vectoriser) for word in term} | stop_words(vectoriser))
    whole = sorted(" ".join(term) for term in terms(vectoriser))
    chosen = [words[place] for words in (known, whole) for place in random.permutation(len(words))[:_MOST_WORDS]]
    return [*_ALWAYS, *(_sentence(chosen, random) for _ in range(COUNT))]


def _sentence(known: Sequence[str], random: np.random.Generator) -> str:
    """Words of the vocabulary, one in five another, some repeated."""
    words: list[str] = []
    for _ in range(int(random.integers(1, _LONGEST))):
        pool = known if known and random.random() < 0.8 else _OTHERS
        word = str(words[-1]) if words and random.random() < 0.15 else pool[int(random.integers(len(pool)))]
        words.append(_cased(word, random))
    signs = random.integers(len(_SIGNS), size=len(words))
    return "".join(word + _SIGNS[sign] for word, sign in zip(words, signs, strict=True))


def _cased(word: str, random: np.random.Generator) -> str:
    cases = (word, word, word, word.upper(), word.title(), word.swapcase(), word.replace("i", "\u0130"))
    return cases[int(random.integers(len(cases)))]
