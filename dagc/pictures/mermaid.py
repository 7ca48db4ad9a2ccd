"""Pictures as mermaid flowcharts, for Markdown that draws them: the same boxes, kinds and colours as the SVG.

Ids are numbers and every text is quoted with entities, so that no name a user chose is read as syntax.
"""

import re
from collections.abc import Iterator, Sequence

from dagc.pictures.diagram import WORDS, Box, Diagram, Kind, Panel, Picture, kinds_of
from dagc.pictures.lettering import fitted, plain
from dagc.pictures.palette import LIGHT

_LONGEST = 60  # characters of one line in a box
_SHAPES: dict[Kind, tuple[str, str]] = {
    "input": ("([", "])"), "output": ("([", "])"), "expression": ("([", "])"),
    "step": ("[", "]"), "waits": ("[", "]"), "model": ("[", "]"), "fused": ("[[", "]]"), "mixed": ("[[", "]]"),
    "choice": ("{{", "}}"),
}  # fmt: skip
_EXTRA: dict[Kind, str] = {"waits": ",stroke-dasharray:5 3", "fused": ",stroke-width:3px"}
_UNSAFE = re.compile(r"[^\w ,.:+=/()\[\]?×·…-]|^[-+](?= )|(?<=\d)\.(?= )")  # the last two would begin a list


def mermaid(pictures: Sequence[Picture]) -> str:
    """One flowchart: a subgraph for every stage of every picture, an arrow with the sentence between the two."""
    lines, diagrams = ["flowchart LR"], []
    for row, picture in enumerate(pictures):
        for at, panel in enumerate(picture.panels):
            lines += _Chart(panel, f"p{row}s{at}").lines(f"{picture.title}, {panel.heading}")
            diagrams.append(panel.diagram)
        if len(picture.panels) > 1:
            lines.append(f'  p{row}s0 ==>|"{quoted(picture.sentence)}"| p{row}s1')
    lines += [f"  {_style(kind)}" for kind in kinds_of(diagrams)]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """The text for use between quotation marks, every character that might mean something as an entity."""
    return _UNSAFE.sub(lambda found: f"#{ord(found[0])};", plain(text))


class _Chart:
    """One stage; `prefix` keeps its ids apart from those of the others."""

    def __init__(self, panel: Panel, prefix: str) -> None:
        self._diagram: Diagram = panel.diagram
        self._prefix = prefix
        self._boxes = {box.id: box for box in panel.diagram.boxes}
        self._groups = {group.id: group for group in panel.diagram.groups}
        self._ids = {id_: f"{prefix}n{at}" for at, id_ in enumerate((*self._boxes, *self._groups))}

    def lines(self, heading: str) -> Iterator[str]:
        """The subgraph with its boxes, frames and edges."""
        parents = self._diagram.parents()
        yield f'  subgraph {self._prefix}["{quoted(heading)}"]'
        yield "    direction TB"
        yield from self._members([id_ for id_ in self._ids if id_ not in parents], "    ")
        for edge in self._diagram.edges:
            label = f'|"{quoted(edge.label)}"|' if edge.label else ""
            yield f"    {self._ids[edge.source]} -->{label} {self._ids[edge.target]}"
        yield "  end"

    def _members(self, members: Sequence[str], indent: str) -> Iterator[str]:
        for member in members:
            if member in self._boxes:
                box = self._boxes[member]
                before, behind = _SHAPES[box.kind]
                yield f'{indent}{self._ids[member]}{before}"{_words(box)}"{behind}:::{box.kind}'
                continue
            yield f'{indent}subgraph {self._ids[member]}["{quoted(self._groups[member].title)}"]'
            yield from self._members(self._groups[member].members, f"{indent}  ")
            yield f"{indent}end"


def _words(box: Box) -> str:
    said = f"{WORDS[box.kind][0]} · {box.place}" if box.place and box.kind != "expression" else ""
    lines = (box.title, " + ".join(box.parts), said, *box.lines)
    return "<br/>".join(quoted(fitted(line, _LONGEST, len)) for line in lines if line)


def _style(kind: Kind) -> str:
    paint = LIGHT.kinds[kind]
    return f"classDef {kind} fill:{paint.fill},stroke:{paint.line},color:{LIGHT.ink}{_EXTRA.get(kind, '')}"
