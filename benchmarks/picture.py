"""The picture beside the table: requests a second of each contestant, by work, as SVG.

In: the cells of P1 to P5.   Out: SVG text. Bars of one work share a scale; the longest is full.
"""

from __future__ import annotations

from html import escape

from benchmarks.http_rows import WORK
from benchmarks.judge import OURS
from benchmarks.results import Cell

WIDTH, LABEL, BAR, FIGURE = 760, 190, 440, 120
LINE, GAP = 20, 34
COLOURS = {OURS: "#b3261e", "the limit": "#9aa0a6"}
OTHER = "#5b7db1"


def svg(work: dict[str, dict[str, Cell]]) -> str:
    """One group of bars for each kind of work."""
    parts: list[str] = []
    y = 44
    for row, cells in work.items():
        parts.append(_text(10, y, f"{row}  {WORK[row]}", "head"))
        most = max((cell.rate for cell in cells.values()), default=1) or 1
        y += 10
        for name, cell in cells.items():
            parts += _bar(y, name, cell, cell.rate / most)
            y += LINE
        y += GAP
    height = y
    return "\n".join([_head(height), *parts, "</svg>", ""])


def _bar(y: int, name: str, cell: Cell, share: float) -> list[str]:
    colour = COLOURS.get(name, OTHER)
    length = max(1, round(BAR * share))
    told = f"{cell.rate:,.0f}/s"
    if cell.errors:
        told, length = "void", 1
    return [
        _text(LABEL - 8, y + 14, name, "name"),
        f'<rect x="{LABEL}" y="{y + 2}" width="{length}" height="{LINE - 5}" rx="2" '
        f'fill="{colour}"/>',
        _text(LABEL + length + 7, y + 14, told, "figure"),
    ]


def _text(x: int, y: int, text: str, kind: str) -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(text)}</text>'


def _head(height: int) -> str:
    title = "Requests per second (longer is better; each work has its own scale)"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-label="Requests per second of each contestant, by kind of work">\n'
        "<style>text{font:13px system-ui,sans-serif;fill:#202124}.head{font-weight:600}"
        ".name{text-anchor:end}.figure{fill:#5f6368}.title{font-size:15px;font-weight:600}</style>\n"
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n'
        + _text(10, 20, title, "title")
    )
