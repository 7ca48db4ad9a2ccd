"""The style sheet of SVG pictures: plain rules, light by default and dark where the reader prefers it."""

from dagc.pictures.palette import DARK, LIGHT, Palette


def _rules(palette: Palette) -> list[str]:
    return [
        f".paper{{fill:{palette.paper}}}",
        f"text{{fill:{palette.ink}}}",
        f".print{{fill:{palette.faint}}}",
        f".wire{{stroke:{palette.wire}}}",
        f".tip{{fill:{palette.wire}}}",
        f".frame{{fill:{palette.frame.fill};stroke:{palette.frame.line}}}",
        f".chip{{fill:{palette.chip.fill};stroke:{palette.chip.line}}}",
        *(f".{kind}{{fill:{paint.fill};stroke:{paint.line}}}" for kind, paint in palette.kinds.items()),
    ]


STYLE = "\n".join(
    [
        'text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}',
        "text{font-size:11px}",
        ".title{font-size:14px;font-weight:600}",
        ".heading{font-size:13px;font-weight:600}",
        ".name{font-size:20px;font-weight:600}",
        ".wire{fill:none;stroke-width:1.5}",
        ".arrow{stroke-width:2.5}",
        ".box{stroke-width:1.25}",
        ".fused{stroke-width:2.25}",
        ".waits{stroke-dasharray:5 3}",
        ".frame{stroke-width:1.25}",
        *_rules(LIGHT),
        "@media (prefers-color-scheme:dark){",
        *_rules(DARK),
        "}",
    ]
)
"""The style sheet of every picture."""
