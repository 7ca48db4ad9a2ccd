"""Diagrams and graphs for pictures: written by hand where a sentence needs one, drawn at random for laws."""

from collections.abc import Sequence

from hypothesis import strategies as st

from dagc.diagnostics import Span
from dagc.ir.graph import Each, Graph, Node, NodeName, Value, ValueId
from dagc.ir.ops import CallStep, Field, ModelKey, RunModel
from dagc.ir.types import ListOf, Record, RecordField, Scalar, Tensor
from dagc.passes.pipeline import run
from dagc.pictures.diagram import Box, Diagram, Edge, Group, Kind, Panel, Picture
from dagc.pictures.picture import picture_of_both
from tests.sample_graphs import F32, Sample

HOSTILE = (
    "end", 'a"b', "<script>alert(1)</script>", "x-->y", "`code`", "1. list", "- item", "#35;", "%%{init: {}}%%",
    "subgraph x", "a;b", "back\\slash", "&amp;", "ünï", "日本語モデル", "\x1b[31mred", "\u202ertl", "\ud800",
    "[[x]]", "{y}", "|z|", 'click n0 "javascript:1"', "**bold**", "]]>", "~~~", ":::cls", "<br/>", '"];x["',
    "\x00nul", "a\nb", "\ufffe", "🧪" * 30, "W" * 400, "مرحبا", "e\u0301" * 9, "--", "",
)  # fmt: skip
"""Names that mean something to XML, to mermaid, to Markdown or to a terminal, and some that are just large."""


def picture_of(sample: Sample) -> Picture:
    """The sample before and after all passes."""
    return picture_of_both(sample.graph, optimised(sample), sample.graph.name)


def optimised(sample: Sample) -> Graph:
    return run(sample.graph, sample.store).graph


def panel_picture(diagram: Diagram) -> Picture:
    return Picture(diagram.title, (Panel("before: as written", diagram),))


def hostile_picture() -> Picture:
    """Every hostile name as a title, a line, a part, a label and a frame's title; the picture's own words too."""
    boxes = tuple(Box(f"b{i}", "model", name, name, (name,), (name, "part")) for i, name in enumerate(HOSTILE))
    edges = tuple(Edge(f"b{i}", f"b{i + 4}", name) for i, name in enumerate(HOSTILE[:-4]))
    frames = tuple(Group(f"g{i}", name, (f"b{i}",)) for i, name in enumerate(HOSTILE))
    diagram = Diagram("hostile", boxes, edges, frames)
    return Picture('"<end>', (Panel("\x1b[0m", diagram), Panel('after "end"', diagram)), '3 "sessions" -> 1; end')


def linked(edges: str, kinds: dict[str, Kind] | None = None, groups: Sequence[Group] = ()) -> Diagram:
    """A diagram from `a>b b>c`; boxes are models unless `kinds` says otherwise."""
    pairs = [pair.split(">") for pair in edges.split()]
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    boxes = tuple(Box(name, (kinds or {}).get(name, "model"), name) for name in names)
    return Diagram("linked", boxes, tuple(Edge(a, b, "f32[]") for a, b in pairs), tuple(groups))


def crops() -> Graph:
    """`for each`: crops of a page, one model and one step for each, with a threshold captured from outside."""
    image, text, page = (
        Tensor(F32, (8,)),
        Tensor(F32, (4,)),
        Record("Page", (RecordField("limit", Scalar("float")),)),
    )

    def span(line: int) -> tuple[Span, ...]:
        return (Span("graph.py", line, 5, line, 9),)

    def value(name: str, type_: object) -> Value:
        return Value(ValueId(name), type_)  # type: ignore[arg-type]

    def node(name: str, op: object, inputs: str, type_: object, line: int) -> Node:
        given = tuple(ValueId(i) for i in inputs.split())
        return Node(NodeName(name), op, given, (value(name, type_),), span(line))  # type: ignore[arg-type]

    body = Graph(
        "body",
        (value("crop", image), value("least", Scalar("float"))),
        (
            node("read", RunModel(ModelKey("a" * 64), ("x",), ("y",), ("recognise",)), "crop", text, 6),
            node(
                "keep",
                CallStep("graph", "keep", ("text", "least"), (text, Scalar("float"))),
                "read least",
                text,
                7,
            ),
        ),
        (ValueId("keep"),),
        text,
        span(5)[0],
    )
    return Graph(
        "crops",
        (value("page", page),),
        (
            node("limit", Field("limit"), "page", Scalar("float"), 3),
            node("cut", CallStep("graph", "cut", ("page",), (page,), True), "page", ListOf(image), 4),
            node("texts", Each(body, 64), "cut limit", ListOf(text), 5),
            node("join", CallStep("graph", "join", ("texts",), (ListOf(text),)), "texts", Scalar("str"), 8),
        ),
        (ValueId("join"),),
        Scalar("str"),
        span(2)[0],
    )


@st.composite
def diagrams(draw: st.DrawFn, most: int = 60) -> Diagram:
    """A random diagram: boxes feed later ones, some with long titles, and frames hold neighbouring boxes."""
    count = draw(st.integers(2, most))
    kinds: tuple[Kind, ...] = ("step", "waits", "model", "fused", "expression")
    words = st.sampled_from(["x", "encoder", "a long title of a box " * 3, "日本語", *HOSTILE])
    boxes = [Box("b0", "input", "row")]
    edges: list[Edge] = []
    for at in range(1, count):
        kind = draw(st.sampled_from(kinds))
        parts = tuple(draw(st.lists(words, max_size=20))) if kind == "fused" else ()
        boxes.append(Box(f"b{at}", kind, draw(words), "graph.py:1", (), parts))
        for _ in range(draw(st.integers(0, 3))):
            source = draw(st.integers(max(0, at - 8), at - 1))
            edges.append(
                Edge(f"b{source}", f"b{at}", draw(st.sampled_from(["", "f32[]", "probabilities f32[30]"])))
            )
    read = {edge.source for edge in edges}
    boxes.append(Box("answer", "output", "answer"))
    edges += [Edge(box.id, "answer", "i64[]") for box in boxes[:-1] if box.id not in read][:5]
    groups = _frames(boxes) if draw(st.booleans()) else ()
    return Diagram("random", tuple(boxes), tuple(dict.fromkeys(edges)), groups)


def _frames(boxes: Sequence[Box]) -> tuple[Group, ...]:
    """A service around all that runs, and a frame in it around one box."""
    inner = tuple(box.id for box in boxes if box.kind not in ("input", "output"))
    if len(inner) < 2:
        return ()
    return (Group("service", "service random", ("region", *inner[1:])), Group("region", "for each", inner[:1]))
