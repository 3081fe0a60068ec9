"""What came when: a column a year, a row a kind; in each cell how many, and the works that most others lean on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from auricle.landscape.pictures.canvas import FOOT, TOP, Canvas

LEFT, COLUMN, LINE, SHOWN, YEARS = 188, 168, 17, 6, 8


class Dated(NamedTuple):
    id: str
    name: str
    year: int | None
    lane: str
    weight: int  # how many relations it has: the heavier stand first


def timeline(works: Iterable[Dated], lanes: Sequence[tuple[str, str]], source: str) -> Canvas:
    """``lanes``: title and colour of each row, from above."""
    kept = [work for work in works if work.lane in dict(lanes)]
    dated = [work for work in kept if work.year is not None]
    last = max((work.year for work in dated if work.year), default=2026)
    first = max(min((work.year for work in dated if work.year), default=last), last - YEARS + 1)
    columns = list(range(first, last + 1))
    cells: dict[tuple[str, int], list[Dated]] = defaultdict(list)
    for work in dated:
        cells[work.lane, max(work.year or first, first)].append(work)
    lanes = [(lane, colour) for lane, colour in lanes if any(cells[lane, year] for year in columns)]
    heights = {lane: _height([cells[lane, year] for year in columns]) for lane, _ in lanes}
    height = int(TOP + 40 + sum(heights.values()) + FOOT)
    undated = len(kept) - len(dated)
    about = f"{len(dated)} works by year of publication; those with most relations are named" + (f"; {undated} undated" if undated else "")
    sheet = Canvas(LEFT + COLUMN * len(columns) + 40, height, title="Audio and language, year by year", subtitle=about, source=source)
    top = TOP + 28.0
    early = any((work.year or first) < first for work in dated)
    for i, year in enumerate(columns):
        x = LEFT + i * COLUMN
        sheet.text(x, top - 8, f"to {year}" if early and i == 0 else str(year), 15, bold=True)
    biggest = max((len(cell) for cell in cells.values()), default=1)
    for lane, colour in lanes:
        sheet.line(40, top, sheet.width - 40, top, colour="line")
        sheet.text(40, top + 24, lane, 14, bold=True, room=LEFT - 52)
        total = sum(len(cells[lane, year]) for year in columns)
        sheet.text(40, top + 42, f"{total}", 12, colour="dim")
        for i, year in enumerate(columns):
            if cells[lane, year]:
                _cell(sheet, LEFT + i * COLUMN, top, cells[lane, year], colour, biggest)
        top += heights[lane]
    return sheet


def _height(cells: Sequence[Sequence[Dated]]) -> float:
    most = max((min(len(cell), SHOWN) + (len(cell) > SHOWN) for cell in cells), default=0)
    return 46 + LINE * max(1, most)


def _cell(sheet: Canvas, x: float, top: float, works: list[Dated], colour: str, biggest: int) -> None:
    bar = max(4.0, (COLUMN - 48) * len(works) / biggest)
    sheet.rect(x, top + 13, bar, 8, colour=colour, round_=2, told=f"{len(works)} works")
    sheet.text(x + bar + 6, top + 21, str(len(works)), 12, colour="dim")
    ranked = sorted(works, key=lambda work: (-work.weight, work.name.lower()))
    for i, work in enumerate(ranked[:SHOWN]):
        sheet.text(x, top + 40 + i * LINE, work.name, 12, room=COLUMN - 14, to=work.id)
    if len(works) > SHOWN:
        sheet.text(x, top + 40 + SHOWN * LINE, f"and {len(works) - SHOWN} more", 12, colour="dim")
