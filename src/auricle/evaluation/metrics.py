"""How good is a ranking, and how sure is that? Graded gains, ranked moments, intervals, paired tests.

nDCG: Järvelin and Kekäläinen 2002, discount log2(rank + 1), gains in ``GAINS``. Bootstrap: percentile, resampling clusters within
strata (Efron and Tibshirani 1993). Paired test: random sign flips of the differences (Fisher's randomisation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Gain of grades 0, 1 (half right), 2 (right). Not 2^grade - 1: that would give half of "rain with thunder" a third of the worth of the
# answer, and there is so much more of it that ignoring the other half would look good.
GAINS = np.array([0.0, 1.0, 7.0])
EXCESS = 20.0  # seconds by which a hit may be longer than the moment: a whole hour is no answer to "where is the bark?"


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % interval over ``n`` items."""

    value: float
    low: float
    high: float
    n: int


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


def bootstrap(
    values: npt.ArrayLike,
    *,
    strata: Sequence[str] | None = None,
    clusters: Sequence[str] | None = None,
    rounds: int = 2000,
    seed: int = 0,
) -> Interval:
    """The mean of ``values`` and its 95 % percentile interval.

    clusters: items that vary together (takes of one source, queries of one subject) are drawn together; each item alone by default.
    strata:   draws keep the number of clusters of each stratum (a cluster belongs to the stratum of its first item).
    NaN values are left out. Raises ValueError where none is left.
    """
    v = np.asarray(values, dtype=np.float64)
    keep = np.flatnonzero(~np.isnan(v))
    if not len(keep):
        raise ValueError("no value to average")
    names = [clusters[int(i)] if clusters is not None else str(i) for i in keep]
    order = {name: n for n, name in enumerate(dict.fromkeys(names))}
    member = np.array([order[name] for name in names])
    total = np.bincount(member, weights=v[keep])
    size = np.bincount(member).astype(np.float64)
    groups: dict[str, list[int]] = {}
    for name, number in order.items():
        first = int(keep[names.index(name)])
        groups.setdefault(strata[first] if strata is not None else "", []).append(number)
    rng = np.random.default_rng(seed)
    sums, sizes = np.zeros(rounds), np.zeros(rounds)
    for group in map(np.array, groups.values()):
        block = max(1, 2_000_000 // len(group))  # bounds memory
        for first in range(0, rounds, block):
            part = slice(first, min(first + block, rounds))
            drawn = group[rng.integers(0, len(group), (part.stop - first, len(group)))]
            sums[part] += total[drawn].sum(axis=1)
            sizes[part] += size[drawn].sum(axis=1)
    means = sums / sizes
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(v[keep].mean()), float(low), float(high), len(keep))


def permutation_test(a: npt.ArrayLike, b: npt.ArrayLike, *, rounds: int = 10_000, seed: int = 0) -> tuple[float, float]:
    """``(mean of a - b, two-sided p)`` for paired values; pairs with a NaN are left out. Raises ValueError for unequal lengths."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(f"paired values must be as many: {x.shape} and {y.shape}")
    d = (x - y)[~np.isnan(x - y)]
    if not len(d):
        raise ValueError("no pair to compare")
    rng = np.random.default_rng(seed)
    signs = rng.choice(np.array([-1.0, 1.0]), size=(rounds, len(d)))
    flipped = np.abs((signs * d).mean(axis=1))
    observed = abs(float(d.mean()))
    return float(d.mean()), float((1 + np.sum(flipped >= observed - 1e-12)) / (rounds + 1))
