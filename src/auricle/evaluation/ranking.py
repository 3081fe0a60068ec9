"""From the hits of one query to its measures. Nothing here knows a model or a library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from auricle.evaluation.corpus import Query, Recording
from auricle.evaluation.judging import Judged
from auricle.evaluation.metrics import covers, hit_at, ndcg, recall_at

K = 10
DEPTH = 50
MEASURES = ("ndcg@10", "hit@1", "hit@5", "recall@50", "moments ndcg@10", "forbidden@10")


class HitLike(Protocol):
    """What a searcher gives back, best first: a moment of a file."""

    @property
    def path(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


@dataclass(frozen=True)
class Ranked:
    """One ranked place. ``recording`` is None for a file that is not of the corpus half (it takes its place, and is wrong)."""

    recording: Recording | None
    start: float
    end: float


@dataclass(frozen=True)
class QueryScore:
    """``values``: each of ``MEASURES``; NaN where it does not apply. ``relevant``: recordings that fully answer."""

    query: Query
    values: Mapping[str, float]
    relevant: int


def score(query: Query, ranked: Sequence[Ranked], judged: Mapping[str, Judged], recordings: Sequence[Recording]) -> QueryScore:
    """``judged``: recording id -> its judgement for this query."""
    counted = [r for r in recordings if not judged[r.id].open]
    grades, forbidden = _grades(ranked, judged)
    ideal = [judged[r.id].grade for r in counted]
    full = sum(g >= 2 for g in ideal)
    composed = {r.id for r in counted if r.kind != "clip"}
    within, _ = _grades([p for p in ranked if p.recording is not None and p.recording.id in composed], judged)
    top = forbidden[:K]
    values = {
        "ndcg@10": ndcg(grades, ideal, K),
        "hit@1": hit_at(grades, 1),
        "hit@5": hit_at(grades, 5),
        "recall@50": recall_at(grades, full, DEPTH),
        "moments ndcg@10": ndcg(within, [judged[i].grade for i in composed], K),
        "forbidden@10": sum(top) / len(top) if query.judgement.get("none") and top else float("nan"),
    }
    return QueryScore(query, values, full)


def _grades(ranked: Sequence[Ranked], judged: Mapping[str, Judged]) -> tuple[list[int], list[bool]]:
    """Grades in ranked order, and whether each place shows what the query excludes.

    A recording counts once, at its first right moment; its further hits take a place and gain nothing. Open recordings are passed over.
    """
    grades: list[int] = []
    forbidden: list[bool] = []
    credited: set[str] = set()
    for place in ranked:
        known = judged[place.recording.id] if place.recording is not None else Judged()
        if known.open:
            continue
        grade = max((m.grade for m in known.moments if covers((place.start, place.end), (m.start, m.end))), default=0)
        if place.recording is not None and grade:
            grade = 0 if place.recording.id in credited else grade
            credited.add(place.recording.id)
        grades.append(grade)
        forbidden.append(known.forbidden and not known.moments)
    return grades, forbidden
