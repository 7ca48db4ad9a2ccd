"""A sheet of terminal cells: words, frames, and wires that join where they are one and pass where they are not."""

from dagc.pictures.lettering import columns, visible

UP, RIGHT, DOWN, LEFT = 1, 2, 4, 8

_CROSSING = -1

_STROKES = {
    UP: "│", DOWN: "│", UP | DOWN: "│", LEFT: "─", RIGHT: "─", LEFT | RIGHT: "─",
    UP | RIGHT: "╰", UP | LEFT: "╯", DOWN | RIGHT: "╭", DOWN | LEFT: "╮",
    UP | DOWN | RIGHT: "├", UP | DOWN | LEFT: "┤", LEFT | RIGHT | DOWN: "┬", LEFT | RIGHT | UP: "┴",
    UP | DOWN | LEFT | RIGHT: "┼",
}  # fmt: skip


class Canvas:
    """Cells by column and line; what is drawn later covers what was there."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], str] = {}
        self._wires: dict[tuple[int, int], tuple[int, int]] = {}

    def write(self, x: int, y: int, text: str) -> None:
        """Put text on a line; a wide letter takes two cells, a combining one none."""
        last = x
        for letter in visible(text):
            taken = columns(letter)
            if not taken:
                self._cells[last, y] = self._cells.get((last, y), "") + letter
                continue
            last = x
            self._cells[x, y] = letter
            if taken == 2:
                self._cells[x + 1, y] = ""
            x += taken

    def stroke(self, wire: int, x: int, y: int, arms: int) -> None:
        """Add arms to a wire's cell. Where two wires meet, the upright one passes over the other."""
        owner, before = self._wires.get((x, y), (wire, 0))
        if owner == wire:
            self._wires[x, y] = (wire, before | arms)
        else:
            self._wires[x, y] = (_CROSSING, UP | DOWN)
        arms = self._wires[x, y][1]
        self._cells[x, y] = _STROKES[arms]

    def upright(self, wire: int, x: int, y: int, bottom: int) -> None:
        """A vertical piece of a wire, `bottom` excluded."""
        for line in range(y, bottom):
            self.stroke(wire, x, line, UP | DOWN)

    def frame(self, place: tuple[int, int, int, int], strokes: str) -> None:
        """A filled border at (x, y, width, height); `strokes` are the corners clockwise, horizontal, vertical."""
        x, y, width, height = place
        first, second, third, fourth, across, down = tuple(strokes)
        self.write(x, y, first + across * (width - 2) + second)
        for line in range(y + 1, y + height - 1):
            self.write(x, line, down + " " * (width - 2) + down)
        self.write(x, y + height - 1, fourth + across * (width - 2) + third)

    def lines(self) -> list[str]:
        """All lines, without blanks at their ends."""
        width = max((x for x, _ in self._cells), default=-1) + 1
        height = max((y for _, y in self._cells), default=-1) + 1
        return ["".join(self._cells.get((x, y), " ") for x in range(width)).rstrip() for y in range(height)]
