"""Clips made of tones and noise whose times are known: enough labels, takes and splits for a world, and nothing to decode."""

from __future__ import annotations

import zlib

import numpy as np

from auricle.audio import Audio
from auricle.data.items import Item
from auricle.data.world.config import parse
from auricle.data.world.world import World

RATE = 8000
EVENTS = ("dog_bark", "Cat", "door slam", "car horn", "gunshot", "owl hoot", "cough", "sheep", "splash", "glass breaking")
TEXTURES = ("footsteps", "siren", "vacuum cleaner", "applause")
BEDS = ("rain", "wind", "crickets", "crowd")
INSTRUMENTS = ("violin", "piano", "trumpet", "tuba", "flute")
LINES = (
    "the train is late", "please hold the line", "turn left at the bridge", "we are closed today", "your call is important", "mind the gap",
    "dinner is ready", "three blue boats", "open the window", "the meeting starts now", "good morning everyone", "press any key",
)  # fmt: skip


def items(splits=("train", "dev"), takes=5):
    """Items of every label, ``takes`` clips on each side; clip ids name their split."""
    made = []
    for split in splits:
        for label in (*EVENTS, *TEXTURES, *BEDS):
            made += [_item(split, label, n, labels=(label,)) for n in range(takes)]
        for label in INSTRUMENTS:
            for n in range(takes):
                extra = {
                    "instrument": label,
                    "tempo": (60, 100, 150)[n % 3],
                    "pitch": (40, 60, 80)[n % 3],
                    "mode": ("major", "minor")[n % 2],
                }
                made.append(_item(split, label, n, labels=("music", label), extra=extra))
        half = LINES[: len(LINES) // 2] if split == "train" else LINES[len(LINES) // 2 :]
        made += [
            _item(split, "speech", n, extra={"transcript": line, "speaker": ("man", "woman", "unknown")[n % 3]})
            for n, line in enumerate(half)
        ]
    return made


def _item(split, label, n, **more):
    name = f"{split}/{label}/{n}"
    return Item(
        id=name, audio=f"{name}.wav", split=split, clip=f"clip:{name}", source=f"made:{name}", licence="CC0-1.0", set="made", **more
    )


def kind(item):
    label = item.id.split("/")[1]
    return "event" if label in EVENTS else "bed" if label in BEDS else "speech" if label == "speech" else "goes on"


def hear(item, rate=RATE):
    """A single burst for an event, words as bursts for speech, a steady sound for the rest; 0.1 to 0.3 s of silence at both ends."""
    rng = np.random.default_rng(zlib.crc32(item.id.encode()))
    seconds = {"event": rng.uniform(0.2, 0.7), "speech": rng.uniform(0.8, 1.4), "bed": 4.0, "goes on": rng.uniform(5.5, 6.5)}[kind(item)]
    time = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * rng.uniform(200, 1500) * time) + 0.3 * rng.standard_normal(len(time))
    if kind(item) == "speech":
        tone *= np.sin(2 * np.pi * 4 * time) > -0.5
    sound = 0.3 * tone * rng.uniform(0.2, 1.0)
    ends = [np.zeros(round(rng.uniform(0.1, 0.3) * rate)) for _ in range(2)]
    return Audio(np.concatenate([ends[0], sound, ends[1]]).astype(np.float32), rate)


def world(seed=0, split="train", source=None, opener=hear, **config):
    values = {"rate": RATE, "seconds": [4, 8], "event_seconds": [0.05, 3], **config}
    return World(items() if source is None else source, parse(values), seed=seed, split=split, opener=opener)
