"""Held-out sounds whose kind is a tone, and models that hear tones: so that what a probe must find is known before it is asked."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import soundfile as sf

from auricle.audio import Audio
from auricle.data.items import Item
from auricle.data.manifest import write
from auricle.evaluation.heldout import HeldOut
from auricle.models.capabilities import Windowing

RATE = 16_000
LABELS = (
    "dog barking", "cat meowing", "church bell", "piano", "glass breaking", "rooster crowing", "applause", "violin", "thunder",
    "gunshot", "helicopter", "footsteps on snow", "hammering", "trumpet", "frog croaking", "cow mooing", "camera shutter", "laser gun",
    "sneezing", "crickets",
)  # fmt: skip
BEDS = ("rain falling", "factory machinery")
SPEECH = "English speech"
NAMES = (*LABELS, *BEDS, SPEECH)
FREQUENCY = {label: 200.0 * 1.16**place for place, label in enumerate(NAMES)}


def tone(label: str, seconds: float = 1.5, *, bend: float = 1.0, seed: int = 0, level: float = 0.2) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    wave = np.sin(2 * np.pi * FREQUENCY[label] * bend * t) * level
    return (wave + np.random.default_rng(seed).standard_normal(len(t)) * level / 200).astype(np.float32)


def sounds(
    folder: Path, *, per_label: int = 3, seconds: float = 1.5, split: str = "dev", speech: bool = True, level: float = 0.2
) -> HeldOut:
    """``per_label`` sources of each label, and two backgrounds of 8 s."""
    folder.mkdir(parents=True, exist_ok=True)
    items = []
    for label in (*LABELS, *BEDS, *([SPEECH] if speech else [])):
        for take in range(per_label):
            name = f"{label.replace(' ', '_')}-{take}.wav"
            long = 8.0 if label in BEDS else seconds
            sf.write(
                folder / name,
                tone(label, long, bend=1 + 0.004 * (take - 1), seed=take + 100 * len(split), level=level),
                RATE,
                subtype="FLOAT",
            )
            extra = {"said": f"here are {take + 2} dogs"} if label == SPEECH else {}
            labels = (label, "speech") if label == SPEECH else (label,)
            source = f"{split}/{label}/{take}"
            items.append(Item(id=source, audio=name, labels=labels, duration=long, clip=source, split=split, set="toy", extra=extra))
    write(folder / "manifest.jsonl", items)
    return HeldOut(f"toy, {split}", tuple(items), folder)


@dataclass
class Slope:
    """A calibration: log-odds rise with similarity."""

    slope: float = 30.0
    middle: float = 0.35

    def log_odds(self, audio, text):
        return self.slope * (audio.astype(np.float64) @ text.T.astype(np.float64) - self.middle)


@dataclass
class Toy:
    """Hears which tones there are. ``confusion``: how much of the vector is chance."""

    name: str = "toy@1"
    confusion: float = 0.0
    calibration: Slope | None = field(default_factory=Slope)
    rate: int = RATE
    dim: int = 32
    windowing: Windowing = field(default_factory=Windowing)

    @property
    def pipeline_id(self) -> str:
        return f"{self.name}:0"

    def embed_audio(self, windows):
        return np.stack([self._heard(w) for w in windows]).astype(np.float32)

    def _heard(self, audio: Audio) -> np.ndarray:
        sound = audio.samples[0].astype(np.float64)
        power = np.abs(np.fft.rfft(sound, max(len(sound), 4096))) ** 2
        hertz = np.fft.rfftfreq(max(len(sound), 4096), 1 / audio.rate)
        vector = np.zeros(self.dim)
        for place, label in enumerate(NAMES):
            vector[place] = np.sqrt(power[np.abs(hertz / FREQUENCY[label] - 1) < 0.05].sum())
        vector[-1] = 1e-6  # silence has a vector, too
        chance = np.random.default_rng(zlib.crc32(sound.tobytes())).standard_normal(self.dim)
        return unit(unit(vector) + self.confusion * unit(chance))

    def embed_text(self, texts):
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            own = [place for place, label in enumerate(NAMES) if label in text] or ([NAMES.index(SPEECH)] if "speech" in text else [])
            row[own or [self.dim - 1]] = 1.0
            row /= np.linalg.norm(row)
        return rows


class Constant(Toy):
    """Deaf: the same vector whatever is heard."""

    def embed_audio(self, windows):
        return np.stack([unit(np.ones(self.dim))] * len(windows)).astype(np.float32)


class OneSound(Toy):
    """Hears the loudest tone only."""

    def _heard(self, audio):
        vector = super()._heard(audio)
        return np.where(vector == vector.max(), 1.0, 0.0)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(np.linalg.norm(vector), 1e-12)


def uncalibrated(model: Toy) -> Toy:
    return replace(model, calibration=None)
