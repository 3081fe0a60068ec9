"""What a method on frozen embeddings comes to: scores that are linear in a window's vector, with or without a cache of the shots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.models import heads
from auricle.models.capabilities import Vectors

Floats = npt.NDArray[np.float64]
SCALES = np.geomspace(1.0, 200.0, 48)  # what cosines may be multiplied with; CLIP holds its own at most 100


@dataclass(frozen=True, slots=True, eq=False)
class Shots:
    """What a method learns from. ``vectors`` [w, d] of windows, ``owners`` [w]: whose, ``truth`` [m, k], ``clips`` [m].

    texts: ``[k, d]``, the labels by many templates; names: by the label alone.
    """

    vectors: Vectors
    owners: npt.NDArray[np.int64]
    truth: npt.NDArray[np.int8]
    clips: tuple[str, ...]
    texts: Vectors
    names: Vectors
    labels: tuple[str, ...]
    exclusive: bool = True
    seed: int = 0

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def weights(self) -> Floats:
        """A weight a window ``[w]``: all windows of one sound together weigh 1."""
        return np.asarray(1.0 / np.bincount(self.owners, minlength=len(self))[self.owners], np.float64)

    def pooled(self, values: Floats) -> Floats:
        """Scores of windows ``[w, k]`` → of sounds ``[m, k]``."""
        return np.stack([heads.pool_windows(values[self.owners == i]) for i in range(len(self))])

    @property
    def fewest(self) -> int:
        """Source clips of the label that has least."""
        clips = np.array(self.clips)
        return min(len(set(clips[self.truth[:, c] == 1].tolist())) for c in range(self.truth.shape[1]))


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """s(f) = W·f + b + Σᵢ exp(−β(1 − f·kᵢ))·vᵢ for a unit vector f; without keys the sum is empty.

    weights [k, d], bias [k]; keys [w, d], values [w, k]. ``chosen``: what was chosen within the shots, for people.
    """

    weights: Floats
    bias: Floats
    keys: Vectors | None = None
    values: Floats | None = None
    beta: float = 0.0
    chosen: str = ""

    def scores(self, vectors: Vectors) -> Floats:
        """``[n, d]`` → ``[n, k]``."""
        found = vectors.astype(np.float64) @ self.weights.T + self.bias
        if self.keys is not None and self.values is not None:
            found = found + affinity(vectors, self.keys, self.beta) @ self.values
        return np.asarray(found, np.float64)

    def clip(self, vectors: Vectors) -> Floats:
        """All windows of a sound → ``[k]``, as ``auricle classify`` pools them."""
        return heads.pool_windows(self.scores(vectors))


def affinity(vectors: Vectors, keys: Vectors, beta: float) -> Floats:
    """exp(−β(1 − f·k)) of Tip-Adapter, ``[n, w]``."""
    cosines = vectors.astype(np.float64) @ keys.T.astype(np.float64)
    return np.asarray(np.exp(-beta * (1.0 - cosines)), np.float64)


def loss(scores: Floats, truth: npt.NDArray[np.int8], exclusive: bool) -> float:
    """Mean cross-entropy of scores ``[m, k]``: softmax where labels exclude each other, else each label's own yes or no."""
    if exclusive:
        shifted = scores - scores.max(axis=1, keepdims=True)
        log = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return float(-log[truth == 1].mean())
    known = truth >= 0
    return float((np.logaddexp(0.0, scores) - (truth == 1) * scores)[known].mean())


def spoken(shots: Shots, texts: Vectors | None = None) -> Decision:
    """The texts as a classifier, s = τ·cos(f, t) (+ b where labels do not exclude each other).

    τ (and b) fit the shots best. The texts have not seen the shots, so nothing need be held back for one or two numbers.
    """
    t = (shots.texts if texts is None else texts).astype(np.float64)
    cosines = shots.pooled(shots.vectors.astype(np.float64) @ t.T)
    if shots.exclusive:
        scale = float(min(SCALES, key=lambda s: loss(s * cosines, shots.truth, True)))
        return Decision(scale * t, np.zeros(len(t)))
    from sklearn.linear_model import LogisticRegression

    known = shots.truth >= 0
    model: Any = LogisticRegression(C=1e4, max_iter=1000).fit(cosines[known][:, None], shots.truth[known] == 1)
    scale = float(np.clip(model.coef_[0, 0], SCALES[0], SCALES[-1]))
    return Decision(scale * t, np.full(len(t), float(model.intercept_[0])))


def folds_of(shots: Shots, most: int = 5) -> npt.NDArray[np.int64] | None:
    """A fold for each sound, its clip's: as many as every label has clips for, at most ``most``. None where nothing can be held back."""
    number = min(most, shots.fewest)
    if number < 2:
        return None
    fold: dict[str, int] = {}
    turn = 0
    for c in range(shots.truth.shape[1]):
        for i in np.flatnonzero(shots.truth[:, c] == 1):
            if shots.clips[i] not in fold:
                fold[shots.clips[i]] = turn % number
                turn += 1
    return np.array([fold.get(clip, 0) for clip in shots.clips], np.int64)
