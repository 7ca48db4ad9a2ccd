r"""Strings that match a regular expression, for the common subset that JSON schemas use.

Literals, classes, `.`, `\d \w \s`, groups, alternatives and quantifiers; the caller checks the result with `re`.
"""

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass

_CLASSES = {"d": string.digits, "w": string.ascii_letters + string.digits + "_", "s": " "}
_ANYTHING = string.ascii_letters + string.digits
_MOST_REPEATS = 4


class UnsupportedPatternError(ValueError):
    """The expression uses something outside the subset."""


def matching(pattern: str, rng: random.Random) -> str:
    """A string drawn for the pattern, anchored or not.

    Raises:
        UnsupportedPatternError: look-around, back references, negated classes and the like.
    """
    reader = _Reader(pattern)
    text = reader.alternatives(rng)
    if reader.at < len(pattern):
        raise UnsupportedPatternError(pattern)
    return text


@dataclass(slots=True)
class _Reader:
    """A recursive descent over the pattern that draws while it reads."""

    pattern: str
    at: int = 0

    def alternatives(self, rng: random.Random) -> str:
        """A text of one of the ways that `|` separates."""
        options = [self.sequence(rng)]
        while self.next_is("|"):
            options.append(self.sequence(rng))
        return rng.choice(options)

    def sequence(self, rng: random.Random) -> str:
        """A text of pieces, one after the other."""
        return "".join(self.pieces(rng))

    def pieces(self, rng: random.Random) -> Iterator[str]:
        """Each atom as often as its quantifier lets it stand."""
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            start = self.at
            once = self.atom(rng)
            least, most = self.quantifier()
            if (least, most) == (1, 1):
                yield once
                continue
            after = self.at
            for _ in range(rng.randint(least, most)):
                self.at = start
                yield self.atom(rng)
            self.at = after

    def atom(self, rng: random.Random) -> str:
        """A character, a member of a class, or a group."""
        char = self.take()
        if char in "^$":
            return ""
        if char == "(":
            return self.group(rng)
        if char == "[":
            return rng.choice(self.members())
        if char == ".":
            return rng.choice(_ANYTHING)
        if char == "\\":
            return rng.choice(self.escaped())
        if char in "*+?{":
            raise UnsupportedPatternError(self.pattern)
        return char

    def group(self, rng: random.Random) -> str:
        """A text of what stands in parentheses."""
        if self.next_is("?") and not self.next_is(":"):
            raise UnsupportedPatternError(self.pattern)
        text = self.alternatives(rng)
        if not self.next_is(")"):
            raise UnsupportedPatternError(self.pattern)
        return text

    def members(self) -> str:
        """The characters between `[` and `]`."""
        if self.next_is("^"):
            raise UnsupportedPatternError(self.pattern)
        found = ""
        while not self.next_is("]"):
            char = self.take()
            one = self.escaped() if char == "\\" else char
            ranged = self.pattern[self.at : self.at + 1] == "-" and self.pattern[self.at + 1 : self.at + 2] != "]"
            if ranged and len(one) == 1:
                self.at += 1
                found += "".join(map(chr, range(ord(one), ord(self.take()) + 1)))
            else:
                found += one
        return found

    def escaped(self) -> str:
        """The characters that stand for an escape: a class, or the character itself."""
        char = self.take()
        if char in _CLASSES:
            return _CLASSES[char]
        if char.isalnum():
            raise UnsupportedPatternError(self.pattern)
        return char

    def quantifier(self) -> tuple[int, int]:
        """How often the atom before may stand: least and most."""
        if self.next_is("?"):
            return 0, 1
        if self.next_is("*"):
            return 0, _MOST_REPEATS
        if self.next_is("+"):
            return 1, _MOST_REPEATS
        if not self.next_is("{"):
            return 1, 1
        end = self.pattern.find("}", self.at)
        least, comma, most = self.pattern[self.at : end].partition(",")
        self.at = end + 1
        if end < 0 or not least.isdigit() or (most and not most.isdigit()):
            raise UnsupportedPatternError(self.pattern)
        if not comma:
            return int(least), int(least)
        return int(least), int(most) if most else int(least) + _MOST_REPEATS

    def take(self) -> str:
        """The next character; the pattern may not end here."""
        if self.at >= len(self.pattern):
            raise UnsupportedPatternError(self.pattern)
        self.at += 1
        return self.pattern[self.at - 1]

    def next_is(self, char: str) -> bool:
        """Whether this character comes next; it is taken then."""
        found = self.pattern[self.at : self.at + 1] == char
        self.at += found
        return found
