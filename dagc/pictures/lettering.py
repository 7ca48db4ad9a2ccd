"""Text as it can be drawn: harmless characters only, its width, and cut to a width with an ellipsis.

Widths are those of DejaVu Sans, the widest of the faces that stand behind `system-ui`, so other fonts leave room.
"""

import unicodedata
from collections.abc import Callable, Sequence

ELLIPSIS = "…"
_MOST_WORDS = 24  # more are never tried: they would not fit anyway
_BOLD = 1.15  # DejaVu Sans Bold against its regular face: 1.12 on average, letter by letter at most 1.2 of ours
_GREEK_OR_CYRILLIC, _SQUARE, _OTHER = 0.85, 1.05, 1.1

_WIDTHS = {
    letter: width
    for width, letters in {
        0.3: "'ijl", 0.35: " ,./:;\\|IJ·", 0.4: "()-[]f", 0.45: "!rt", 0.5: '"*_`', 0.55: "?csz", 0.6: "FLkvxy",
        0.65: "$0123456789EPSTYabdeghnopqu{}", 0.7: "ABCKRVXZ", 0.75: "NU", 0.8: "&DGHOQ",
        0.85: "#+<=>^w~×", 0.9: "M", 1.0: "%@Wm…→",
    }.items()
    for letter in letters
}  # fmt: skip

Measure = Callable[[str], float]


def plain(text: str) -> str:
    """The text on one line, single spaces between words, all of it visible."""
    return visible(" ".join(text.split()))


def visible(text: str) -> str:
    """The text with a mark for each character that is not visible (controls, bidi overrides, halves of pairs)."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide the text may become in pixels at a font size, guessed high."""
    return sum(_em(c) for c in text) * size * (_BOLD if bold else 1)


def is_measured(text: str) -> bool:
    """Whether the width of every letter is known well; the others may be wider than guessed in some font."""
    return all(_known(c) is not None for c in text)


def columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(_columns(c) for c in text)


def fitted(text: str, room: float, measure: Measure) -> str:
    """The text, or as much of its beginning as fits together with an ellipsis."""
    if measure(text) <= room:
        return text
    low, high = 0, len(text)
    while low < high:  # bisection: the longest beginning that fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle] + ELLIPSIS) <= room else (low, middle - 1)
    return text[:low].rstrip() + ELLIPSIS


def listed(words: Sequence[str], room: float, measure: Measure, joint: str = ", ") -> str:
    """As many of the words as fit, and how many more there are."""
    kept = min(len(words), _MOST_WORDS)
    while kept > 1 and measure(_with_rest(words, kept, joint)) > room:
        kept -= 1
    return fitted(_with_rest(words, kept, joint), room, measure)


def _with_rest(words: Sequence[str], kept: int, joint: str) -> str:
    rest = len(words) - kept
    return joint.join([*words[:kept], *([f"{rest} more"] if rest else [])])


def _em(letter: str) -> float:
    known = _known(letter)
    return _OTHER if known is None else known


def _known(letter: str) -> float | None:
    """The width of a letter in em: an accented one is as wide as without its accents, an East Asian one square."""
    base = unicodedata.normalize("NFD", letter)[0]
    if base in _WIDTHS:
        return _WIDTHS[base]
    if unicodedata.combining(letter):
        return 0.0
    if "\u0370" <= letter <= "\u052f":
        return _GREEK_OR_CYRILLIC
    is_square = unicodedata.east_asian_width(letter) in "WF" and unicodedata.category(letter)[0] == "L"
    return _SQUARE if is_square else None


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
