"""Levels, rooms and distance in NumPy. All sound is float32 and mono ``[n]``; rates in Hz, levels in dB of full scale."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Spans = tuple[tuple[int, int], ...]

BLOCK = 0.01  # seconds of the blocks in which loudness is followed
SILENT = -120.0
_ACTIVE = -25.0  # dB under the loudest block, down to which a block counts for the active level
_SPEED = 343.0  # metres of sound in a second


def block_levels(samples: Float32, rate: int) -> npt.NDArray[np.float64]:
    """Level of every whole block, dB; the rest at the end counts as a block of its own."""
    size = max(1, round(BLOCK * rate))
    whole = len(samples) // size
    power = np.einsum("ij,ij->i", *(2 * [samples[: whole * size].reshape(-1, size)])).astype(np.float64) / size
    rest = samples[whole * size :]
    if len(rest):
        power = np.append(power, float(np.dot(rest, rest)) / len(rest))
    levels: npt.NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, 1e-12))
    return levels


def active_level(samples: Float32, rate: int) -> float:
    """Root mean square of the blocks that are heard, in dB: pauses between barks or words do not make a sound quieter."""
    if not len(samples):
        return SILENT
    levels = block_levels(samples, rate)
    loud = levels[levels >= levels.max() + _ACTIVE]
    return float(10.0 * np.log10(np.mean(10.0 ** (loud / 10.0))))


def active_spans(samples: Float32, rate: int, *, below: float, gap: float, least: float, above_floor: float = 0.0) -> Spans:
    """Where a sound is heard: (first, last) samples of the stretches no more than ``below`` dB under the loudest block.

    Stretches less than ``gap`` seconds apart are one; those shorter than ``least`` seconds, or 12 dB under the strongest, are left out.
    above_floor: where the recording's own noise lies 25 dB or more under its loudest block, a sound is at least so many dB above it.
    """
    levels = block_levels(samples, rate)
    if not len(levels) or levels.max() < -80.0:
        return ()
    top = float(levels.max())
    threshold = max(top - below, -90.0)
    floor = float(np.percentile(levels, 10))
    if above_floor and top - floor >= 25.0:
        threshold = max(threshold, min(floor + above_floor, top - 15.0))
    size = max(1, round(BLOCK * rate))
    spans = _runs(levels >= threshold, round(gap / BLOCK))
    kept = [(a, b) for a, b in spans if (b - a) * BLOCK >= least - 1e-9 and levels[a:b].max() >= top - 12.0]
    return tuple((a * size, min(b * size, len(samples))) for a, b in kept)


def bursts(samples: Float32, rate: int) -> int:
    """How many separate bursts there are: stretches within 18 dB of the loudest block, 80 ms or more apart."""
    levels = block_levels(samples, rate)
    if not len(levels):
        return 0
    return len(_runs(levels >= levels.max() - 18.0, round(0.08 / BLOCK)))


def _runs(loud: npt.NDArray[np.bool_], gap: int) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], loud, [False])).astype(np.int8)))
    runs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    merged = runs[:1]
    for (_, _end), (start, end) in pairwise(runs):
        if start - merged[-1][1] < gap:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def gain(db: float) -> np.float32:
    return np.float32(10.0 ** (db / 20.0))


def faded(samples: Float32, rate: int, start: float, end: float) -> Float32:
    """A copy with raised-cosine ramps of ``start`` and ``end`` seconds, so that cut edges do not click."""
    out = samples.copy()
    for seconds, reverse in ((start, False), (end, True)):
        n = min(round(seconds * rate), len(out) // 2)
        if n:
            ramp = _ramp(n)
            if reverse:
                out[-n:] *= ramp[::-1]
            else:
                out[:n] *= ramp
    return out


@lru_cache(maxsize=32)
def _ramp(n: int) -> Float32:
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)).astype(np.float32)


def looped(samples: Float32, n: int, rate: int) -> Float32:
    """Repeated to ``n`` samples with equal-power joints of up to half a second."""
    if len(samples) >= n:
        return samples[:n]
    joint = min(rate // 2, len(samples) // 4)
    if joint == 0:
        return np.resize(samples, n)
    ramp = np.sqrt(np.linspace(0.0, 1.0, joint, dtype=np.float32))
    piece = samples.copy()
    piece[:joint] *= ramp
    piece[-joint:] *= ramp[::-1]
    out = np.zeros(n + len(samples), np.float32)
    step = len(samples) - joint
    for at in range(0, n, step):
        out[at : at + len(samples)] += _unfaded(samples, piece, joint) if at == 0 else piece
    return out[:n]


def _unfaded(samples: Float32, piece: Float32, joint: int) -> Float32:
    """The first turn of a loop: it does not fade in."""
    first = piece.copy()
    first[:joint] = samples[:joint]
    return first


def low_passed(samples: Float32, rate: int, cutoff: float) -> Float32:
    """Air and obstacles: a gentle slope of 12 dB an octave from ``cutoff`` Hz, without delay."""
    if cutoff >= rate / 2:
        return samples
    n = _fast_length(len(samples))
    spectrum = np.fft.rfft(samples, n)
    frequencies = np.arange(len(spectrum), dtype=np.float32) * np.float32(rate / n)
    spectrum *= 1.0 / (1.0 + (frequencies / np.float32(cutoff)) ** 2)
    return np.fft.irfft(spectrum, n)[: len(samples)].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Place:
    """decay: seconds in which the echo falls by 60 dB. metres: to the first reflections. direct: direct sound over echo at 1 m, dB."""

    name: str
    decay: float
    metres: float
    direct: float


def echo(place: Place, rate: int, seed: int) -> Float32:
    """The echo of a place, without the direct sound, of energy 1: a few early reflections, then noise that decays exponentially."""
    rng = np.random.default_rng(seed)
    n = max(1, round(place.decay * rate * 1.1))
    time = np.arange(n) / rate
    tail = rng.standard_normal(n) * np.exp(-6.908 * time / place.decay)  # 6.908 = ln(1000): 60 dB
    first = round(place.metres / _SPEED * rate)
    tail[: min(first, n - 1)] = 0.0
    reflections = first + (rng.random(6) * 4.0 * place.metres / _SPEED * rate).astype(int)
    for at in reflections[reflections < n]:
        tail[at] += rng.choice((-1.0, 1.0)) * 2.5 * np.exp(-6.908 * time[at] / place.decay)
    smooth = np.convolve(tail, (0.25, 0.5, 0.25))[:n]  # walls take the highest tones
    return (smooth / max(float(np.sqrt(np.sum(smooth**2))), 1e-9)).astype(np.float32)


def convolved(samples: Float32, response: Float32) -> Float32:
    """``len(samples) + len(response) − 1`` samples."""
    total = len(samples) + len(response) - 1
    n = _fast_length(total)
    return np.fft.irfft(np.fft.rfft(samples, n) * np.fft.rfft(response, n), n)[:total].astype(np.float32)


@lru_cache(maxsize=1024)
def _fast_length(n: int) -> int:
    """The next length of small prime factors."""
    best = 1 << (n - 1).bit_length()
    for three in (1, 3, 9):
        for five in (1, 5, 25):
            size = three * five
            if size >= best:
                continue
            while size < n:
                size *= 2
            best = min(best, size)
    return best
