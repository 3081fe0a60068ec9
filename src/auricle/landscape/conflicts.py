"""Published figures that contradict each other: one model, benchmark and metric, as far as is told one protocol, and unlike numbers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations

from auricle.landscape.schema import Figure, Landscape

_TOLD = ("variant", "split", "version", "protocol")


@dataclass(frozen=True, slots=True)
class Conflict:
    """``figures`` by value; each contradicts at least one other."""

    model: str
    benchmark: str
    metric: str
    figures: tuple[Figure, ...]

    @property
    def spread(self) -> float:
        return self.figures[-1].value - self.figures[0].value


def conflicts(field: Landscape, model: str = "", benchmark: str = "") -> list[Conflict]:
    """The widest first, as a share of the larger number."""
    groups: dict[tuple[str, str, str], list[Figure]] = defaultdict(list)
    for figure in field.figures:
        if model in ("", figure.model) and benchmark in ("", figure.benchmark):
            groups[figure.model, figure.benchmark, figure.metric].append(figure)
    found = []
    for key, figures in groups.items():
        against = {id(one) for a, b in combinations(figures, 2) if contradicts(a, b) for one in (a, b)}
        if against:
            found.append(Conflict(*key, tuple(sorted((f for f in figures if id(f) in against), key=lambda f: f.value))))
    return sorted(found, key=lambda c: (-c.spread / (abs(c.figures[-1].value) or 1), c.model, c.benchmark))


def contradicts(a: Figure, b: Figure) -> bool:
    """Unlike numbers of what may be the same measurement: where one does not say its split, version, …, it may be that of the other."""
    same = all(getattr(a, key) == getattr(b, key) or not (getattr(a, key) and getattr(b, key)) for key in _TOLD)
    return same and abs(a.value - b.value) > _rounding(a.value, b.value)


def _rounding(a: float, b: float) -> float:
    """Half of the last digit that the less exact of the two shows."""
    digits = min(len(f"{value:.10f}".rstrip("0").partition(".")[2]) for value in (a, b))
    return 0.5 * 10.0**-digits + 1e-9
