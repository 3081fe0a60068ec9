"""Fingerprints of sound: landmarks between peaks of a spectrogram, found again after a shift, another encoding, level or rate.

Each peak is paired with some that follow; (frequency, frequency, time between) is a hash, its time a number of frames (A. Wang, "An
industrial-strength audio search algorithm", ISMIR 2003). Two sounds that share a stretch share many hashes at one difference of time.
An index from hash to sounds finds candidates without comparing all with all; a band spectrogram of both at that difference decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from auricle.audio import Audio
from auricle.audio.features import framed, hann, mel_filter_bank, project

RATE = 8000
_WINDOW, _HOP = 512, 128
_BANDS = 32
_LOW, _HIGH = 4, 252  # bins that count: 60 Hz to 3.9 kHz
_NEAR_TIME, _NEAR_FREQUENCY = 3, 5  # a peak is the highest within so many frames and bins
_RANGE = 65.0  # dB below the loudest that a peak may lie
_FAN = 5  # pairs of a peak
_AHEAD = 63  # frames that a pair may span
_BESIDE = 63  # bins
_PEAKS = 30  # of a second, the highest
_COMMON = 400  # a hash in more sounds than this tells nothing
_VOTES = 4  # hashes at one difference of time that make a candidate,
_SHARE = 0.02  # or this part of the hashes of the sound that has fewer
_OVERLAP = 0.2  # seconds that must lie on each other
_HEARD = 1875  # frames that decide: 30 s
_DEEP = 80  # half decibels below the loudest that still count: what is softer is noise, or was left out by a codec
# Correlation from which two stretches are one sound. Among 223 effects and recordings chance candidates reach 0.81 (under 0.8 s) and 0.58
# (longer), while nine in ten sounds in noise at 20 dB stay above 0.9.
SAME, SAME_SHORT, _SHORT = 0.65, 0.82, 0.8

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """``hashes`` and the frame of each; ``bands``: uint8 ``[frames, 32]``, for the decision."""

    hashes: npt.NDArray[np.uint32]
    times: npt.NDArray[np.int32]
    bands: npt.NDArray[np.uint8]

    @property
    def frames(self) -> int:
        return int(self.bands.shape[0])


@dataclass(frozen=True, slots=True)
class Match:
    """``index``: of the sound found. ``similarity``: correlation, 0…1. ``shift``: seconds from its start to that of the one asked for."""

    index: int
    similarity: float
    shift: float
    seconds: float  # that lie on each other


def fingerprint(blocks: Iterable[Audio]) -> Print:
    """Of mono sound at :data:`RATE`, in blocks."""
    hashes: list[npt.NDArray[np.uint32]] = []
    times: list[Ints] = []
    bands: list[npt.NDArray[np.uint8]] = []
    at = 0
    rest = np.zeros(_WINDOW, np.float32)  # silence before the start and after the end: a sound may begin and end in another
    ended = False
    stream = iter(blocks)
    while not ended:
        block = next(stream, None)
        ended = block is None
        samples = np.concatenate([rest, np.zeros(_WINDOW, np.float32) if block is None else block.samples[0]])
        if at == 0 and ended and not hashes:
            break
        count = (len(samples) - _WINDOW) // _HOP + 1
        spectrum = _decibels(samples)
        hashed, when = _landmarks(*_peaks(spectrum))
        hashes.append(hashed)
        times.append(when + at)
        bands.append(_banded(spectrum))
        at += count
        rest = samples[count * _HOP :]
    if not bands:
        return Print(np.zeros(0, np.uint32), np.zeros(0, np.int32), np.zeros((0, _BANDS), np.uint8))
    return Print(np.concatenate(hashes).astype(np.uint32), np.concatenate(times).astype(np.int32), np.concatenate(bands))


class Prints:
    """An index of many fingerprints. ``find`` costs the hashes asked for times the sounds that share them, not all sounds."""

    def __init__(self, prints: Sequence[Print]) -> None:
        self._prints = prints
        counts = [len(p.hashes) for p in prints]
        owners = np.repeat(np.arange(len(prints), dtype=np.int32), counts)
        hashes = np.concatenate([p.hashes for p in prints]) if prints else np.zeros(0, np.uint32)
        times = np.concatenate([p.times for p in prints]) if prints else np.zeros(0, np.int32)
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._owners, self._times = hashes[order], owners[order], times[order]

    def find(self, wanted: Print) -> list[Match]:
        """The sounds that share a stretch with ``wanted``, most alike first."""
        found = []
        for owner, shift in self._candidates(wanted):
            similarity, frames, shift = _alike(wanted.bands, self._prints[owner].bands, shift)
            seconds = frames * _HOP / RATE
            if similarity >= (SAME_SHORT if seconds < _SHORT else SAME):
                found.append(Match(owner, round(similarity, 4), shift * _HOP / RATE, seconds))
        return sorted(found, key=lambda m: (-m.similarity, m.index))

    def _candidates(self, wanted: Print) -> list[tuple[int, int]]:
        """(sound, difference in frames) with enough hashes in common there."""
        first = np.searchsorted(self._hashes, wanted.hashes, "left")
        last = np.searchsorted(self._hashes, wanted.hashes, "right")
        counts = last - first
        counts[counts > _COMMON] = 0
        total = int(counts.sum())
        if not total:
            return []
        rows = np.repeat(np.arange(len(counts)), counts)
        places = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts) + first[rows]
        owners = self._owners[places].astype(np.int64)
        shifts = self._times[places].astype(np.int64) - wanted.times[rows]
        # neighbouring differences count together: frames of two encodings need not lie on the same grid
        keys = np.concatenate([(owners << 32) + shifts + d + (1 << 30) for d in (-1, 0, 1)])
        unique, votes = np.unique(keys, return_counts=True)
        enough = votes >= _VOTES
        best: dict[int, tuple[int, int]] = {}
        for key, vote in zip(unique[enough].tolist(), votes[enough].tolist(), strict=True):
            owner, shift = key >> 32, (key & 0xFFFFFFFF) - (1 << 30)
            if vote < _SHARE * min(len(wanted.hashes), len(self._prints[owner].hashes)):
                continue
            if owner not in best or vote > best[owner][0]:
                best[owner] = (vote, shift)
        return [(owner, shift) for owner, (_, shift) in sorted(best.items())]


def _alike(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8], shift: int) -> tuple[float, int, int]:
    """(correlation, frames, shift) of the stretch where frame t of ``a`` is frame t + shift of ``b``, a frame more or less."""
    best = (0.0, 0, shift)
    for s in range(shift - 1, shift + 2):
        first, last = max(0, -s), min(len(a), len(b) - s)
        middle = (first + last) // 2
        first, last = max(first, middle - _HEARD // 2), min(last, middle + _HEARD // 2)
        if (last - first) * _HOP < _OVERLAP * RATE:
            continue
        x, y = a[first:last].astype(np.float32), b[first + s : last + s].astype(np.float32)
        heard = (x > 0) & (y > 0)
        x, y = np.maximum(x, x.max() - _DEEP), np.maximum(y, y.max() - _DEEP)
        if heard.sum() < 64:
            continue
        similarity = _correlation(x, y, heard)
        if similarity > best[0]:
            best = (similarity, last - first, s)
    return best


def _correlation(x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], heard: npt.NDArray[np.bool_]) -> float:
    """Of what is left without each band's mean and each frame's: two winds share a colour and two knocks a decay, but no more than that."""
    x, y = _centred(x, heard), _centred(y, heard)
    norm = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / norm if norm > 0 else 0.0


def _centred(values: npt.NDArray[np.float32], heard: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    for axis in (0, 1, 0):
        counts = np.maximum(heard.sum(axis=axis, keepdims=True), 1)
        mean = (values * heard).sum(axis=axis, keepdims=True) / counts
        values = np.asarray(np.where(heard, values - mean, 0.0), np.float32)
    return values


def _decibels(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    frames = framed(samples.astype(np.float32), _WINDOW, _HOP) * hann(_WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(frames, axis=1)).astype(np.float32) ** 2
    return np.asarray(10.0 * np.log10(power + 1e-12), np.float32)


def _peaks(spectrum: npt.NDArray[np.float32]) -> tuple[Ints, Ints]:
    """(frames, bins) of the peaks, in order of time."""
    part = spectrum[:, _LOW:_HIGH]
    highest = _highest(_highest(part, _NEAR_TIME, 0), _NEAR_FREQUENCY, 1)
    times, bins = np.nonzero((part >= highest) & (part > max(float(part.max()) - _RANGE, -90.0)))
    if not len(times):
        return times, bins
    second = times * _HOP // RATE
    order = np.lexsort((-part[times, bins], second))
    rank = np.arange(len(order)) - np.searchsorted(second[order], second[order], "left")
    kept = np.sort(order[rank < _PEAKS])
    return times[kept], bins[kept]


def _highest(values: npt.NDArray[np.float32], radius: int, axis: int) -> npt.NDArray[np.float32]:
    width = [(radius, radius) if a == axis else (0, 0) for a in (0, 1)]
    padded = np.pad(values, width, constant_values=-np.inf)
    result = padded.take(range(values.shape[axis]), axis)
    for step in range(1, 2 * radius + 1):
        part = padded[step : step + values.shape[0]] if axis == 0 else padded[:, step : step + values.shape[1]]
        np.maximum(result, part, out=result)
    return result


def _landmarks(times: Ints, bins: Ints) -> tuple[npt.NDArray[np.uint32], Ints]:
    hashes, when = [], []
    counts = np.zeros(len(times), np.int64)
    for step in range(1, min(len(times), 40)):
        dt, df = times[step:] - times[:-step], bins[step:] - bins[:-step]
        fits = ((dt > 0) | (df > 0)) & (dt <= _AHEAD) & (np.abs(df) <= _BESIDE) & (counts[:-step] < _FAN)
        counts[:-step] += fits
        hashes.append(_hash(bins[:-step][fits], df[fits], dt[fits]))
        when.append(times[:-step][fits])
    if not hashes:
        return np.zeros(0, np.uint32), np.zeros(0, np.int64)
    return np.concatenate(hashes), np.concatenate(when)


def _hash(bins: Ints, df: Ints, dt: Ints) -> npt.NDArray[np.uint32]:
    return (((bins >> 1) << 14) | (((df + _BESIDE) >> 1) << 6) | (dt >> 1)).astype(np.uint32)


def _banded(spectrum: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Mel bands in half decibels above −60 (of full scale, about), 0 where there is nothing."""
    power = 10.0 ** (spectrum.astype(np.float64) / 10.0)
    bands = np.empty((len(spectrum), _BANDS))
    project(power, _bank(), bands)
    level = 10.0 * np.log10(bands + 1e-12)
    return np.clip(np.round(2.0 * (level + 60.0)), 0, 255).astype(np.uint8)


@lru_cache(maxsize=1)
def _bank() -> npt.NDArray[np.float64]:
    return mel_filter_bank(_WINDOW // 2 + 1, _BANDS, 60.0, 3900.0, RATE)
