"""What changes with the years: works by year and family, and benchmarks that have little left to tell."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Final

from auricle.landscape.schema import Figure, Kind, Landscape

# Metrics that end at a hundred; only of these can one say how much room is left.
BOUNDED: Final = ("accuracy", "R@1", "mAP", "F1", "score")
NEAR: Final = 5.0  # points below the ceiling at which a benchmark tells little


@dataclass(frozen=True, slots=True)
class Room:
    """How much is left on a benchmark. ``best``: the highest figure of any protocol; ``gain``: what the last two years added."""

    benchmark: str
    metric: str
    best: Figure
    left: float
    gain: float | None  # None: there is nothing earlier to compare with
    figures: int
    models: int

    @property
    def saturated(self) -> bool:
        return self.left <= NEAR


def by_year(field: Landscape, kind: Kind) -> dict[int, Counter[str]]:
    """Year → how many of each family; undated records are left out."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for record in field.of(kind):
        if record.year:
            found[record.year][record.family] += 1
    return dict(sorted(found.items()))


def room(field: Landscape, least: int = 4) -> list[Room]:
    """Benchmarks with figures of at least ``least`` models under one bounded metric, the fullest first."""
    groups: dict[tuple[str, str], list[Figure]] = defaultdict(list)
    for figure in field.figures:
        if figure.metric in BOUNDED and not figure.lower_is_better:
            groups[figure.benchmark, figure.metric].append(figure)
    found = []
    for (benchmark, metric), figures in groups.items():
        models = {figure.model for figure in figures}
        if len(models) < least:
            continue
        ceiling = 100.0 if max(figure.value for figure in figures) > 1 else 1.0
        scale = 100.0 / ceiling
        best = max(figures, key=lambda f: f.value)
        years = {id(f): f.year or field.records[f.model].year for f in figures}
        last = max(years.values())
        before = [f.value for f in figures if years[id(f)] and years[id(f)] <= last - 2]
        gain = (best.value - max(before)) * scale if before else None
        found.append(Room(benchmark, metric, best, (ceiling - best.value) * scale, gain, len(figures), len(models)))
    return sorted(found, key=lambda r: (r.left, r.benchmark))
