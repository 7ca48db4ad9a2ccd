r"""A vectoriser's `token_pattern` for ONNX's `Tokenizer`, such that it cuts texts as Python does.

Python's `\w` and `\b` know all of Unicode, those of RE2 only ASCII, and texts are cut before they are lowered:
classes are written out, letter by letter, as the letters that become one of the class.
"""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import cache

DOTTED = "\u0130"
"""The one letter that becomes two when it is lowered: `i` and a dot, which is no letter and ends the word."""

_DOT = "\u0307"
_SURROGATES = range(0xD800, 0xE000)
_ATOM = re.compile(r"(?P<set>\\[wdS]|\[(?:[^\]\\]|\\.)+\])(?P<count>\+|\{\d+(?:,\d*)?\})?")


class UnknownPatternError(Exception):
    """A pattern that is not followed; the text says why."""


@dataclass(frozen=True, slots=True)
class Pattern:
    r"""Runs of `letters`, at least `least` of them; between `\b` a run that is longer or goes on is no token."""

    letters: frozenset[str]
    least: int
    most: int | None
    bounded: bool

    @property
    def cuts_all(self) -> bool:
        """Whether every run of the letters that is long enough is a token."""
        return self.most is None and (not self.bounded or self.letters == letters_of(r"\w"))


def parsed(text: str) -> Pattern:
    r"""A pattern such as `\b\w\w+\b`, `[a-z]+` or `\b[a-z]{3,}\b`: one class, repeated.

    Raises:
        UnknownPatternError: for any other.
    """
    body = text.removeprefix("(?u)")
    bounded = (body.startswith(r"\b"), body.endswith(r"\b"))
    atoms = list(_atoms(body.removeprefix(r"\b").removesuffix(r"\b")))
    if len({letters for letters, _, _ in atoms}) != 1 or len(set(bounded)) != 1:
        raise UnknownPatternError("it is not one class of letters, repeated")
    longest = [most for _, _, most in atoms]
    most = None if None in longest else sum(filter(None, longest))
    found = Pattern(letters_of(atoms[0][0]), sum(least for _, least, _ in atoms), most, bounded[0])
    if (found.bounded and not found.letters <= letters_of(r"\w")) or (most is not None and not found.bounded):
        raise UnknownPatternError("where a token ends depends on more than its letters")
    return found


@cache
def expression(pattern: Pattern, *, lowered: bool) -> str:
    """The tokens as RE2 finds them in a text; in one that is yet to be `lowered`, those of the lowered text.

    Raises:
        UnknownPatternError: the tokens of the lowered text cannot be told before.
    """
    least = pattern.least
    letters = pattern.letters if pattern.cuts_all else letters_of(r"\w")
    if not lowered:
        return f"{_written(letters)}{{{least},}}"
    # Sigma becomes one of two letters by the words around it, a dotted I two at once.
    if ("σ" in letters) != ("ς" in letters) or _DOT in letters:
        raise UnknownPatternError("it takes marks or half of the sigmas, and `lowercase=True` makes them")
    before = _written({*(letters - _capitals()), *(letter for letter in _capitals() if letter.lower() in letters)})
    if "i" not in letters:
        return f"{before}{{{least},}}"
    start = f"{before}{{{least - 1}}}" if least > 1 else ""
    return f"{start}(?:{before}+{DOTTED}?|{DOTTED})"


@cache
def letters_of(text: str) -> frozenset[str]:
    """The characters that match a class, as Python sees them."""
    return frozenset(re.findall(text, _every()))


@cache
def _capitals() -> frozenset[str]:
    """The characters that are lowered to others."""
    return frozenset(letter for letter in _every() if letter.lower() != letter)


@cache
def _every() -> str:
    """All characters there are."""
    return "".join(chr(code) for code in range(0x110000) if code not in _SURROGATES)


def _atoms(body: str) -> Iterator[tuple[str, int, int | None]]:
    place = 0
    while place < len(body):
        found = _ATOM.match(body, place)
        if found is None:
            raise UnknownPatternError("it is not one class of letters, repeated")
        place = found.end()
        yield found["set"], *_counts(found["count"])


def _counts(text: str | None) -> tuple[int, int | None]:
    if text is None:
        return 1, 1
    if text == "+":
        return 1, None
    least, comma, most = text.strip("{}").partition(",")
    return int(least), int(most) if most else None if comma else int(least)


def _written(letters: Set[str]) -> str:
    """The class in ranges of code points."""
    codes = sorted(map(ord, letters))
    first = [code for code, before in zip(codes, [-2, *codes], strict=False) if code != before + 1]
    last = [code for code, after in zip(codes, [*codes[1:], -2], strict=True) if code != after - 1]
    ranges = (rf"\x{{{a:x}}}-\x{{{b:x}}}" for a, b in zip(first, last, strict=True))
    return f"[{''.join(ranges)}]"
