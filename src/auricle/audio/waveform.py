"""The shape of a sound over time, for drawing it and for matching its loudness; in bounded memory however long the sound is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auricle.audio.types import Samples

Int8 = npt.NDArray[np.int8]
UInt8 = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Buckets = tuple[Samples, Samples, Samples]  # low, high and mean square of consecutive buckets

PER_SECOND = 50  # buckets
LEAST, MOST = 256, 32768  # buckets of a sound; fewer only where it has fewer samples
FLOOR_DB = -120.0  # stands for silence: JSON knows no −∞
GATE_DB = -70.0, -10.0  # what is fainter than the first, or than the mean by the second, does not count for loudness
GATED_SECONDS = 0.1
_STEP_DB = 0.5  # of a level


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """A whole sound in buckets of equal length; the last may be shorter.

    bucket: seconds of one. seconds: of the whole sound. peak: the largest magnitude, full scale 1; may be above.
    low, high: −127…127, of ``peak``. level: mean power in steps of 0.5 dB, 255 for that of ``peak``, 0 for silence.
    Values are relative to the peak, so that a faint sound is held as finely as a loud one.
    """

    bucket: float
    seconds: float
    peak: float
    low: Int8
    high: Int8
    level: UInt8

    def __len__(self) -> int:
        return len(self.level)

    @property
    def power(self) -> Floats:
        """Mean square of each bucket, full scale 1."""
        decibel = (self.level.astype(np.float64) - 255.0) * _STEP_DB
        return np.where(self.level > 0, self.peak**2 * 10.0 ** (decibel / 10.0), 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A stretch of a sound as points to draw: ``min``, ``max`` −127…127 and ``rms`` 0…127, full scale 127.

    loudness_db: see :func:`loudness`. peak_db: of the largest magnitude. Both in dBFS, −120 for silence.
    """

    start: float
    end: float
    min: Int8
    max: Int8
    rms: Int8
    loudness_db: float
    peak_db: float


class Tracer:
    """Draws the envelope of a sound that comes in mono blocks of any size; how it is cut into blocks makes no difference.

    bucket: samples of one; by default those of 1/50 s. A sound of more than 32,768 buckets gets longer ones and, unless ``bucket``
            is given, a sound of fewer than 256 shorter ones.
    """

    def __init__(self, rate: int, bucket: int | None = None) -> None:
        self.rate = rate
        self._bucket = bucket or max(1, round(rate / PER_SECOND))
        self._short = 0 if bucket else LEAST * self._bucket  # a sound of so few samples is divided when its length is known
        self._samples = 0
        self._held: list[Samples] = []  # samples that are in no bucket yet
        self._held_samples = 0
        self._done: list[Buckets] = []
        self._buckets = 0

    def add(self, samples: Samples) -> None:
        """The next samples, float32 ``[n]``."""
        self._held.append(samples)
        self._held_samples += len(samples)
        self._samples += len(samples)
        if self._samples > self._short and self._held_samples >= 2 * self._bucket:
            self._reduce()

    def finish(self) -> Envelope:
        """The envelope of all that was added; call it once, at the end."""
        rest = self._take_held()
        if self._samples <= self._short:
            points = min(self._samples, LEAST)
            edges = np.arange(points) * self._samples // max(1, points)
            bucket = self._samples / max(1, points)
            self._done = [_reduced_between(rest, edges)] if points else []
        else:
            bucket, whole = float(self._bucket), len(rest) // self._bucket * self._bucket
            self._done.append(_reduced(rest[:whole].reshape(-1, self._bucket)))
            if whole < len(rest):
                self._done.append(_reduced(rest[None, whole:]))
        return _envelope(bucket / self.rate, self._samples / self.rate, _joined(self._done))

    def _reduce(self) -> None:
        """Samples to buckets, so many that their number stays even and can be halved."""
        sound, at = self._take_held(), 0
        while (count := self._even(len(sound) - at)) > 0:
            size = count * self._bucket
            self._done.append(_reduced(sound[at : at + size].reshape(-1, self._bucket)))
            self._buckets += count
            at += size
            if self._buckets > MOST - 2:  # an odd one and an incomplete one may follow
                self._halve()
        self._held, self._held_samples = [sound[at:].copy()], len(sound) - at

    def _even(self, samples: int) -> int:
        count = min(samples // self._bucket, MOST)
        return count - (self._buckets + count) % 2

    def _halve(self) -> None:
        low, high, power = (values.reshape(-1, 2) for values in _joined(self._done))
        self._done = [(low.min(axis=1), high.max(axis=1), power.mean(axis=1, dtype=np.float32))]
        self._bucket *= 2
        self._buckets //= 2

    def _take_held(self) -> Samples:
        held, self._held, self._held_samples = self._held, [], 0
        return held[0] if len(held) == 1 else np.concatenate([*held, np.empty(0, np.float32)])


def resample(envelope: Envelope, start: float, end: float, n: int) -> Outline:
    """Seconds ``start`` to ``end`` as ``n`` points; where there is no sound, they are 0. Finer than the buckets it only repeats them."""
    if not len(envelope):
        nothing = np.zeros(n, np.int8)
        return Outline(start, end, nothing, nothing, nothing, FLOOR_DB, FLOOR_DB)
    edges = start + (end - start) * np.arange(n + 1) / n
    outside = (edges[:-1] >= envelope.seconds) | (edges[1:] <= 0)
    # a hair of tolerance: an edge between two buckets belongs to neither
    begins = np.clip(np.floor(edges[:-1] / envelope.bucket + 1e-6), 0, len(envelope) - 1).astype(np.int64)
    ends = np.clip(np.ceil(edges[1:] / envelope.bucket - 1e-6), begins + 1, len(envelope)).astype(np.int64)
    low, high, power = _spanned(envelope, begins, ends)
    for values in (low, high, power):
        values[outside] = 0
    inside = ~outside
    touched = slice(int(begins[inside][0]), int(ends[inside][-1])) if inside.any() else slice(0, 0)
    scale = envelope.peak
    peak = max(_largest(envelope.low[touched]), _largest(envelope.high[touched])) / 127.0 * scale
    rms = np.minimum(np.sqrt(power) * 127.0, np.maximum(-low, high) * scale)  # coarser than these, it may not stand out over them
    return Outline(
        start, end, _scaled(low * scale), _scaled(high * scale), _scaled(rms),
        loudness(envelope.power[touched], envelope.bucket), _decibel(peak**2),
    )  # fmt: skip


def loudness(power: Floats, bucket: float) -> float:
    """Mean power in dBFS, pauses left out. power: mean squares of consecutive buckets of so many seconds.

    Of the parts of 0.1 s above −70 dBFS, those count that are not more than 10 dB below the mean of them. The gates are those of
    ITU-R BS.1770; its weighting by frequency is not applied: a sine at full scale has −3.0 dB.
    """
    if not len(power):
        return FLOOR_DB
    edges = np.arange(0, len(power), max(1, round(GATED_SECONDS / bucket)))
    parts = np.add.reduceat(power, edges) / np.diff(np.append(edges, len(power)))
    loud = parts[parts > 10.0 ** (GATE_DB[0] / 10.0)]
    if not len(loud):
        return _decibel(float(power.mean()))
    return _decibel(float(loud[loud >= loud.mean() * 10.0 ** (GATE_DB[1] / 10.0)].mean()))


def _spanned(envelope: Envelope, begins: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Low, high and power over runs of buckets, which may overlap."""
    pairs = np.stack([begins, ends], axis=1).reshape(-1)

    def over(reduce: np.ufunc, values: npt.NDArray[np.generic]) -> Floats:
        padded = np.append(values, values.dtype.type(0))  # an end may lie one past the last
        found: Floats = reduce.reduceat(padded, pairs)[::2].astype(np.float64)
        return found

    return over(np.minimum, envelope.low), over(np.maximum, envelope.high), over(np.add, envelope.power) / (ends - begins)


def _reduced(rows: Samples) -> Buckets:
    power: Samples = np.einsum("ij,ij->i", rows, rows)
    power /= np.float32(rows.shape[1])
    return rows.min(axis=1), rows.max(axis=1), power


def _reduced_between(sound: Samples, edges: npt.NDArray[np.int64]) -> Buckets:
    lengths = np.diff(np.append(edges, len(sound))).astype(np.float32)
    power: Samples = np.add.reduceat(sound * sound, edges)
    power /= lengths
    return np.minimum.reduceat(sound, edges), np.maximum.reduceat(sound, edges), power


def _joined(parts: list[Buckets]) -> Buckets:
    if not parts:
        nothing = np.empty(0, np.float32)
        return nothing, nothing, nothing
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]), np.concatenate([p[2] for p in parts])


def _envelope(bucket: float, seconds: float, buckets: Buckets) -> Envelope:
    low, high, power = (np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0) for values in buckets)
    peak = max(_largest(low), _largest(high))
    if peak == 0.0:
        nothing = np.zeros(len(low), np.int8)
        return Envelope(bucket, seconds, 0.0, nothing, nothing, np.zeros(len(low), np.uint8))
    with np.errstate(divide="ignore"):
        steps = 255.0 + 10.0 * np.log10(power / peak**2) / _STEP_DB
    level = np.clip(np.nan_to_num(np.round(steps), neginf=0.0), 0, 255).astype(np.uint8)
    # outwards, so that what is played louder by the peak of a faint stretch is never clipped
    return Envelope(bucket, seconds, peak, _scaled(np.floor(low / peak * 127.0)), _scaled(np.ceil(high / peak * 127.0)), level)


def _scaled(values: Floats) -> Int8:
    return np.clip(np.round(values), -127, 127).astype(np.int8)


def _largest(values: npt.NDArray[np.generic]) -> float:
    return float(np.abs(values.astype(np.float64)).max()) if len(values) else 0.0


def _decibel(power: float) -> float:
    return max(FLOOR_DB, 10.0 * math.log10(power)) if power > 0.0 else FLOOR_DB
