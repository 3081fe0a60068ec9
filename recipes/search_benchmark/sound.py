"""Reading source clips, and the few things done to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

CLIP_SECONDS = 30.0
OFFSET = 8.0  # seconds skipped at the start of a source longer than a minute: intros fade in
Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sound:
    """samples: float32 [n, channels], at most two channels, leading and trailing silence cut."""

    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    @property
    def channels(self) -> int:
        return self.samples.shape[1]

    def at(self, rate: int, *, mono: bool) -> Samples:
        samples = self.samples.mean(axis=1, keepdims=True) if mono else self.samples
        if rate == self.rate:
            return samples
        return np.ascontiguousarray(soxr.resample(samples, self.rate, rate, quality="HQ"), dtype=np.float32)


@lru_cache(maxsize=64)
def load(path: Path) -> Sound:
    with sf.SoundFile(path) as handle:
        rate = handle.samplerate
        if handle.frames > 60 * rate:
            handle.seek(int(OFFSET * rate))
        samples = handle.read(int(CLIP_SECONDS * rate), dtype="float32", always_2d=True)[:, :2]
    return Sound(_trimmed(samples, rate), rate)


def _trimmed(samples: Samples, rate: int) -> Samples:
    """Without the silence (below -60 dB of the peak) at both ends, 20 ms kept."""
    loud = np.abs(samples).max(axis=1, initial=0.0)
    peak = float(loud.max(initial=0.0))
    above = np.flatnonzero(loud > peak * 1e-3)
    if peak < 1e-4 or not len(above):
        return samples[:0]
    margin = int(0.02 * rate)
    return samples[max(0, above[0] - margin) : above[-1] + margin]


def level(samples: Samples) -> float:
    """Root mean square of the louder half, in blocks of 50 ms at 16 kHz or more: a short hit counts by its hit."""
    if not len(samples):
        return 0.0
    mono = samples.mean(axis=1)
    size = max(1, min(len(mono), 1600))
    blocks = np.sqrt(np.mean(mono[: len(mono) // size * size].reshape(-1, size) ** 2, axis=1))
    return float(np.sort(blocks)[len(blocks) // 2 :].mean())


def fade_edges(samples: Samples, rate: int, seconds: float) -> Samples:
    n = min(int(seconds * rate), len(samples) // 2)
    if n == 0:
        return samples
    out = samples.copy()
    ramp = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    out[:n] *= ramp
    out[-n:] *= ramp[::-1]
    return out


def looped(samples: Samples, n: int, rate: int) -> Samples:
    """Repeated to ``n`` samples with equal-power joints of up to 0.3 s."""
    if len(samples) >= n:
        return samples[:n]
    joint = min(int(0.3 * rate), len(samples) // 4)
    if joint == 0:
        return np.resize(samples, (n, samples.shape[1]))
    ramp = np.sqrt(np.linspace(0, 1, joint, dtype=np.float32))[:, None]
    out = np.zeros((n + len(samples), samples.shape[1]), np.float32)
    step, at = len(samples) - joint, 0
    while at < n:
        piece = samples.copy()
        if at:
            piece[:joint] *= ramp
        piece[-joint:] *= ramp[::-1]
        out[at : at + len(samples)] += piece
        at += step
    return out[:n]
