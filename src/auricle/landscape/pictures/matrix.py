"""Who shares sound with whom: evaluation data down, what models learn from across."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from auricle.landscape.pictures.canvas import FOOT, TOP, Canvas, cut, width_of

CELL, ROW, LEFT = 78, 46, 290


class Shared(NamedTuple):
    """``share``: of the row's items, 0 … 1, where it is known; ``counted``: the number, for people."""

    share: float | None
    counted: str
    told: str  # basis, source, mark


def matrix(
    rows: Iterable[tuple[str, str]], columns: Iterable[tuple[str, str]], cells: Mapping[tuple[str, str], Shared], source: str
) -> Canvas:
    """``rows`` and ``columns``: id and name. What was never counted stays empty; what was counted and is none shows 0."""
    across, down = list(columns), list(rows)
    slant = max((width_of(cut(name, 220, 13), 13) for _, name in across), default=0)
    head = slant * 0.75 + 24
    width = max(int(LEFT + CELL * len(across) + slant * 0.7 + 40), 760)
    height = int(TOP + 30 + head + ROW * len(down) + FOOT + 12)
    about = f"{len(cells)} counted overlaps: share of the row's items that stand in the column's data; empty: nobody has counted"
    sheet = Canvas(width, height, title="Test data that models may have heard before", subtitle=about, source=source)
    top = TOP + 20 + head
    for i, (id, name) in enumerate(across):
        x = LEFT + i * CELL + CELL / 2
        sheet.text(x, top - 12, name, 13, turn=-45, room=220, to=id)
    for j, (id, name) in enumerate(down):
        y = top + j * ROW
        sheet.line(40, y, LEFT + CELL * len(across), y)
        sheet.text(40, y + ROW / 2 + 5, name, 13, bold=True, room=LEFT - 56, to=id)
        for i, (other, _) in enumerate(across):
            _cell(sheet, LEFT + i * CELL, y, cells.get((id, other)), id == other)
    return sheet


def _cell(sheet: Canvas, x: float, y: float, shared: Shared | None, itself: bool) -> None:
    if shared is None:
        if itself:
            sheet.text(x + CELL / 2, y + ROW / 2 + 4, "itself", 11, colour="dim", anchor="middle")
        return
    share, nothing = shared.share, shared.counted == "0"
    strength = 0.14 if share is None else 0.06 + 0.5 * share
    colour = "wash" if nothing else "brick"
    sheet.rect(x + 2, y + 3, CELL - 4, ROW - 6, colour=colour, opacity=1 if nothing else strength, round_=3, told=shared.told)
    two = share is not None and bool(shared.counted) and not nothing
    big = percent(share) if share is not None and not nothing else shared.counted
    sheet.text(x + CELL / 2, y + (22 if two else ROW / 2 + 5), big, 13, anchor="middle", bold=True, room=CELL - 8)
    if two:
        sheet.text(x + CELL / 2, y + 37, shared.counted, 11, anchor="middle", room=CELL - 6)


def percent(share: float) -> str:
    """``0.0004`` is not nothing: ``<0.1 %``."""
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    return "<0.1 %" if share < 0.001 else f"{share * 100:.1f} %" if share < 0.1 else f"{share * 100:.0f} %"
