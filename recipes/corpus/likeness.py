"""Is it the same recording? Half a second of mel spectrum, taken where the sound begins and where it is loudest, level aside.

Two takes of one thing are alike but not this alike; a copy that was cut, resampled, made louder or encoded again is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import soxr

RATE = 16000
SAME = 0.985  # cosine of two prints of one recording; what is above is one recording
_HOP, _FFT, _BANDS, _FRAMES = 256, 512, 40, 32
Floats = npt.NDArray[np.float32]


def prints(samples: Floats, rate: int) -> Floats:
    """[2, n]: unit vectors of the beginning and of the loudest part. Zero where there is no sound."""
    mono = samples if rate == RATE else soxr.resample(samples[: 40 * rate], rate, RATE, quality="MQ")
    power = _power(np.asarray(mono, np.float32))
    level = power.sum(axis=1)
    if not len(level) or level.max() <= 0:
        return np.zeros((2, _BANDS * _FRAMES), np.float32)
    first = int(np.argmax(level > 1e-3 * level.max()))
    smooth = np.convolve(level, np.ones(4), "same")
    loudest = max(0, int(np.argmax(smooth)) - 4)
    return np.stack([_patch(power, first), _patch(power, loudest)])


def _power(mono: Floats) -> Floats:
    padded = np.concatenate([np.zeros(_FFT, np.float32), mono, np.zeros(_FFT, np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(_FFT).astype(np.float32), axis=1)) ** 2
    return np.asarray(spectrum @ _mel(), np.float32)


def _patch(power: Floats, start: int) -> Floats:
    patch = power[start : start + _FRAMES]
    patch = np.pad(patch, ((0, _FRAMES - len(patch)), (0, 0)))
    decibel = 10 * np.log10(np.maximum(patch / max(float(patch.max()), 1e-12), 1e-5))
    flat = (decibel - decibel.mean()).ravel()
    norm = float(np.linalg.norm(flat))
    return np.asarray(flat / norm if norm > 0 else flat, np.float32)


@cache
def _mel() -> Floats:
    edges = 700 * (10 ** (np.linspace(_mels(60), _mels(7600), _BANDS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(_FFT, 1 / RATE)
    rising = (bins[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[None, 2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)), np.float32)


def _mels(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


def alike(prints_a: Floats, prints_b: Floats, least: float = SAME) -> Iterator[tuple[int, int, float]]:
    """(row of a, row of b, cosine) of every pair with one print in common. Both [n, 2, d]."""
    for start in range(0, len(prints_a), 2048):
        block = prints_a[start : start + 2048]
        cosine = np.maximum(block[:, 0] @ prints_b[:, 0].T, block[:, 1] @ prints_b[:, 1].T)
        for row, column in zip(*np.nonzero(cosine >= least), strict=True):
            yield start + int(row), int(column), float(cosine[row, column])


def joined(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """The group of each of ``count`` things when the pairs belong together: the lowest index in it."""
    root = list(range(count))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    for a, b in pairs:
        low, high = sorted((find(a), find(b)))
        root[high] = low
    return [find(i) for i in range(count)]


def families(names: Sequence[str], pairs: Iterable[tuple[int, int]]) -> list[str]:
    """Families of items, those with alike members made one; ``names``: each item's family."""
    index = {name: i for i, name in enumerate(dict.fromkeys(names))}
    groups = joined(len(index), ((index[names[a]], index[names[b]]) for a, b in pairs))
    ordered = list(index)
    return [ordered[groups[index[name]]] for name in names]
