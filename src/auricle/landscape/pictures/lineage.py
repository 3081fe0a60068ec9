"""What a work comes from, to its left, and what came of it, to its right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from auricle.landscape.pictures.canvas import FOOT, TOP, Canvas, width_of

BOX, HIGH, GAP, APART, MOST = 200, 38, 12, 120, 14
RELATIONS = {  # relation: colour, dash, words for the legend
    "trained-on": ("c1", "", "trained on"),
    "derived-from": ("c4", "", "derived from"),
    "builds-on": ("c3", "6 4", "builds on"),
}


class Node(NamedTuple):
    id: str
    name: str
    kind: str
    level: int  # steps from the work: below 0 what it comes from, above 0 what came of it
    weight: int


class Link(NamedTuple):
    """``older`` is what ``newer`` comes from."""

    older: str
    newer: str
    relation: str
    mark: str


def lineage(name: str, nodes: Iterable[Node], links: Iterable[Link], source: str) -> Canvas:
    levels: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        levels[node.level].append(node)
    links = list(links)
    kept: dict[int, list[Node]] = {}
    shown: set[str] = set()
    for level in sorted(levels, key=abs):  # near the work first: a column shows what hangs on the one before it, in its order
        near = kept.get(level - 1 if level > 0 else level + 1, [])
        tied = {id for link in links for id in (link.older, link.newer) if {link.older, link.newer} & {node.id for node in near}}
        hanging = [node for node in levels[level] if level == 0 or node.id in tied]
        heaviest = sorted(hanging, key=lambda n: (-n.weight, n.name.lower()))[:MOST]
        kept[level] = _ordered(heaviest, near, links)
        shown |= {node.id for node in kept[level]}
    dropped = {level: len(levels[level]) - len(group) for level, group in kept.items()}
    used = [link for link in links if link.older in shown and link.newer in shown]
    order = sorted(kept)
    tallest = max(len(group) + (dropped[level] > 0) for level, group in kept.items())
    body = tallest * (HIGH + GAP) - GAP
    width = max(80 + len(order) * BOX + (len(order) - 1) * APART, 900)
    height = TOP + 40 + max(body, HIGH) + 30 + FOOT
    before, after = sum(len(g) for level, g in levels.items() if level < 0), sum(len(g) for level, g in levels.items() if level > 0)
    about = f"It comes from {before or 'no recorded'} work{'s' * (before != 1)}; {after or 'none'} came of it."
    sheet = Canvas(width, height, title=f"Where {name} comes from, and what came of it", subtitle=about, source=source)
    x = 40.0
    for relation in dict.fromkeys(link.relation for link in used):
        colour, dash, words = RELATIONS[relation]
        sheet.line(x, TOP + 12, x + 28, TOP + 12, colour=colour, width=2, dash=dash)
        sheet.text(x + 34, TOP + 16, words, 12, colour="dim")
        x += 34 + width_of(words, 12) + 22
    at: dict[str, tuple[float, float]] = {}
    left = (width - (len(order) * BOX + (len(order) - 1) * APART)) / 2
    for i, level in enumerate(order):
        rows = len(kept[level]) + (dropped[level] > 0)
        y = TOP + 40 + (max(body, HIGH) - rows * (HIGH + GAP) + GAP) / 2
        for node in kept[level]:
            at[node.id] = (left + i * (BOX + APART), y)
            y += HIGH + GAP
        if dropped[level]:
            sheet.text(left + i * (BOX + APART) + 10, y + 18, f"and {dropped[level]} more", 12, colour="dim")
    for link in used:
        (x1, y1), (x2, y2) = at[link.older], at[link.newer]
        colour, dash, words = RELATIONS[link.relation]
        if x1 < x2:
            sheet.curve(x1 + BOX, y1 + HIGH / 2, x2, y2 + HIGH / 2, colour=colour, dash=dash, told=f"{words} ({link.mark})")
    for group in kept.values():
        for node in group:
            _box(sheet, *at[node.id], node)
    return sheet


def _ordered(group: Sequence[Node], near: Sequence[Node], links: Sequence[Link]) -> list[Node]:
    """Each near the middle of those that it is tied to, so that few lines cross."""
    place = {node.id: i for i, node in enumerate(near)}

    def middle(node: Node) -> float:
        tied = [place[a if b == node.id else b] for a, b, *_ in links if node.id in (a, b) and (a if b == node.id else b) in place]
        return sum(tied) / len(tied) if tied else len(near) / 2

    return sorted(group, key=lambda node: (middle(node), -node.weight, node.name.lower()))


def _box(sheet: Canvas, x: float, y: float, node: Node) -> None:
    centre = node.level == 0
    sheet.rect(x, y, BOX, HIGH, colour="accent" if centre else "wash", border="" if centre else "line", round_=5)
    sheet.text(x + 10, y + 16, node.name, 12, bold=True, room=BOX - 20, to=node.id, colour="on" if centre else "ink")
    sheet.text(x + 10, y + 31, node.kind, 11, room=BOX - 20, colour="on" if centre else "dim")
