"""Heads on frozen embeddings. Here: the calibration that turns a similarity into a probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.models.capabilities import Vectors

Logits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Per-label probabilities for labels never seen in fitting (Platt scaling of background-standardised similarity).

    A raw similarity s = a·t means little by itself: some texts are near everything. So s is standardised by how the same
    text scores on a bank of ordinary sounds, z = (s − mean(B·t)) / std(B·t), and a logistic in (z, s, spread of the bank)
    gives the log-odds that the label applies. Platt 1999; the background set follows the "cohort" of speaker verification.

    background: float32 ``[m, d]``, unit norm; audio vectors of ordinary sounds.
    weights:    float64 ``[4]``: of z, of s, of std(B·t), and the intercept.
    sounds:     what it was fitted on, for people.
    """

    background: Vectors
    weights: npt.NDArray[np.float64]
    sounds: str

    FILE = "calibration.npz"
    FRAMES = "frames.npz"  # the same, fitted on frames

    def features(self, audio: Vectors, text: Vectors) -> npt.NDArray[np.float64]:
        """``audio`` [n, d] and ``text`` [k, d], unit norm → float64 ``[n, k, 3]``."""
        scores = audio.astype(np.float64) @ text.T.astype(np.float64)
        bank = self.background.astype(np.float64) @ text.T.astype(np.float64)
        spread = np.maximum(bank.std(axis=0), 1e-6)
        z = (scores - bank.mean(axis=0)) / spread
        return np.stack([z, scores, np.broadcast_to(spread, scores.shape)], axis=-1)

    def log_odds(self, audio: Vectors, text: Vectors) -> Logits:
        """Log-odds that each text applies to each audio, ``[n, k]``."""
        return np.asarray(self.features(audio, text) @ self.weights[:-1] + self.weights[-1], dtype=np.float64)

    def save(self, path: Path) -> None:
        """Write ``calibration.npz`` (arrays only, no pickle)."""
        np.savez(path, background=self.background.astype(np.float16), weights=self.weights, sounds=np.array(self.sounds))

    @classmethod
    def load(cls, path: Path) -> Calibration:
        with np.load(path, allow_pickle=False) as stored:
            return cls(stored["background"].astype(np.float32), stored["weights"], str(stored["sounds"]))

    @classmethod
    def fit(
        cls,
        background: Vectors,
        audio: Vectors,
        text: Vectors,
        truth: npt.NDArray[np.bool_],
        *,
        sounds: str,
        pairs: npt.NDArray[np.bool_] | None = None,
    ) -> Calibration:
        """Fit on ``audio`` [n, d] × ``text`` [k, d] with ``truth`` [n, k]; ``pairs`` [n, k] chooses those that count.

        The share of true pairs is the base rate that the probabilities assume.
        """
        from sklearn.linear_model import LogisticRegression

        blank = cls(background, np.zeros(4), sounds)
        chosen = np.ones_like(truth) if pairs is None else pairs
        model: Any = LogisticRegression(C=1.0, max_iter=1000)
        model.fit(blank.features(audio, text)[chosen], truth[chosen])
        return cls(background, np.append(model.coef_[0], model.intercept_[0]).astype(np.float64), sounds)


def probabilities(log_odds: Logits) -> Logits:
    """Each label on its own: the logistic of its log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -40, 40))), dtype=np.float64)


def none_of_these(independent: Logits) -> Logits:
    """Probability ``[n]`` that no label ``[n, k]`` applies, labels taken as independent."""
    return np.asarray(np.prod(1.0 - independent, axis=-1), dtype=np.float64)


def exclusive(log_odds: Logits) -> tuple[Logits, Logits]:
    """Exactly one of the labels or none: softmax over the odds with "none" at log-odds 0. ``([n, k], [n])``, rows sum to 1."""
    padded = np.concatenate([log_odds, np.zeros((*log_odds.shape[:-1], 1))], axis=-1)
    e = np.exp(padded - padded.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return p[..., :-1], p[..., -1]


def pool_windows(values: Logits, top: int = 3) -> Logits:
    """What a whole recording says of each label: the mean of its ``top`` strongest windows. ``[windows, k]`` → ``[k]``."""
    strongest = np.sort(values, axis=0)[::-1][:top]
    return np.asarray(strongest.mean(axis=0), dtype=np.float64)


def check_labels(labels: Sequence[str]) -> list[str]:
    """Labels stripped; empty or repeated ones are a UsageError that names them."""
    from auricle.errors import UsageError

    clean = [" ".join(label.split()) for label in labels]
    if not clean or not all(clean):
        raise UsageError(
            "there is an empty label." if clean else "no labels were given.", hint='Name them like --labels "dog,rain,speech".'
        )
    twice = sorted({label for label in clean if clean.count(label) > 1})
    if twice:
        raise UsageError(f"labels are repeated: {', '.join(twice)}.", hint="Name each label once.")
    return clean
