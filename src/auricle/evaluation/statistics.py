"""How sure is a number? Intervals and paired tests for anything that is measured, resampled over source clips.

    bootstrap(values, clusters=sources)                     a mean and its interval
    paired(a, b, clusters=sources)                          two systems on the same items: difference, interval, p
    resampled(statistic, clusters)                          any statistic: ``statistic(counts)``, counts = how often each item was drawn
    resampled_difference(statistic_a, statistic_b, clusters)

Bootstrap: percentile, resampling whole clusters (takes of one source vary together) within strata (Efron and Tibshirani 1993; Davison and
Hinkley 1997 §3.8). Paired test: random sign flips of the clusters' differences (Fisher's randomisation). Everything is a function of
``seed``: two systems that are resampled over the same clusters are drawn alike, so that what they share cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Statistic = Callable[[Counts], float]

FEWEST = 10  # clusters below which an interval is too narrow to be believed
ROUNDS = 1000  # of statistics that are computed anew each time


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % interval over ``n`` items."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Difference:
    """``value`` = first − second, with its 95 % interval over ``n`` paired items of ``clusters`` sources. ``p``: None where not tested."""

    value: float
    low: float
    high: float
    n: int
    clusters: int
    p: float | None = None


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


def permutation_test(
    a: npt.ArrayLike, b: npt.ArrayLike, *, clusters: Sequence[str] | None = None, rounds: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """``(mean of a - b, two-sided p)`` for paired values; pairs with a NaN are left out. Raises ValueError for unequal lengths.

    clusters: pairs that vary together change their sign together.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(f"paired values must be as many: {x.shape} and {y.shape}")
    known = ~np.isnan(x - y)
    d = (x - y)[known]
    if not len(d):
        raise ValueError("no pair to compare")
    n = len(d)
    mean = float(d.mean())
    if clusters is not None:
        d = np.bincount(numbered([clusters[int(i)] for i in np.flatnonzero(known)]), weights=d).astype(np.float64)
    rng = np.random.default_rng(seed)
    reached = 0
    block = max(1, 4_000_000 // len(d))  # bounds memory
    for first in range(0, rounds, block):
        signs = rng.choice(np.array([-1.0, 1.0]), size=(min(block, rounds - first), len(d)))
        reached += int(np.sum(np.abs(signs @ d) / n >= abs(mean) - 1e-12))
    return mean, float((1 + reached) / (rounds + 1))


def paired(a: npt.ArrayLike, b: npt.ArrayLike, *, clusters: Sequence[str] | None = None, seed: int = 0) -> Difference:
    """Two systems on the same items: mean of ``a − b``, its interval, and the p of :func:`permutation_test`."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    value, p = permutation_test(x, y, clusters=clusters, seed=seed)
    found = bootstrap(x - y, clusters=clusters, seed=seed)
    sources = len({clusters[int(i)] for i in np.flatnonzero(~np.isnan(x - y))}) if clusters is not None else found.n
    return Difference(value, found.low, found.high, found.n, sources, p)


def draws(clusters: Sequence[str], *, rounds: int = ROUNDS, seed: int = 0) -> Counts:
    """``[rounds, items]``: how often each item is drawn when whole clusters are drawn with replacement."""
    member = numbered(clusters)
    k = int(member.max()) + 1
    rng = np.random.default_rng(seed)
    drawn = np.stack([np.bincount(rng.integers(0, k, k), minlength=k) for _ in range(rounds)])
    return np.asarray(drawn[:, member], dtype=np.int64)


def resampled(statistic: Statistic, clusters: Sequence[str], *, rounds: int = ROUNDS, seed: int = 0) -> Interval:
    """The statistic on all items once, and the 2.5th and 97.5th percentile of it on ``draws``. Draws where it is NaN are left out."""
    n = len(clusters)
    found = np.array([statistic(counts) for counts in draws(clusters, rounds=rounds, seed=seed)])
    return Interval(float(statistic(np.ones(n, np.int64))), *_middle(found), n)


def resampled_difference(
    a: Statistic, b: Statistic, clusters: Sequence[str], *, rounds: int = ROUNDS, seed: int = 0
) -> Difference:  # fmt: skip
    """``a − b`` on the same draws of the same items."""
    n = len(clusters)
    found = np.array([a(counts) - b(counts) for counts in draws(clusters, rounds=rounds, seed=seed)])
    once = np.ones(n, np.int64)
    return Difference(float(a(once) - b(once)), *_middle(found), n, len(set(clusters)))


def numbered(names: Sequence[str]) -> npt.NDArray[np.intp]:
    """0, 1, 2 … for the names in the order in which they are first seen."""
    order = {name: n for n, name in enumerate(dict.fromkeys(names))}
    return np.array([order[name] for name in names], dtype=np.intp)


def _middle(found: Floats) -> tuple[float, float]:
    known = found[~np.isnan(found)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
