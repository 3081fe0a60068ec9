"""Changes of a sound that keep what it is. All chance comes from the generator that is given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from auricle.audio.features import Float32
from auricle.training.schema import Augment

Other = Callable[[np.random.Generator], Float32 | None]


def placed(sound: Float32, n: int, spec: Augment, rng: np.random.Generator, pad: str) -> tuple[Float32, int]:
    """A sound made ``n`` samples long, and where it begins: filled with zeros or repeats, or (``shift``) put anywhere."""
    if len(sound) >= n or not len(sound):
        return np.resize(sound[:n], n).astype(np.float32) if len(sound) else np.zeros(n, np.float32), 0
    if pad == "repeat":
        return np.resize(sound, n), 0
    at = int(rng.integers(0, n - len(sound) + 1)) if spec.shift else 0
    return np.pad(sound, (at, n - len(sound) - at)), at


def changed(sound: Float32, spec: Augment, rng: np.random.Generator, other: Other) -> Float32:
    """Another sound beneath it, noise, gain; in this order."""
    if spec.mix and rng.random() < spec.mix and (beneath := other(rng)) is not None:
        sound = _under(sound, np.resize(beneath, len(sound)), rng.uniform(*spec.mix_snr))
    if spec.noise and rng.random() < spec.noise:
        sound = _under(sound, rng.standard_normal(len(sound)).astype(np.float32), rng.uniform(*spec.noise_snr))
    if spec.gain is not None:
        sound = sound * np.float32(10 ** (rng.uniform(*spec.gain) / 20))
    return sound


def _under(sound: Float32, beneath: Float32, snr: float) -> Float32:
    power, other = float(np.square(sound).mean()), float(np.square(beneath).mean())
    if power <= 0 or other <= 0:
        return sound
    return sound + beneath * np.float32((power / other) ** 0.5 * 10 ** (-snr / 20))


def hidden_bins(frames: int, bands: int, spec: Augment, rng: np.random.Generator) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """SpecAugment (Park 2019, arXiv 1904.08779): one stretch of frames and one of bands, true where hidden."""
    hidden = np.zeros((frames, bands), bool)
    for axis, most in ((0, spec.mask_time), (1, spec.mask_bands)):
        size = hidden.shape[axis]
        width = int(rng.integers(0, min(most, size) + 1))
        start = int(rng.integers(0, size - width + 1))
        if axis == 0:
            hidden[start : start + width] = True
        else:
            hidden[:, start : start + width] = True
    return hidden
