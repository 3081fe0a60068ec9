"""Models that are as good or as broken as a test needs, on sounds whose pitch says what they are."""

from __future__ import annotations

import hashlib

import numpy as np

from auricle.audio import Audio
from auricle.errors import ModelError
from auricle.models.capabilities import Windowing
from auricle.models.heads import Calibration

PITCHES = {"bell": 3000, "horn": 400, "whistle": 1500, "hum": 150}
RATE = 8000
DIM = 16


def tone(label, seconds=0.5, seed=0, level=0.3):
    """A pure tone of the label's pitch, slightly different for each seed."""
    t = np.arange(int(seconds * RATE)) / RATE
    rng = np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * PITCHES[label] * (1 + 0.002 * rng.normal()) * t) + 0.02 * rng.normal(size=len(t))
    return (level * wave).astype(np.float32)


class Toy:
    """Hears the loudest pitch. ``labels`` may be given other names than their own: a model that confuses them."""

    dim = DIM
    rate = RATE
    windowing = Windowing(1.0, 0.5)
    calibration = None
    bytes = 1234

    def __init__(self, name="toy@1", swapped=None):
        self.name = name
        self.pipeline_id = f"{name}:{hashlib.sha256(repr((name, swapped)).encode()).hexdigest()[:12]}"
        self.swapped = swapped or {}
        self.heard = 0

    def embed_audio(self, windows):
        self.heard += len(windows)
        return np.stack([self.hear(w) for w in windows]).astype(np.float32)

    def hear(self, window: Audio):
        samples = window.samples.mean(axis=0)
        spectrum = np.abs(np.fft.rfft(samples)) ** 2
        hertz = np.fft.rfftfreq(len(samples), 1 / window.rate)
        vector = np.full(DIM, 1e-3)
        for k, pitch in enumerate(PITCHES.values()):
            vector[k] += np.sqrt(spectrum[(hertz > pitch * 0.8) & (hertz < pitch * 1.25)].sum())
        return vector / np.linalg.norm(vector)

    def embed_text(self, texts):
        rows = np.full((len(texts), DIM), 1e-3)
        for row, text in enumerate(texts):
            for k, label in enumerate(PITCHES):
                rows[row, k] += self.swapped.get(label, label) in text
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class Deaf(Toy):
    """The same vector whatever it hears."""

    def hear(self, window):
        vector = np.zeros(DIM)
        vector[0] = 1.0
        return vector


class NoNumbers(Toy):
    """NaN for all it hears, or for what is louder than ``loud``."""

    loud = 0.0

    def hear(self, window):
        return np.full(DIM, np.nan) if np.abs(window.samples).max() > self.loud else super().hear(window)


class Peeking(Toy):
    """Hears nothing, and reads the label in the name of the file."""

    def hear(self, window):
        vector = np.full(DIM, 1e-3)
        for k in range(len(PITCHES)):
            vector[k] += f"-{k}.wav" in window.source
        return vector / np.linalg.norm(vector)


class NoText:
    name, pipeline_id, rate, dim, windowing = "ears@1", "ears@1:0", RATE, DIM, Windowing(1.0, 0.5)

    def embed_audio(self, windows):
        raise ModelError("Capability", "never asked")


class Sure(Toy):
    """With a calibration, so that it gives events and confidences."""

    frame_calibration = None

    def __init__(self, name="sure@1"):
        super().__init__(name)
        bank = np.eye(DIM, dtype=np.float32)[:8]
        self.calibration = Calibration(bank, np.array([0.0, 20.0, 0.0, -14.0]), "tones")
