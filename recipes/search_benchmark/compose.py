"""Recordings made of several clips: what, when and how loud is decided by a seed and written down exactly."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from clips import HALVES, Clip, seeded
from sound import CLIP_SECONDS, fade_edges, level, load, looped

from auricle.evaluation.corpus import Concepts

RATES = (16000, 22050, 24000, 32000, 44100, 48000)
EVENT_SECONDS = 15.0
BED_LEVEL = 0.04  # root mean square
SILENCE_FLOOR = 0.0008
Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Event:
    """A clip in a recording; seconds from the start of the recording."""

    clip: Clip | None  # None: generated noise
    start: float
    end: float
    gain_db: float
    bed: bool = False


@dataclass
class Recording:
    """``samples``: float32 [n, channels] at ``rate``."""

    id: str
    half: str
    kind: str  # clip | scene | long
    title: str
    rate: int
    channels: int
    seconds: float
    events: list[Event] = field(default_factory=list)

    def render(self) -> Samples:
        if self.kind == "clip":
            return self._as_it_is()
        rng = np.random.default_rng(seeded(self.id) % 2**32)
        n = round(self.seconds * self.rate)
        mix = np.zeros((n, self.channels), np.float32)
        mix += SILENCE_FLOOR * rng.standard_normal((n, 1)).astype(np.float32)
        for event in self.events:
            _add(mix, event, self.rate, rng)
        peak = float(np.abs(mix).max(initial=0.0))
        if peak > 0.95:
            mix *= 0.95 / peak
        return mix

    def _as_it_is(self) -> Samples:
        clip = self.events[0].clip
        assert clip is not None
        samples = load(clip.source).at(self.rate, mono=self.channels == 1)
        peak = float(np.abs(samples).max(initial=0.0))
        return samples * np.float32(min(1.0, 0.98 / max(peak, 1e-6)))


def compose(spec: Mapping[str, Any], clips: Sequence[Clip], tree: Concepts) -> tuple[list[Recording], list[str]]:
    """Scenes and long recordings of both halves, and which templates had no clip for some concept."""
    recordings: list[Recording] = []
    notes: list[str] = []
    for half in HALVES:
        shelf = _shelf([c for c in clips if c.half == half], tree)
        for template in spec["templates"]:
            wanted = [c for c in [template["bed"], *template["events"]] if c not in ("silence", "pink-noise")]
            lacking = [c for c in wanted if not shelf[c]]
            if lacking:
                notes.append(f"{half}: no {', '.join(lacking)} for the scene {template['name']!r}")
                continue
            for turn in range(template.get("each", spec["each"])):
                recordings.append(_scene(template, half, turn, shelf))
        for turn in range(spec["long"]["each"]):
            recordings.append(_long(spec["long"], spec["pool"], half, turn, shelf))
    return recordings, notes


def _shelf(clips: Sequence[Clip], tree: Concepts) -> dict[str, list[Clip]]:
    """concept -> the clips that certainly have it; those without open questions first."""
    shelf: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        for concept in sorted(tree.closure(clip.concepts)):
            shelf[concept].append(clip)
    for concept, members in shelf.items():
        certain = [c for c in members if not c.maybe]
        if len({c.family for c in certain}) >= 2:
            shelf[concept] = certain
    return shelf


def _pick(shelf: Mapping[str, list[Clip]], concept: str, rng: random.Random) -> Clip:
    """A family by chance, then a clip of it: families with many takes are not heard more often."""
    families: dict[str, list[Clip]] = defaultdict(list)
    for clip in shelf[concept]:
        families[clip.family].append(clip)
    return rng.choice(families[rng.choice(sorted(families))])


def _bed(concept: str, seconds: float, shelf: Mapping[str, list[Clip]], rng: random.Random) -> list[Event]:
    if concept == "silence":
        return []
    if concept == "pink-noise":
        return [Event(None, 0.0, seconds, rng.uniform(-14, -6), bed=True)]
    longest = sorted(shelf[concept], key=lambda c: (-_seconds(c), c.id))[:6]
    return [Event(rng.choice(longest), 0.0, seconds, rng.uniform(-3, 0), bed=True)]


def _scene(template: Mapping[str, Any], half: str, turn: int, shelf: Mapping[str, list[Clip]]) -> Recording:
    name = f"scene:{half}:{template['name']}:{turn}"
    rng = random.Random(seeded(name))
    chosen = [_pick(shelf, concept, rng) for concept in template["events"]]
    needed = sum(_seconds(c) for c in chosen) + 1.5 * (len(chosen) + 1)
    low, high = template["seconds"]
    seconds = round(max(rng.uniform(low, high), needed), 1)
    scene = Recording(name, half, "scene", template["name"], rng.choice(RATES), 2 if rng.random() < 0.4 else 1, seconds)
    scene.events += _bed(template["bed"], seconds, shelf, rng)
    scene.events += _placed(chosen, template.get("order", "spread"), seconds, rng)
    return scene


def _placed(chosen: Sequence[Clip], order: str, seconds: float, rng: random.Random) -> list[Event]:
    lengths = [_seconds(c) for c in chosen]
    gains = [rng.uniform(4, 14) for _ in chosen]
    if order == "overlap":
        at = rng.uniform(0.5, max(0.6, seconds - max(lengths, default=0.0) - 0.5))
        return [Event(c, at, at + n, g) for c, n, g in zip(chosen, lengths, gains, strict=True)]
    if order == "sequence":
        gaps = [rng.uniform(0.2, 0.8) for _ in chosen]
        at = rng.uniform(0.5, max(0.6, seconds - sum(lengths) - sum(gaps)))
        events = []
        for clip, length, gap, gain in zip(chosen, lengths, gaps, gains, strict=True):
            events.append(Event(clip, at, at + length, gain))
            at += length + gap
        return events
    indices = list(range(len(chosen)))
    rng.shuffle(indices)
    slack = seconds - sum(lengths) - 0.5
    cuts = sorted(rng.uniform(0, max(0.1, slack)) for _ in chosen)
    at, before, events = 0.3, 0.0, []
    for index, cut in zip(indices, cuts, strict=True):
        at += cut - before
        before = cut
        events.append(Event(chosen[index], at, at + lengths[index], gains[index]))
        at += lengths[index]
    return events


def _long(spec: Mapping[str, Any], pool: Sequence[str], half: str, turn: int, shelf: Mapping[str, list[Clip]]) -> Recording:
    name = f"long:{half}:{turn}"
    rng = random.Random(seeded(name))
    seconds = round(rng.uniform(*spec["seconds"]), 1)
    recording = Recording(name, half, "long", "field recording", rng.choice((16000, 22050, 32000)), 1, seconds)
    beds = [b for b in spec["beds"] if b in ("silence", "pink-noise") or shelf[b]]
    third = seconds / 3
    for part, bed in enumerate(rng.sample(beds, 3)):
        for event in _bed(bed, third, shelf, rng):
            recording.events.append(Event(event.clip, part * third, (part + 1) * third, event.gain_db, bed=True))
    chosen = [_pick(shelf, rng.choice([p for p in pool if shelf[p]]), rng) for _ in range(rng.randint(*spec["events"]))]
    recording.events += _placed(chosen, "spread", seconds, rng)
    return recording


def _seconds(clip: Clip) -> float:
    return min(EVENT_SECONDS, load(clip.source).seconds)


def _add(mix: Samples, event: Event, rate: int, rng: np.random.Generator) -> None:
    first, last = round(event.start * rate), min(len(mix), round(event.end * rate))
    if last <= first:
        return
    n = last - first
    if event.clip is None:
        sound = _pink(n, rng)[:, None]
    else:
        sound = load(event.clip.source).at(rate, mono=True)
        sound = looped(sound, n, rate) if event.bed else sound[:n]
    sound = fade_edges(sound, rate, 0.5 if event.bed else 0.005)
    sound = sound * (BED_LEVEL * 10 ** (event.gain_db / 20) / max(level(sound), 1e-6))
    peak = float(np.abs(sound).max(initial=0.0))
    sound = sound * min(1.0, 0.8 / max(peak, 1e-6))
    mix[first : first + len(sound)] += sound * _pan(mix.shape[1], event, rng)


def _pan(channels: int, event: Event, rng: np.random.Generator) -> Samples:
    if channels == 1 or event.bed:
        return np.ones(channels, np.float32)
    angle = rng.uniform(0.15, 0.85) * np.pi / 2
    return np.array([np.cos(angle), np.sin(angle)], np.float32) * np.float32(np.sqrt(2))


def _pink(n: int, rng: np.random.Generator) -> Samples:
    """Noise whose power falls as 1/f."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    noise = np.fft.irfft(spectrum, n)
    return (noise / max(float(np.abs(noise).max()), 1e-9)).astype(np.float32)


def single(clip: Clip) -> Recording:
    """A recording that is one clip as it is: at most ``CLIP_SECONDS`` long, its rate lowered at random."""
    rng = random.Random(seeded(clip.id))
    sound = load(clip.source)
    rates = [r for r in RATES if r <= sound.rate] or [16000]
    channels = 2 if sound.channels > 1 and rng.random() < 0.5 else 1
    seconds = min(CLIP_SECONDS, sound.seconds)
    event = Event(clip, 0.0, seconds, 0.0)
    return Recording(f"clip:{clip.id}", str(clip.half), "clip", clip.title, rng.choice(rates), channels, seconds, [event])
