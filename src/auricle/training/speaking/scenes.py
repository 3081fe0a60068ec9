"""Scenes that were composed once (recipes/tiny_heads/compose.py): frames in memory, texts beside them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.data.items import Question
from auricle.data.world.facts import Facts, SceneEvent
from auricle.errors import DataError

UNHEARD = ("said", "words", "distance")  # kinds that no frame of the tower tells: a speaker's words, near or far
QUOTE = "“"
WHERE = re.compile(  # what else of a caption no frame tells: how far off a sound is, and in which room
    r",? \b(?:in the distance|far away|from afar|a long way off|far off|up close|close by|nearby|very near|right next to the microphone"
    r"|in a room|indoors|in a small room|inside a house|in a large hall|in an echoing hall|in a big room with much echo"
    r"|in a reverberant space|outdoors|outside|in the open air|out in the open)\b"
)
FRAME = 0.975  # seconds that a frame hears
CLEAR = 0.15  # seconds of a sound inside a frame that make it one of the frame's, or half of a shorter sound
HOP = 0.5  # seconds from one frame to the next, but for a last one that ends with the recording


@dataclass(frozen=True, slots=True, eq=False)
class SceneTexts:
    """frames: float16 ``[n, d + e]``. times: seconds ``[n]``. captions: true. false: captions that are not. clips: what it
    was made of."""

    index: int
    frames: npt.NDArray[np.float16]
    times: npt.NDArray[np.float32]
    captions: tuple[str, ...]
    false: tuple[str, ...]
    questions: tuple[Question, ...]
    clips: tuple[str, ...]
    labels: tuple[str, ...]
    events: tuple[SceneEvent, ...] = ()  # in the order of their starts


def read_scenes(folder: Path, most: int | None = None) -> list[SceneTexts]:
    """All whole shards of a folder, in order, without what quotes a speaker: a text that cannot be heard teaches to make things up.

    Raises DataError ``Missing`` where there is none.
    """
    found: list[SceneTexts] = []
    for shard in sorted(folder.glob("[0-9]*.npz")):
        with np.load(shard) as arrays:
            both = np.concatenate([arrays["frames"], arrays["envelopes"]], 1)
            starts = arrays["starts"]
        for number, line in enumerate(shard.with_suffix(".jsonl").read_text("utf-8").splitlines()):
            found.append(_scene(json.loads(line), both[starts[number] : starts[number + 1]]))
            if most is not None and len(found) == most:
                return found
    if not found:
        raise DataError("Missing", f"{folder} holds no scenes.", path=str(folder), hint="Compose some: recipes/tiny_heads/compose.py")
    return found


def _scene(row: Mapping[str, Any], frames: npt.NDArray[np.float16]) -> SceneTexts:
    asked = (Question(q["q"], q["a"], tuple(q["o"]), q["kind"]) for q in row["questions"])
    questions = tuple(q for q in asked if q.kind not in UNHEARD and q.question.count(QUOTE) < 2)
    true, false = (tuple(dict.fromkeys(WHERE.sub("", t) for t in row[key] if QUOTE not in t)) for key in ("captions", "false"))
    facts = Facts.read(row["facts"])
    labels = tuple(dict.fromkeys(e.label for e in facts.events))
    times = frame_times(len(frames), facts.seconds)
    return SceneTexts(
        row["index"], frames, times, true, false, questions, tuple(row["clips"]), labels, facts.events
    )  # fmt: skip


def frame_times(n: int, seconds: float) -> npt.NDArray[np.float32]:
    """Starts of frames on the grid; the last one may lie off it, ending with the recording."""
    times = np.arange(n, dtype=np.float32) * HOP
    if n > 1:
        times[-1] = min(times[-1], max(times[-2] + 0.01, seconds - FRAME))
    return times


def kinds_of(scenes: Iterable[SceneTexts], fewest: int = 3) -> list[str]:
    """The kinds of sound that are heard in so many scenes at least, in alphabetical order."""
    found = Counter(label for scene in scenes for label in {x for e in scene.events for x in (e.label, *e.also)})
    return sorted(label for label, n in found.items() if n >= fewest)


def truth(scene: SceneTexts, places: Mapping[str, int]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """What each frame holds ``[n, k]``, what begins in it ``[n, k]``, and of which kinds that is known ``[k]``. places: kind → column."""
    n, k = len(scene.frames), len(places)
    holds, begins, known = np.zeros((n, k), np.float32), np.zeros((n, k), np.float32), np.ones(k, bool)
    for event in scene.events:
        inside = np.minimum(scene.times + FRAME, event.end) - np.maximum(scene.times, event.start)
        there = inside >= min(CLEAR, event.seconds / 2)
        first = int(np.abs(scene.times + FRAME / 2 - event.start).argmin())
        for label in (event.label, *event.also):
            if label in places:
                holds[there, places[label]] = 1.0
                if not event.bed:
                    begins[first, places[label]] = 1.0
        known[[places[label] for label in event.maybe if label in places]] = False
    known |= holds.any(0)
    return holds, begins, known


def all_texts(scenes: Iterable[SceneTexts]) -> Iterable[str]:
    """For a tokenizer."""
    for scene in scenes:
        yield from scene.captions
        for question in scene.questions:
            yield question.question
            yield question.answer
            yield from question.options
