"""A corpus of a few tones in the benchmark's own format, for tests: what the recordings hold is known by construction."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import yaml

from auricle.evaluation.corpus import Concepts, Event, Recording

TREE = {
    "animal": {"canine": {"dog-bark": "dog barking", "wolf-howl": "wolf howling"}, "bird": {"crow-caw": "crow cawing"}},
    "nature": {"rain": "rain falling", "thunder": "thunder"},
    "human": {"speech": {"male-speech": "man speaking"}, "footsteps": {"steps-wood": "footsteps on wood"}},
    "music": {"piano": "piano", "drum": {"kick-drum": "kick drum", "snare-drum": "snare drum"}},
}
CONCEPTS = Concepts(TREE)


def event(concepts: str, start: float = 0.0, end: float = 4.0, *, says: str = "", clip: str = "", bed: bool = False) -> Event:
    """``"rain ?thunder"``: what is there, and what may be."""
    words = concepts.split()
    present = tuple(w for w in words if not w.startswith("?"))
    maybe = tuple(w[1:] for w in words if w.startswith("?"))
    name = clip or f"test:{present[0]}"
    return Event(start, end, name, name, present, maybe, says, bed)


def recording(*events: Event, id: str = "r", kind: str = "clip", path: str = "", half: str = "dev", tags: dict | None = None) -> Recording:
    duration = max(e.end for e in events)
    where = path or f"{half}/recorder/{id}.wav"
    return Recording(id, half, kind, where, "neutral", duration, 8000, 1, tags or {}, events, ("CC0",), f"sum of {id}")


def write_corpus(folder: Path, recordings: list[Recording], queries: dict, pitches: dict[str, float]) -> Path:
    """``pitches``: concept -> Hz of the tone that stands for it."""
    lines = []
    for r in recordings:
        path = folder / r.path
        path.parent.mkdir(parents=True, exist_ok=True)
        t = np.arange(round(r.duration * r.rate)) / r.rate
        mix = 0.003 * np.random.default_rng(len(lines)).standard_normal(len(t))
        for e in r.events:
            on = (t >= e.start) & (t < e.end)
            mix[on] += 0.3 * np.sin(2 * np.pi * pitches[e.concepts[0]] * t[on])
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(r.rate)
            file.writeframes((mix * 32767).astype("<i2").tobytes())
        events = [e.__dict__ for e in r.events]
        lines.append({**r.__dict__, "tags": dict(r.tags), "events": events})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "concepts.yaml").write_text(yaml.safe_dump(TREE))
    (folder / "queries.yaml").write_text(yaml.safe_dump(queries))
    return folder
