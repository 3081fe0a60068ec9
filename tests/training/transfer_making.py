"""Tones, noises and beeps as labelled sounds of several source clips, and a run that is trained on them in a second."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from auricle.data.items import Item
from auricle.data.manifest import write
from auricle.training.transfer.decision import Shots

RATE = 8000
LABELS = ("hiss", "hum", "beeps")
RECIPE = """\
name: small
seed: 3
data: {manifests: [{path: sounds.jsonl}], seconds: 1.0, workers: 0}
model:
  dim: 16
  audio:
    kind: cnn
    width: 4
    depths: [1, 1]
    frontend: {rate: 8000, window_length: 200, hop_length: 80, n_fft: 256, n_mels: 16, f_max: 3500.0, patch_frames: 32, hop_frames: 16}
  text: {kind: transformer, width: 16, layers: 1, heads: 2, max_length: 16}
objectives: [{kind: infonce}]
optimiser: {rate: 2e-3}
budget: {steps: 2, batch: 4, save_every: 2}
export: {precision: float32, licence: CC0-1.0}
"""


def sound(label: str, number: int, seconds: float = 1.2) -> np.ndarray:
    rng = np.random.default_rng([number, len(label)])
    t = np.arange(round(seconds * RATE)) / RATE
    if label == "hiss":
        return (0.1 * rng.standard_normal(len(t))).astype(np.float32)
    if label == "hum":
        return (0.3 * np.sin(2 * np.pi * rng.uniform(90, 160) * t)).astype(np.float32)
    return (0.3 * np.sin(2 * np.pi * rng.uniform(900, 1400) * t) * (np.sin(2 * np.pi * 6 * t) > 0)).astype(np.float32)


def write_sound(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def make_items(folder: Path, train: int = 5, test: int = 3, labels=LABELS) -> list[Item]:
    """``train`` + ``test`` clips a label; each clip has a second take of the same source among its own side."""
    items = []
    for label in labels:
        for number in range(train + test):
            for take in range(2 if number == 0 else 1):
                name = f"sounds/{label}-{number}-{take}.wav"
                write_sound(folder / name, sound(label, 10 * number + take))
                split = "train" if number < train else "test"
                known = {"split": split, "clip": f"{label}:{number}", "licence": "CC0-1.0", "duration": 1.2, "set": "made"}
                items.append(Item(id=name, audio=name, labels=(label,), captions=(f"a {label}",), **known))
    return items


def make_data(folder: Path, **counts) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sounds.jsonl"
    write(path, make_items(folder, **counts))
    return path


def made_shots(n: int = 4, k: int = 3, dim: int = 8, windows: int = 2, seed: int = 0, exclusive: bool = True) -> Shots:
    """``n`` sounds a label near that label's axis, each of ``windows`` windows."""
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(n * k), windows)
    truth = np.zeros((n * k, k), np.int8)
    truth[np.arange(n * k), np.arange(n * k) % k] = 1
    centres = np.eye(k, dim)
    vectors = centres[truth.argmax(1)][owners] + 0.4 * rng.standard_normal((len(owners), dim))
    texts = centres + 0.8 * rng.standard_normal((k, dim))
    clips = tuple(f"clip {i}" for i in range(n * k))
    labels = tuple(f"label {c}" for c in range(k))
    return Shots(unit(vectors), owners, truth, clips, unit(texts), unit(texts), labels, exclusive, seed)


def unit(x: np.ndarray) -> np.ndarray:
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)
