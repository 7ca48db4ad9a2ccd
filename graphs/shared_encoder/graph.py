"""What a text is: one heavy encoder, three small heads, an endpoint for each of them and one for all."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import f32, i32

Text = Annotated[str, Field(min_length=200, max_length=100_000)]
Bytes = Annotated[NDArray[np.int32], i32(2048)]
Embedding = Annotated[NDArray[np.float32], f32(512)]
Share = Annotated[NDArray[np.float32], f32(1)]

HALF = 1024
NO_BYTE = 256


class Language(NamedTuple):
    """What the head for languages returns, in alphabetical order of them."""

    label: str
    probabilities: Annotated[NDArray[np.float32], f32(8)]


class Family(NamedTuple):
    """What the head for families returns."""

    label: str
    probabilities: Annotated[NDArray[np.float32], f32(3)]


class Description(BaseModel):
    """All three heads' words."""

    language: Literal["csv", "html", "ini", "json", "markdown", "python", "shell", "sql"]
    family: Literal["code", "data", "markup"]
    digits: float


encoder = dagc.onnx("models/encoder.onnx")
language_head = dagc.onnx("models/language.onnx", returns=Language, reload=True)
family_head = dagc.onnx("models/family.onnx", returns=Family, reload=True)
digits_head = dagc.onnx("models/digits.onnx", reload=True)


def first_and_last(text: str) -> Bytes:
    """The first and the last 1,024 bytes without the blanks around them; 256 is no byte."""
    stripped = text.encode().strip()
    found = np.full(2 * HALF, NO_BYTE, np.int32)
    first = np.frombuffer(stripped[:HALF], np.uint8)
    last = np.frombuffer(stripped[-HALF:], np.uint8)
    found[: len(first)] = first
    found[2 * HALF - len(last) :] = last
    return found


@dagc.step
def ends(text: str) -> Bytes:
    """What the encoder reads of a text."""
    return first_and_last(text)


@dagc.step
def describe(language: str, family: str, digits: Share) -> Description:
    """One record of three answers."""
    return Description.model_validate({"language": language, "family": family, "digits": float(digits[0])})


@dagc.graph(version="1.0.0")
def language(text: Text) -> str:
    """The language a text is written in."""
    return language_head(encoder(ends(text))).label


@dagc.graph(version="1.0.0")
def family(text: Text) -> str:
    """Whether a text is code, data or markup."""
    return family_head(encoder(ends(text))).label


@dagc.graph(version="1.0.0")
def digits(text: Text) -> Share:
    """The share of digits in a text, as a forest guesses it."""
    return digits_head(encoder(ends(text)))


@dagc.graph(version="1.0.0")
def described(text: Text) -> Description:
    """All of it."""
    embedding = encoder(ends(text))
    return describe(language_head(embedding).label, family_head(embedding).label, digits_head(embedding))
