"""What the field looks like from above: works by year and family, room left on benchmarks, what published scores may claim."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Final

from auricle.landscape.contamination import Report, contamination
from auricle.landscape.licences import use_of
from auricle.landscape.schema import Figure, Kind, Landscape

# Metrics that end at a hundred; only of these can one say how much room is left.
BOUNDED: Final = ("accuracy", "R@1", "mAP", "F1")
NEAR: Final = 10.0  # points below the ceiling at which a benchmark has little left to tell


@dataclass(frozen=True, slots=True)
class Room:
    """How much is left on a benchmark. ``best``: the highest figure of any protocol; ``gain``: what the last two years added."""

    benchmark: str
    metric: str
    way: str  # of retrieval: its direction
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
    groups: dict[tuple[str, str, str], list[Figure]] = defaultdict(list)
    for figure in field.figures:
        if figure.metric in BOUNDED:
            groups[figure.benchmark, figure.metric, figure.split if figure.metric.startswith("R@") else ""].append(figure)
    found = []
    for (benchmark, metric, way), figures in groups.items():
        models = {figure.model for figure in figures}
        if len(models) < least:
            continue
        best = max(figures, key=lambda f: f.value)
        years = {id(f): f.year or field.records[f.model].year for f in figures}
        last = max(years.values())
        before = [f.value for f in figures if years[id(f)] and years[id(f)] <= last - 2]
        gain = best.value - max(before) if before else None
        found.append(Room(benchmark, metric, way, best, 100.0 - best.value, gain, len(figures), len(models)))
    return sorted(found, key=lambda r: (round(r.left, 4), r.benchmark, r.way))


def taught(field: Landscape) -> Counter[str]:
    """Set → how many recorded models learnt from it."""
    pairs = {(e.subject, e.object) for e in field.edges if e.type == "trained-on" and field.records[e.subject].kind == "model"}
    return Counter(sorted(object for _, object in pairs))


def untaught(field: Landscape) -> list[str]:
    """Models of which no training set is recorded."""
    return [model.id for model in field.of("model") if not field.out(model.id, "trained-on")]


def disputed(field: Landscape) -> list[tuple[str, str]]:
    """Record and key of licences on which sources disagree in kind."""
    keys = ("licence-audio", "licence-text", "licence-weights")
    return [
        (record.id, key)
        for record in field.records.values()
        for key in keys
        if len({use_of(str(fact.value)) for fact in record.said(key)}) > 1
    ]


def scored(field: Landscape) -> list[Report]:
    """For each model and test with a published figure: what that figure may claim."""
    pairs = dict.fromkeys((figure.model, figure.benchmark) for figure in field.figures)
    return [contamination(model, test, field=field) for model, test in pairs]
