"""Family × objective × domain: where the models stand, and where nobody stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from auricle.landscape.pictures.canvas import FOOT, TOP, Canvas

LEFT, COLUMN, NAMES = 200, 262, 4
DOMAINS = (("speech", "c3"), ("music", "c2"), ("sound", "c1"))


class Placed(NamedTuple):
    id: str
    name: str
    family: str
    objectives: tuple[str, ...]
    domains: tuple[str, ...]
    weight: int


def terrain(models: Iterable[Placed], families: Sequence[tuple[str, str]], objectives: Sequence[tuple[str, str]], source: str) -> Canvas:
    """``families`` and ``objectives``: value and title of each row and column. A model counts in each cell that it belongs to."""
    all_ = list(models)
    width = LEFT + COLUMN * len(objectives) + 40
    placed = sum(bool(set(m.objectives) & {o for o, _ in objectives}) and m.family in dict(families) for m in all_)
    rest = f"; {len(all_) - placed} have no such place" if placed < len(all_) else ""
    about = f"{placed} models, each in every cell that it belongs to; a bar per domain{rest}"
    cells = {(f, o): [m for m in all_ if m.family == f and o in m.objectives] for f, _ in families for o, _ in objectives}
    heights = [76 + 16 * max(min(len(cells[f, o]), NAMES) for o, _ in objectives) for f, _ in families]
    sheet = Canvas(width, TOP + 62 + sum(heights) + FOOT, title="Family × objective × domain", subtitle=about, source=source)
    sheet.legend(LEFT, TOP + 16, [(name, colour) for name, colour in DOMAINS])
    counts = {(f, o, d): sum(d in m.domains for m in cell) for (f, o), cell in cells.items() for d, _ in DOMAINS}
    most = max(counts.values(), default=1) or 1
    top = TOP + 58
    for i, (_, title) in enumerate(objectives):
        sheet.text(LEFT + i * COLUMN, top - 12, title, 15, bold=True, room=COLUMN - 12)
    y = top
    for (family, title), height in zip(families, heights, strict=True):
        sheet.line(40, y, width - 40, y)
        sheet.text(40, y + 26, title, 15, bold=True, room=LEFT - 52)
        n = sum(m.family == family for m in all_)
        sheet.text(40, y + 45, f"{n} model{'s' * (n != 1)}", 12, colour="dim")
        for i, (objective, _) in enumerate(objectives):
            _cell(sheet, LEFT + i * COLUMN, y, cells[family, objective], [counts[family, objective, d] for d, _ in DOMAINS], most)
        y += height
    return sheet


def _cell(sheet: Canvas, x: float, y: float, models: list[Placed], counts: list[int], most: int) -> None:
    if not models:
        sheet.text(x, y + 26, "none recorded", 12, colour="dim")
        return
    for i, ((domain, colour), count) in enumerate(zip(DOMAINS, counts, strict=True)):
        if not count:
            continue
        top = y + 14 + 12 * i
        bar = (COLUMN - 60) * count / most
        sheet.rect(x, top, bar, 8, colour=colour, round_=2, told=f"{count} with {domain}")
        sheet.text(x + bar + 6, top + 8.5, str(count), 11, colour="dim")
    ranked = sorted(models, key=lambda m: (-m.weight, m.name.lower()))
    for i, model in enumerate(ranked[:NAMES]):
        sheet.text(x, y + 65 + 16 * i, model.name, 12, room=COLUMN - (16 if i < NAMES - 1 or len(models) <= NAMES else 90), to=model.id)
    if len(models) > NAMES:
        sheet.text(x + COLUMN - 16, y + 65 + 16 * (NAMES - 1), f"+ {len(models) - NAMES} more", 12, colour="dim", anchor="end")
