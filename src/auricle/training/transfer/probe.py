"""Linear probe: logistic regression on frozen embeddings of windows. Radford et al. 2021 (CLIP), arXiv 2103.00020, §3.2.

    minimise  C · Σᵢ uᵢ · L(yᵢ, W·fᵢ + b) + ½‖W‖²        L: cross-entropy over the labels, or each label's own yes or no

uᵢ makes all windows of one sound weigh 1. C is chosen within the shots by cross-validation over source clips (the least loss on what was
held back); with one shot nothing can be held back, and C is ``ONE_SHOT``. Test data has no part in it.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.training.transfer.decision import Decision, Floats, Shots, folds_of, loss

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
ONE_SHOT = 10.0  # draws of one shot inside the training half of the corpus; docs/transfer.md


def fit(shots: Shots) -> Decision:
    c, said = choose(shots)
    weights, bias = regression(shots, np.ones(len(shots), bool), c)
    return Decision(weights, bias, chosen=said)


def choose(shots: Shots) -> tuple[float, str]:
    """C, and how it was come by."""
    fold = folds_of(shots)
    if fold is None:
        return ONE_SHOT, f"C={ONE_SHOT:g}, given"
    losses = {c: held_back(shots, fold, c) for c in STRENGTHS}
    best = min(losses, key=lambda c: losses[c])
    return best, f"C={best:g}, by {fold.max() + 1} folds of the shots"


def held_back(shots: Shots, fold: npt.NDArray[np.int64], c: float) -> float:
    """Mean loss of sounds, each by a probe that has not heard its clip."""
    scores = np.zeros(shots.truth.shape)
    for number in range(int(fold.max()) + 1):
        out = fold == number
        weights, bias = regression(shots, ~out, c)
        scores[out] = shots.pooled(shots.vectors.astype(np.float64) @ weights.T + bias)[out]
    return loss(scores, shots.truth, shots.exclusive)


def regression(shots: Shots, keep: npt.NDArray[np.bool_], c: float) -> tuple[Floats, Floats]:
    """Weights ``[k, d]`` and bias ``[k]`` from the sounds ``keep`` [m]."""
    rows = keep[shots.owners]
    x, u, truth = shots.vectors[rows].astype(np.float64), shots.weights[rows], shots.truth[shots.owners[rows]]
    weights, bias = np.zeros((truth.shape[1], x.shape[1])), np.zeros(truth.shape[1])
    if shots.exclusive:
        target = truth.argmax(axis=1)
        present = np.unique(target)
        found = _fitted(x, target, u, c)
        if len(present) == 2:  # scikit-learn tells two labels apart with one line
            weights[present], bias[present] = np.stack([-found.coef_[0], found.coef_[0]]) / 2, np.array([-1, 1]) * found.intercept_[0] / 2
        else:
            weights[present], bias[present] = found.coef_, found.intercept_
        absent = np.setdiff1d(np.arange(len(bias)), present)
        bias[absent] = bias[present].min() - 10.0 if len(absent) else 0.0
        return weights, bias
    for label in range(truth.shape[1]):
        known = truth[:, label] >= 0
        y = truth[known, label] == 1
        if y.all() or not y.any():
            bias[label] = 5.0 if y.all() else -5.0
            continue
        found = _fitted(x[known], y, u[known], c)
        weights[label], bias[label] = found.coef_[0], found.intercept_[0]
    return weights, bias


def _fitted(x: Floats, y: Any, u: Floats, c: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # many labels for few shots, and steps that are enough: both are meant
        return LogisticRegression(C=c, max_iter=500, tol=1e-4).fit(x, y, sample_weight=u)
