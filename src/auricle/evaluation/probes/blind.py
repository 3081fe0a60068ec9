"""What can be told of clips without any model: the plain features that a probe is compared with, and the fit that both share.

If who is asked is told apart by loudness, length and colour of sound alone, a model that tells them apart has shown nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.audio.features import framed, hann, mel_filter_bank
from auricle.data.world.acoustics import Float32, active_level
from auricle.evaluation.probes import mixing
from auricle.evaluation.probing import fitted, folds_of
from auricle.evaluation.statistics import Floats

BANDS = 24
LENGTH, HOP = 512, 256  # samples
FOLDS = 5


def spectral_mean(sound: Float32) -> Floats:
    """``[2 · BANDS]``: mean and spread over time of the level in bands of mel, dB. Level as such is taken off."""
    padded = np.pad(sound, (0, max(0, LENGTH - len(sound)))).astype(np.float64)
    power = np.abs(np.fft.rfft(framed(padded, LENGTH, HOP) * hann(LENGTH), axis=1)) ** 2
    bank = np.asarray(mel_filter_bank(LENGTH // 2 + 1, BANDS, 50.0, mixing.RATE / 2, mixing.RATE), dtype=np.float64)
    levels = 10 * np.log10(np.maximum(power @ bank, 1e-10))
    mean = levels.mean(axis=0)
    found: Floats = np.concatenate([mean - mean.mean(), levels.std(axis=0)])
    return found


def plain(sound: Float32, seconds: float, rate: int) -> Floats:
    """:func:`spectral_mean`, level, peak, length, and the rate of the file."""
    level = active_level(sound, mixing.RATE)
    peak = float(np.abs(sound).max(initial=1e-6))
    rest = [level, 20 * np.log10(max(peak, 1e-6)), 10 * np.log(max(seconds, 0.01)), rate / 1000]
    return np.concatenate([spectral_mean(sound), rest])


def scaled(rows: Floats) -> Floats:
    """Every feature with the same spread, so that none counts by its unit."""
    spread = rows.std(axis=0)
    found: Floats = (rows - rows.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    return found


def told_apart(rows: Any, truth: npt.NDArray[np.bool_], sources: Sequence[str]) -> Floats:
    """For each row the log-odds of ``truth`` by a linear probe that never saw its source."""
    fold = folds_of([str(t) for t in truth], sources, FOLDS)
    return held_back(rows, truth, fold)


def held_back(rows: Any, truth: npt.NDArray[np.bool_], fold: npt.NDArray[np.intp]) -> Floats:
    """The same with given folds. 0 where the other folds are all of one kind."""
    found = np.zeros(len(truth))
    for number in np.unique(fold):
        test = fold == number
        rest = truth[~test]
        if rest.any() and not rest.all():
            probe = fitted(rows[~test], [str(t) for t in rest])
            found[test] = probe.decision_function(rows[test])  # classes "False", "True": positive is true
    return np.round(found, mixing.DECIMALS)
