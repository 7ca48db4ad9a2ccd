"""The colours of pictures: one palette for light paper and one for dark.

Every ink has a contrast of at least 4.5 to 1 on its own fill (WCAG 2.2, 1.4.3), in both; a test computes it.
"""

from typing import NamedTuple

from dagc.pictures.diagram import Kind


class Paint(NamedTuple):
    """Fill and outline of one kind of box."""

    fill: str
    line: str


class Palette(NamedTuple):
    """The colours of one paper."""

    paper: str
    ink: str
    faint: str
    wire: str
    frame: Paint
    chip: Paint
    kinds: dict[Kind, Paint]


LIGHT = Palette(
    paper="#ffffff",
    ink="#18212c",
    faint="#566374",
    wire="#8794a5",
    frame=Paint("#f6f8fb", "#c4cdd8"),
    chip=Paint("#ffffff", "#9bb7ee"),
    kinds={
        "input": Paint("#eef1f5", "#8895a6"),
        "step": Paint("#fff3dc", "#d79a35"),
        "waits": Paint("#ffe8e0", "#de6b43"),
        "model": Paint("#e6f0fd", "#4a86d8"),
        "fused": Paint("#d7e4fd", "#2a5bc8"),
        "expression": Paint("#e2f4ed", "#3f9f80"),
        "choice": Paint("#fae8f2", "#c0568f"),
        "mixed": Paint("#eeeaf8", "#8b75c2"),
        "output": Paint("#eef1f5", "#8895a6"),
    },
)
DARK = Palette(
    paper="#10171f",
    ink="#e8edf3",
    faint="#a3b0be",
    wire="#6f7f91",
    frame=Paint("#151f2a", "#3a4858"),
    chip=Paint("#0f2143", "#5f8fe0"),
    kinds={
        "input": Paint("#1f2a36", "#7d8c9d"),
        "step": Paint("#34270d", "#c98f2e"),
        "waits": Paint("#3b1d12", "#e0714a"),
        "model": Paint("#12294a", "#5a97ea"),
        "fused": Paint("#14336b", "#7fb0ff"),
        "expression": Paint("#10302a", "#46ac8b"),
        "choice": Paint("#3a1730", "#d873b0"),
        "mixed": Paint("#28213f", "#a08adb"),
        "output": Paint("#1f2a36", "#7d8c9d"),
    },
)
