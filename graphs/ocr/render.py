"""Render pages of text and store what rapidocr reads in some of them: `python render.py` (needs its dev packages).

The font is the one inside Pillow's wheel, so the same versions give the same bytes everywhere.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

WHITE, BLACK, BLUE, CREAM = (255, 255, 255), (0, 0, 0), (20, 40, 120), (250, 244, 226)
STORED = ("invoice", "sign", "blank", "upside_down")


@dataclass(frozen=True)
class Text:
    """Words with the top left corner of the first, and their height in pixels."""

    x: int
    y: int
    words: str
    height: int = 28


def sheet(
    width: int, height: int, texts: Sequence[Text], *, ink: Colour = BLACK, paper: Colour = WHITE
) -> Image.Image:
    """A page with texts on it."""
    page = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(page)
    for text in texts:
        draw.text((text.x, text.y), text.words, font=ImageFont.load_default(text.height), fill=ink)
    return page


def rows(*words: str, x: int = 30, height: int = 26) -> list[Text]:
    """Lines below each other."""
    return [Text(x, 30 + 2 * height * at, line, height) for at, line in enumerate(words)]


def turned(page: Image.Image, degrees: float) -> Image.Image:
    """The page photographed askew."""
    return page.rotate(degrees, resample=Image.Resampling.BICUBIC, fillcolor=WHITE)


def invoice() -> Image.Image:
    """Words on the left, numbers on the right."""
    items = (("Espresso machine", "1,249.00"), ("Delivery", "18.50"), ("Total EUR", "1,267.50"))
    left = [Text(40, 100 + 75 * at, name) for at, (name, _) in enumerate(items)]
    right = [Text(460, 100 + 75 * at, price) for at, (_, price) in enumerate(items)]
    frame = [Text(40, 30, "INVOICE 2026-0173"), Text(40, 340, "Payable within 14 days")]
    return sheet(640, 420, [*frame, *left, *right])


def table() -> Image.Image:
    """Four by four numbers."""
    cells = [(row, column) for row in range(4) for column in range(4)]
    texts = [Text(40 + 160 * c, 40 + 60 * r, f"{(r + 1) * (c + 3) * 1.25:.2f}", 26) for r, c in cells]
    return sheet(700, 300, texts)


def letter() -> Image.Image:
    """A few lines of prose."""
    words = (
        "Dear Dr. Chen,",
        "thank you for your letter of 3 May.",
        "The samples arrived in good order",
        "A. Novak",
    )
    return sheet(760, 280, rows(*words))


def dense() -> Image.Image:
    """Sixteen lines of nearly one width."""
    return sheet(
        620, 720, rows(*(f"row {at:02d}  value {at * 37 % 101:03d}  checked" for at in range(16)), height=20)
    )


def terminal() -> Image.Image:
    """Light on dark."""
    words = rows("$ make test", "1,204 passed in 61.3 s", "$ git push", height=28)
    return sheet(520, 230, words, ink=(80, 250, 120), paper=(12, 12, 16))


def columns() -> Image.Image:
    """Lines that stand beside each other."""
    right = rows("Right one", "Right two", "Right three", x=500)
    return sheet(900, 220, [*rows("Left one", "Left two", "Left three"), *right])


PAGES: dict[str, Callable[[], Image.Image]] = {
    "invoice": invoice,
    "sign": lambda: sheet(420, 200, [Text(40, 60, "PLATFORM 9", 60)], ink=WHITE, paper=BLUE),
    "blank": lambda: sheet(320, 240, []),
    "grey": lambda: Image.new("L", (300, 300), 128),
    "upside_down": lambda: sheet(600, 160, [Text(40, 50, "This side up, please", 44)]).rotate(180),
    "letter": letter,
    "poem": lambda: sheet(860, 180, rows("Shall I compare thee to a summer's day?", "Thou art more lovely")),
    "dense": dense,
    "serial": lambda: sheet(520, 140, [Text(30, 40, "SN 4F7K-2290-XQ81", 40)]),
    "terminal": terminal,
    "menu": lambda: sheet(480, 250, rows("Menu", "Tomato soup 6.20", "Plum cake 4.90"), ink=BLUE, paper=CREAM),
    "tilted": lambda: turned(sheet(640, 300, rows("A slightly tilted line", "and one below", x=80, height=40)), 4),
    "steep": lambda: turned(sheet(640, 640, [Text(120, 290, "Diagonal text here", 44)]), 35),
    "sideways": lambda: sheet(560, 160, [Text(30, 50, "Spine of a book", 50)]).transpose(
        Image.Transpose.ROTATE_90
    ),
    "banner": lambda: sheet(1400, 90, [Text(40, 20, "Departures  Arrivals  Tickets  Lost property", 48)]),
    "ribbon": lambda: sheet(300, 28, [Text(6, 4, "small ribbon of text", 18)]),
    "poster": lambda: sheet(2400, 1500, rows("OPEN AIR", "12 to 14 June", x=200, height=220), ink=(180, 20, 30)),
    "huge_type": lambda: sheet(900, 420, [Text(40, 60, "EXIT", 300)]),
    "footnote": lambda: sheet(800, 600, [Text(60, 540, "1. See the appendix for the full table.", 18)]),
    "table": table,
    "columns": columns,
    "addresses": lambda: sheet(560, 200, rows("anna@example.org", "https://example.org/a?b=1", "+49 (0)30 123")),
    "mixed_sizes": lambda: sheet(700, 320, [Text(40, 30, "Headline", 80), Text(40, 180, "with a line below", 24)]),
    "faint": lambda: sheet(520, 160, rows("barely visible words"), ink=(150, 150, 150), paper=(190, 190, 190)),
    "scan": lambda: sheet(560, 160, rows("A scan has one channel", "instead of three")).convert("L"),
    "edge": lambda: sheet(420, 120, [Text(0, 2, "touches the edge"), Text(250, 84, "and the corner")]),
}
"""Pages by name, each made when it is asked for."""


def png(page: Image.Image) -> bytes:
    """The page as a file."""
    buffer = BytesIO()
    page.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def main() -> None:
    """Write `requests/*.json` with rapidocr's own answers."""
    from rapidocr_onnxruntime import RapidOCR

    engine = RapidOCR()
    for name in STORED:
        image = png(PAGES[name]())
        result, _ = engine(image)
        answer = [{"text": text, "score": score, "box": box} for box, text, score in result or ()]
        case = {"request": {"image": b64encode(image).decode()}, "response": {"lines": answer}, "tolerance": 1e-3}
        file = Path(__file__).parent / "requests" / f"{name}.json"
        file.write_text(json.dumps(case, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
