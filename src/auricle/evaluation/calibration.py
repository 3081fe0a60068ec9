"""Does a probability mean what it says? Adaptive calibration error and Brier score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability plot: mean probability said, share that was true, how many."""

    said: float
    true: float
    n: int


def brier(probabilities: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Mean squared error of probabilities (Brier 1950); 0 is perfect, the base rate p gives p(1 − p)."""
    p, y = _pair(probabilities, truth)
    return float(np.mean((p - y) ** 2))


def reliability(probabilities: npt.ArrayLike, truth: npt.ArrayLike, bins: int = 15) -> list[Bin]:
    """Bins of equal mass, in order of probability (Nixon et al. 2019); fewer where there are fewer items."""
    p, y = _pair(probabilities, truth)
    order = np.argsort(p, kind="stable")
    parts = np.array_split(order, min(bins, len(p)))
    return [Bin(float(p[i].mean()), float(y[i].mean()), len(i)) for i in parts]


def adaptive_ece(probabilities: npt.ArrayLike, truth: npt.ArrayLike, bins: int = 15) -> float:
    """Mean |said − true| over equal-mass bins, weighted by their size (adaptive expected calibration error)."""
    found = reliability(probabilities, truth, bins)
    return sum(b.n * abs(b.said - b.true) for b in found) / sum(b.n for b in found)


def _pair(probabilities: npt.ArrayLike, truth: npt.ArrayLike) -> tuple[Floats, Floats]:
    p = np.asarray(probabilities, dtype=np.float64).reshape(-1)
    y = np.asarray(truth, dtype=np.float64).reshape(-1)
    if len(p) != len(y) or not len(p):
        raise ValueError(f"need as many probabilities as truths and at least one, got {len(p)} and {len(y)}")
    if p.min() < 0 or p.max() > 1:
        raise ValueError("probabilities must lie in 0…1")
    return p, y
