"""Sounds that nothing was trained on, in one form: the search benchmark's test half, or the training corpus's development side.

    held = of_benchmark(Corpus.load(folder), "test")       # what releases are measured on
    held = of_manifest(folder / "dev.jsonl")               # what choices are made on
    ears = Ears(model); ears.vectors(held, held.items)     # each clip heard once

Both give :class:`auricle.data.items.Item`: the most special label first and then all that it is a kind of; in ``extra`` what else is
known (``said``, ``instrument``, ``tempo`` …) and ``perhaps``, the labels that are left open. ``item.clip`` is the source that clips share.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from auricle.audio import Audio
from auricle.data.items import Item
from auricle.data.manifest import folder_of, locate, open_audio, read
from auricle.errors import DataError
from auricle.evaluation.corpus import Concepts, Corpus, Half, Recording
from auricle.evaluation.score import digest
from auricle.models import listening
from auricle.models.capabilities import Vectors
from auricle.models.two_towers import unit

SLOW_BPM, FAST_BPM = 60.0, 160.0  # what stands for the benchmark's "slow" (72 beats a minute or fewer) and "fast" (150 or more)
PLAYED = ("keyboard", "plucked", "bowed", "brass", "woodwind", "free-reed", "mallet", "singing", "synthesizer")
# Concepts of the tree that hold others together, and whose names are no sound that anyone would ask for.
_SPOKEN = ("speaker", "delivery", "language", "matter")
_NO_SOUND = frozenset((*_SPOKEN, "human", "form", "tempo", "home", "impact", "fantasy", "interface", "plucked", "bowed", "mallet"))
_PROGRAMME = re.compile(r"(music:(?:test|dev)-).*_(\d{3})")


@dataclass(frozen=True)
class HeldOut:
    """``name`` in words, for protocols. ``folder``: what the items' audio is relative to."""

    name: str
    items: tuple[Item, ...]
    folder: Path

    def open(self, item: Item, rate: int | None = None) -> Audio:
        """Mono. Raises AudioError."""
        return open_audio(item, self.folder, rate=rate)

    @cached_property
    def hash(self) -> str:
        """Of ids, sources, sound and truth."""
        return digest([[i.id, i.clip, i.hash, i.labels, sorted(i.extra.get("perhaps", ())), i.extra.get("said", "")] for i in self.items])

    def only(self, name: str, items: Iterable[Item]) -> HeldOut:
        return HeldOut(name, tuple(items), self.folder)


def of_benchmark(corpus: Corpus, half: Half) -> HeldOut:
    """The half's single clips. A rendered instrument is one source, whatever it plays; else a source is a recording family."""
    items = tuple(_item(corpus.concepts, r) for r in corpus.half(half) if r.kind == "clip")
    return HeldOut(f"search benchmark, {half} half, single clips, truth {corpus.truth_hash}", items, corpus.folder)


def of_manifest(path: str | os.PathLike[str], *, split: str = "dev") -> HeldOut:
    """The manifest's items of that split with sound. Raises DataError (Missing) where there is none: never another side instead."""
    items = tuple(item for item in read(path) if item.split == split and item.audio is not None)
    if not items:
        raise DataError("Missing", f"{os.fspath(path)}: no item is of the split {split!r}.", hint="Give the manifest of the held-out side.")
    return HeldOut(f"training corpus, {split} side", items, folder_of(path))


def _item(concepts: Concepts, recording: Recording) -> Item:
    event = recording.events[0]
    sure, possible = concepts.reading(event.concepts, event.maybe)
    special = [c for c in event.concepts if c in concepts.leaves] or list(event.concepts)
    rest = [above for c in event.concepts for above in concepts.line(c) if above not in special and above not in _NO_SOUND]
    labels = tuple(dict.fromkeys(concepts.names[c] for c in [*special, *rest]))
    extra: dict[str, Any] = {"perhaps": sorted(concepts.names[c] for c in possible - sure - _NO_SOUND)}
    if event.transcript:
        extra["said"] = event.transcript
    for concept, voice in (("male-speech", "man"), ("female-speech", "woman")):
        if concept in event.concepts:
            extra["voice"] = voice
    played = [c for c in event.concepts if not {*concepts.line(c)}.isdisjoint(PLAYED)]
    if len(played) == 1 and "music" in sure:
        extra["instrument"] = concepts.names[played[0]]
    for concept, tempo in (("slow-tempo", SLOW_BPM), ("fast-tempo", FAST_BPM)):
        if concept in event.concepts:
            extra["tempo"] = tempo
    return Item(
        id=recording.id, audio=recording.path, duration=recording.duration, labels=labels, split=recording.half, set="search benchmark",
        clip=_source(event.family), source=event.clip, licence=" AND ".join(recording.licences), hash=recording.sha256, extra=extra,
    )  # fmt: skip


def _source(family: str) -> str:
    found = _PROGRAMME.fullmatch(family)
    return found[1] + found[2] if found else family


class Ears:
    """What one model hears of clips: a unit vector a clip, the mean of its windows. Each clip is heard once."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._heard: dict[str, Vectors] = {}

    def vectors(self, held: HeldOut, items: Sequence[Item]) -> Vectors:
        """float32 ``[n, d]``, unit norm. Raises AudioError for a clip that cannot be heard: what is measured is never fewer than n."""
        rows = []
        for item in items:
            key = f"{held.folder}\n{item.id}"
            if key not in self._heard:
                self._heard[key] = unit_mean(listening.hear(_whole(held, item), self.model).vectors)
            rows.append(self._heard[key])
        return np.stack(rows) if rows else np.zeros((0, self.model.dim), np.float32)


def _whole(held: HeldOut, item: Item) -> str | Audio:
    """The file itself, which is read in blocks, or the part of it that the item is."""
    place = locate(item, held.folder)
    if isinstance(place, str) and item.start == 0.0 and item.end is None:
        return place
    return held.open(item)


def unit_mean(vectors: Vectors) -> Vectors:
    """The mean of the rows, at unit norm."""
    return unit(vectors.mean(axis=0, dtype=np.float64))
