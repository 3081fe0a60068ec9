"""How good is a ranking? Graded gains and ranked moments. How sure that is: :mod:`auricle.evaluation.statistics`.

nDCG: Järvelin and Kekäläinen 2002, discount log2(rank + 1), gains in ``GAINS``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# Gain of grades 0, 1 (half right), 2 (right). Not 2^grade - 1: that would give half of "rain with thunder" a third of the worth of the
# answer, and there is so much more of it that ignoring the other half would look good.
GAINS = np.array([0.0, 1.0, 7.0])
EXCESS = 20.0  # seconds by which a hit may be longer than the moment: a whole hour is no answer to "where is the bark?"


def points(margins: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Two-alternative choice: 1 where the right one scores higher by the margin, 0 where the other does, a half for a tie."""
    return np.where(np.abs(margins) < 1e-9, 0.5, (margins > 0).astype(np.float64))


def dcg(grades: npt.ArrayLike, k: int) -> float:
    """Discounted cumulative gain of grades in ranked order, over the first ``k``."""
    gains = GAINS[np.asarray(grades, dtype=np.intp)[:k]]
    return float(np.sum(gains / np.log2(np.arange(2, len(gains) + 2))))


def ndcg(ranked: npt.ArrayLike, ideal: npt.ArrayLike, k: int = 10) -> float:
    """``ranked``: grades of what was returned, in order. ``ideal``: grades of all that could be. NaN where nothing is relevant."""
    best = dcg(np.sort(np.asarray(ideal, dtype=np.intp))[::-1], k)
    return dcg(ranked, k) / best if best > 0 else float("nan")


def hit_at(ranked: Sequence[int], k: int, grade: int = 2) -> float:
    """1 where one of the first ``k`` has at least ``grade``, else 0."""
    return float(any(g >= grade for g in ranked[:k]))


def recall_at(ranked: Sequence[int], relevant: int, k: int, grade: int = 2) -> float:
    """Share of the relevant that the first ``k`` hold, of those that could fit into ``k``. NaN where nothing is relevant."""
    if relevant == 0:
        return float("nan")
    return sum(g >= grade for g in ranked[:k]) / min(relevant, k)


def covers(hit: tuple[float, float], moment: tuple[float, float], *, excess: float = EXCESS) -> bool:
    """Does a returned ``(start, end)`` point at the moment?

    They overlap by half of the shorter or more, or the middle of the hit lies in the moment; and the hit is at most ``excess``
    seconds longer than the moment.
    """
    (a, b), (c, d) = hit, moment
    if b - a > d - c + excess:
        return False
    shorter = min(b - a, d - c)
    overlap = min(b, d) - max(a, c)
    return (shorter > 0 and overlap >= 0.5 * shorter) or c <= (a + b) / 2 <= d


def relevance_ranked(scores: npt.ArrayLike, relevant: npt.ArrayLike) -> list[int]:
    """1 and 0 in ranked order, best score first. What scores alike is ranked with the relevant last: nothing is found by a tie."""
    s, r = np.asarray(scores, dtype=np.float64), np.asarray(relevant, dtype=bool)
    return [int(x) for x in r[np.lexsort((r, -s))]]


def average_precision_at(ranked: Sequence[int], relevant: int, k: int) -> float:
    """Mean precision at the places of the relevant among the first ``k``, over those that could fit into ``k``. NaN where none is."""
    if relevant == 0:
        return float("nan")
    places = [n for n, one in enumerate(ranked[:k], 1) if one]
    return sum((found + 1) / place for found, place in enumerate(places)) / min(relevant, k)
